//! `wallet`: what may be spent and what is left of it.

use farthing_money::Price;
use farthing_wallet::Used;
use rmcp::model::{CallToolResult, Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::on_chains::{self, PATIENCE};
use super::schema;
use crate::Server;

pub(super) const NAME: &str = "wallet";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) fn tool() -> Tool {
    let about = "Shows the wallet: its public accounts and what they hold on chains, the limits that its owner set, what \
        was spent and what is left. Changes nothing; limits are changed by the owner, outside of this conversation.";
    let input = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let annotations = ToolAnnotations::with_title("Show the wallet")
        .read_only(true)
        .destructive(false)
        .idempotent(true)
        .open_world(false);
    Tool::new(NAME, about, schema(input)).with_annotations(annotations)
}

pub(super) async fn run(server: &Server) -> Result<CallToolResult, String> {
    let name = server.client.wallet().name();
    let summary = server.wallets.show(name).map_err(|error| error.to_string())?;
    let spending = server.wallets.spending(name).await.map_err(|error| error.to_string())?;
    let limits = summary.policy.as_ref().map(|policy| {
        let text = |price: Option<Price>| price.map(|price| price.to_string());
        let used = |limit: Option<Price>, used: Option<Used>| limit.zip(used).map(|(limit, used)| left(limit, used));
        json!({
            "per_payment": text(policy.per_payment),
            "per_day": used(policy.per_day, spending.map(|spending| spending.today)),
            "total": used(policy.total, spending.map(|spending| spending.total)),
            "origins": policy.origins.as_ref().map(|origins| {
                origins.iter().map(|origin| origin.origin.to_string()).collect::<Vec<_>>()
            }),
        })
    });
    let on_chains = match &server.on_chains {
        Some(on_chains) => Some(on_chains::asked(on_chains.as_ref(), PATIENCE).await),
        None => None,
    };
    Ok(CallToolResult::structured(json!({
        "wallet": name.as_str(),
        "did": summary.did,
        "address": summary.address,
        "frozen": summary.frozen,
        "limits": limits,
        "on_chains": on_chains,
        "payments_under_way": summary.outgoing,
    })))
}

fn left(limit: Price, used: Used) -> Value {
    let taken = used.spent.millionths().saturating_add(used.reserved.millionths());
    let left = Price::from_millionths(limit.millionths().saturating_sub(taken), limit.currency());
    json!({
        "limit": limit.to_string(),
        "spent": used.spent.to_string(),
        "reserved": used.reserved.to_string(),
        "left": left.to_string(),
    })
}
