//! The terms of a payment request, as the service says them.

use farthing_protocol::JsonObject;
use farthing_protocol::json::parse_object;
use serde_json::{Value, json};

use super::amount::decimal;
use super::{DISAGREE, Reference, agreeing};

const UNREADABLE: &str = "the ATXP payment request cannot be read";
const NO_WAY: &str =
    "the ATXP payment request offers no way that can be decoded: no price list of x402, and no USDC on Base";

/// How long a payment for these terms may be taken, in seconds: what the sellers' library asks for.
const TIMEOUT: u64 = 300;

/// A token in which requests are paid, by the name of its chain.
struct Token {
    chain: &'static str,
    network: &'static str,
    asset: &'static str,
    /// The name under which its contract verifies authorizations.
    name: &'static str,
}

const USDC: [Token; 2] = [
    Token {
        chain: "base",
        network: "eip155:8453",
        asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        name: "USD Coin",
    },
    Token {
        chain: "base_sepolia",
        network: "eip155:84532",
        asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
        name: "USDC",
    },
];

impl Reference {
    /// The price list in x402's words that the terms come to, or in one sentence why they come to none. `body` is what
    /// was read at [`url`](Self::url).
    ///
    /// # Errors
    ///
    /// One sentence, when the terms cannot be decoded or ask for more than the text said.
    pub fn terms(&self, body: &[u8]) -> Result<JsonObject, &'static str> {
        let terms = parse_object(body).map_err(|_| UNREADABLE)?;
        let said = terms.get("chargeAmount").and_then(decimal);
        if let Some(list) = terms.get("x402").and_then(Value::as_object) {
            return agreeing(list, self.charged.or(said)).ok_or(DISAGREE);
        }
        let options = ["destinations", "options"].into_iter().find_map(|name| terms.get(name)?.as_array().cloned());
        // The oldest form is one option, written into the request itself.
        let options = options.unwrap_or_else(|| vec![Value::Object(terms.clone())]);
        let entries: Vec<_> = options.iter().filter_map(entry).collect();
        if entries.is_empty() {
            return Err(NO_WAY);
        }
        let most = self.charged.or(said).or_else(|| entries.iter().map(|(amount, _)| *amount).min());
        let entries = entries.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>();
        let list = json!({ "x402Version": 2, "accepts": entries });
        list.as_object().and_then(|list| agreeing(list, most)).ok_or(DISAGREE)
    }
}

/// An option that can be paid by an authorization of a known token: its amount, and the entry of a price list.
fn entry(option: &Value) -> Option<(u128, Value)> {
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| option.get(name)?.as_str());
    let chain = text(["chain", "network"])?;
    let token = USDC.iter().find(|token| token.chain == chain)?;
    let payee = text(["address", "destination"]).filter(|payee| is_account(payee))?;
    let amount = decimal(option.get("amount")?).filter(|amount| *amount > 0)?;
    let is_usdc = option.get("currency").and_then(Value::as_str).is_some_and(|name| name.eq_ignore_ascii_case("USDC"));
    is_usdc.then(|| {
        let entry = json!({
            "scheme": "exact", "network": token.network, "amount": amount.to_string(), "asset": token.asset,
            "payTo": payee, "maxTimeoutSeconds": TIMEOUT, "extra": { "name": token.name, "version": "2" },
        });
        (amount, entry)
    })
}

fn is_account(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}
