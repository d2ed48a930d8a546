//! `preview`: what a URL costs, which offers there are and what the policy says, paying nothing.

use farthing_wallet::client::{ExplainedOffer, plain};
use http::StatusCode;
use reqwest::Request;
use rmcp::model::{CallToolResult, Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::schema;
use crate::Server;

pub(super) const NAME: &str = "preview";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    url: String,
}

pub(super) fn tool() -> Tool {
    let about = "Says what a URL would cost to fetch, which ways to pay it offers, and whether the owner's policy \
        allows each of them. Pays nothing and signs nothing. It asks the server with an unpaid GET; what needs another \
        method has no preview.";
    let input = json!({
        "type": "object",
        "properties": { "url": { "type": "string", "description": "What would be fetched, beginning with https://" } },
        "required": ["url"],
        "additionalProperties": false
    });
    let annotations = ToolAnnotations::with_title("Preview a price")
        .read_only(true)
        .destructive(false)
        .idempotent(true)
        .open_world(true);
    Tool::new(NAME, about, schema(input)).with_annotations(annotations)
}

pub(super) async fn run(server: &Server, asked: Asked) -> Result<CallToolResult, String> {
    let url: Url = asked.url.parse().map_err(|error| format!("the url cannot be read: {error}"))?;
    let request = Request::new(http::Method::GET, url);
    let explanation = server.client.explain(request, None).await.map_err(|error| plain(&error.to_string()))?;
    let is_free = explanation.status != StatusCode::PAYMENT_REQUIRED;
    Ok(CallToolResult::structured(json!({
        "status": explanation.status.as_u16(),
        "must_be_paid": !is_free,
        "would_be_paid": explanation.offers.iter().any(ExplainedOffer::is_payable),
        "offers": explanation.offers.iter().map(offer).collect::<Vec<_>>(),
        "not_payable": explanation.reasons.iter().map(|reason| plain(reason)).collect::<Vec<_>>(),
    })))
}

fn offer(offer: &ExplainedOffer) -> Value {
    json!({
        "method": offer.method,
        "protocol": offer.protocol,
        "cost": offer.cost.to_string(),
        "asset": offer.asset,
        "chain": offer.chain,
        "payee": offer.payee,
        "allowed": offer.denied_by.is_none(),
        "rule": offer.denied_by.map(|rule| rule.to_string()),
        "policy_says": offer.sentence,
        "shortage": offer.shortage,
    })
}
