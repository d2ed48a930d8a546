//! `fetch`: gets a URL, and pays for it if it asks and the policy allows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farthing_wallet::client::{Order, plain};
use farthing_wallet::{Outcome, PayError};
use reqwest::Response;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::request::Asked;
use super::schema;
use crate::approval::{Next, Person};
use crate::{Server, summary};

pub(super) const NAME: &str = "fetch";

/// The longest body that is handed on; a model cannot read more.
const LONGEST_BODY: usize = 1024 * 1024;

pub(super) fn tool() -> Tool {
    let about = "Fetches a URL. If the server asks for a payment, pays it from the wallet, as long as the owner's \
        policy allows it, and returns the content with what was paid. Calling it again with the same arguments is \
        another purchase, except after an answer whose outcome is \"unknown\": then the same call finishes the \
        payment that was begun and does not pay anew.";
    let input = json!({
        "type": "object",
        "properties": {
            "url": { "type": "string", "description": "What to fetch, beginning with https://" },
            "method": { "type": "string", "description": "The HTTP method; GET, or POST when there is a body" },
            "headers": {
                "type": "object",
                "additionalProperties": { "type": "string" },
                "description": "Headers of the request, such as Content-Type or Accept"
            },
            "body": { "type": "string", "description": "The body of the request, as text" }
        },
        "required": ["url"],
        "additionalProperties": false
    });
    let annotations = ToolAnnotations::with_title("Fetch a URL, paying if needed")
        .read_only(false)
        .destructive(true)
        .idempotent(false)
        .open_world(true);
    Tool::new(NAME, about, schema(input)).with_annotations(annotations).with_raw_output_schema(schema(output()).into())
}

fn output() -> Value {
    json!({
        "type": "object",
        "properties": {
            "outcome": {
                "type": "string",
                "description": "free, paid, refused, awaits_approval, no_offer, unknown, unconfirmed, server_error or failed"
            },
            "status": { "type": "integer", "description": "The server's status code" },
            "content_type": { "type": ["string", "null"] },
            "truncated": { "type": "boolean", "description": "Whether the content was too long to be given whole" },
            "paid": { "type": "string", "description": "What was paid, at most" },
            "receipt": { "type": "string", "description": "The seller's reference of the payment" },
            "rule": { "type": "string", "description": "The rule of the policy that refused" },
            "sentence": { "type": "string", "description": "What happened, where it is no plain success" }
        },
        "required": ["outcome"]
    })
}

pub(super) async fn run(server: &Server, person: &Person<'_>, asked: Asked) -> Result<CallToolResponse, String> {
    let outcome = pay(server, &asked).await?;
    let outcome = match person.consult(server.client.wallet(), &outcome).await? {
        Next::Over => outcome,
        Next::Again => pay(server, &asked).await?,
        Next::Input(input) => return Ok(input.into()),
    };
    Ok(told(outcome).await.into())
}

async fn pay(server: &Server, asked: &Asked) -> Result<Outcome, String> {
    match server.client.pay_as(asked.request()?, &Order::default()).await {
        Err(PayError::Private(private)) => Ok(Outcome::Refused { rule: None, sentence: private.to_string() }),
        paid => paid.map_err(|error| plain(&error.to_string())),
    }
}

/// The content as it came, and beside it what the wallet says; never mixed, since the content is somebody else's.
async fn told(outcome: Outcome) -> CallToolResult {
    let summary = summary::of(&outcome);
    let (Outcome::Free { response }
    | Outcome::Paid { response, .. }
    | Outcome::Unconfirmed { response, .. }
    | Outcome::ServerError { response, .. }) = outcome
    else {
        return summary.into_result();
    };
    let (content, facts) = read(response).await;
    let summary = summary.with(facts);
    let text = ContentBlock::text(summary.text());
    summary.into_result_with(vec![content, text])
}

/// The body, as far as it is handed on, and what is known of it.
async fn read(mut response: Response) -> (ContentBlock, Value) {
    let status = response.status().as_u16();
    let kind =
        response.headers().get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    let mut truncated = false;
    // Whatever breaks off was paid for as far as it came.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_BODY {
            body.truncate(LONGEST_BODY);
            truncated = true;
            break;
        }
    }
    let facts = json!({ "status": status, "content_type": kind, "truncated": truncated });
    (content(body, kind.as_deref().unwrap_or_default(), truncated), facts)
}

fn content(body: Vec<u8>, kind: &str, truncated: bool) -> ContentBlock {
    if kind.starts_with("image/") && !truncated {
        return ContentBlock::image(STANDARD.encode(body), kind.split(';').next().unwrap_or(kind).trim());
    }
    match String::from_utf8(body) {
        Ok(text) => ContentBlock::text(text),
        Err(error) if truncated || kind.starts_with("text/") => {
            ContentBlock::text(String::from_utf8_lossy(error.as_bytes()).into_owned())
        }
        Err(error) => ContentBlock::text(format!("base64:{}", STANDARD.encode(error.as_bytes()))),
    }
}
