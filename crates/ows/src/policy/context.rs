use farthing_protocol::{JsonObject, Timestamp};
use serde_json::{Value, json};

use crate::decode::{Decoded, Kind, hexadecimal};
use crate::policy::Spent;
use crate::policy::verdict::midnight;
use crate::{Asset, Chain, LedgerError, Presented};

/// Who asks.
pub(crate) struct Asker<'a> {
    pub(crate) wallet_id: &'a str,
    pub(crate) api_key_id: &'a str,
    /// The wallet's own account.
    pub(crate) address: &'a str,
}

/// What an executable policy is told: everything that the standard's versions 1.3 and 1.4 have, and what
/// each would find. `spending.daily_total` is what was signed for today of the chain's own coin;
/// `spending.assets` says the same of everything that is asked for now.
pub(crate) fn context(
    asker: &Asker<'_>,
    presented: &Presented,
    decoded: &Decoded,
    chain: Chain,
    now: Timestamp,
    spent: &Spent<'_>,
) -> Result<JsonObject, LedgerError> {
    let today = midnight(now);
    let coin = Asset { chain, token: None };
    let mut assets = JsonObject::new();
    for asset in decoded.facts.totals().keys() {
        assets.insert(asset.to_string(), spent(asset, today)?.to_string().into());
    }
    let date = today.to_rfc3339().split('T').next().unwrap_or_default().to_owned();
    let mut context = JsonObject::new();
    let mut put = |name: &str, value: Value| context.insert(name.to_owned(), value);
    put("chain_id", chain.to_string().into());
    put("wallet_id", asker.wallet_id.into());
    put("api_key_id", asker.api_key_id.into());
    put("request_type", presented.operation().into());
    put("timestamp", now.to_rfc3339().into());
    put("spending", json!({ "daily_total": spent(&coin, today)?.to_string(), "date": date, "assets": assets }));
    let effects = decoded.facts.effects(asker.address);
    match &decoded.kind {
        Kind::TypedData(typed) => {
            put("typed_data", typed_data(typed, &effects));
        }
        Kind::Transaction(unsigned) => {
            let to = unsigned.to().map(|to| to.to_checksum(None));
            let transaction = json!({
                "to": to,
                "value": unsigned.value().to_string(),
                "data": hexadecimal(unsigned.data()),
                "raw_hex": raw(presented),
                "effects": effects,
            });
            put("transaction", transaction);
        }
        Kind::Message => {
            put("transaction", json!({ "raw_hex": raw(presented), "effects": [] }));
        }
    }
    Ok(context)
}

fn typed_data(typed: &crate::decode::Typed, effects: &Value) -> Value {
    let mut told = JsonObject::new();
    let mut put = |name: &str, value: Option<Value>| value.and_then(|value| told.insert(name.to_owned(), value));
    put("verifying_contract", typed.facts().contract.map(|contract| contract.to_checksum(None).into()));
    put("domain_chain_id", typed.chain().map(|chain| chain.0.into()));
    put("primary_type", Some(typed.primary_type().into()));
    put("domain_name", typed.domain_name().map(Value::from));
    put("domain_version", typed.domain_version().map(Value::from));
    put("raw_json", Some(typed.json.as_str().into()));
    put("effects", Some(effects.clone()));
    told.into()
}

/// Hexadecimal digits alone, as the standard's tools write them.
fn raw(presented: &Presented) -> String {
    hexadecimal(presented.bytes()).trim_start_matches("0x").to_owned()
}
