//! `history`: what was paid lately, to whom and for what.

use farthing_books::budget::ReservationRecord;
use farthing_wallet::client::plain;
use rmcp::model::{CallToolResult, Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::schema;
use crate::Server;

pub(super) const NAME: &str = "history";

/// How many payments are listed, if nobody says, and at most.
const USUAL: u32 = 20;
const MOST: u32 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    limit: Option<u32>,
}

pub(super) fn tool() -> Tool {
    let about = "Lists what the wallet paid lately, the newest first: when, to whom, for what, how much and what became \
        of it.";
    let input = json!({
        "type": "object",
        "properties": {
            "limit": { "type": "integer", "minimum": 1, "maximum": MOST, "description": "How many payments to list; 20 if not said" }
        },
        "additionalProperties": false
    });
    let annotations = ToolAnnotations::with_title("Payment history")
        .read_only(true)
        .destructive(false)
        .idempotent(true)
        .open_world(false);
    Tool::new(NAME, about, schema(input)).with_annotations(annotations)
}

pub(super) async fn run(server: &Server, asked: Asked) -> Result<CallToolResult, String> {
    let wallet = server.client.wallet();
    let limit = asked.limit.unwrap_or(USUAL).clamp(1, MOST);
    let records =
        wallet.budgets().reservations(wallet.name().as_str(), limit).await.map_err(|error| error.to_string())?;
    Ok(CallToolResult::structured(json!({ "payments": records.iter().map(payment).collect::<Vec<_>>() })))
}

fn payment(record: &ReservationRecord) -> Value {
    let reservation = &record.reservation;
    json!({
        "at": reservation.at.to_rfc3339(),
        "origin": reservation.origin,
        "request": plain(&reservation.request),
        "cost": reservation.cost.to_string(),
        "state": record.state.as_str(),
        "receipt": record.receipt.as_deref().map(plain),
        "reason": record.reason.as_deref().map(plain),
    })
}
