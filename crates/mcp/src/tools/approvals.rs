//! `approvals`: which payments wait for the owner.

use farthing_books::{ApprovalRecord, ApprovalState};
use farthing_wallet::client::plain;
use rmcp::model::{CallToolResult, Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::schema;
use crate::Server;

pub(super) const NAME: &str = "approvals";

pub(super) fn tool() -> Tool {
    let about = "Lists the payments that wait for the owner's yes or no. Answers none of them: the owner does, and then \
        the same call of `fetch` pays.";
    let input = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let annotations = ToolAnnotations::with_title("Payments that wait")
        .read_only(true)
        .destructive(false)
        .idempotent(true)
        .open_world(false);
    Tool::new(NAME, about, schema(input)).with_annotations(annotations)
}

pub(super) async fn run(server: &Server) -> Result<CallToolResult, String> {
    let records = server.client.wallet().approvals().await.map_err(|error| error.to_string())?;
    let waiting = records.iter().filter(|record| record.state == ApprovalState::Pending);
    Ok(CallToolResult::structured(json!({ "waiting": waiting.map(waits).collect::<Vec<_>>() })))
}

fn waits(record: &ApprovalRecord) -> Value {
    let facts = &record.facts;
    json!({
        "id": record.id.to_string(),
        "cost": facts.cost.to_string(),
        "origin": plain(&facts.origin),
        "payee": facts.payee.as_deref().map(plain),
        "request": plain(&facts.bought),
        "sentence": plain(&record.sentence),
        "until": record.deadline.to_rfc3339(),
        "answer_with": format!("farthing approvals allow {}", record.id),
    })
}
