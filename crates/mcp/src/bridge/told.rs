//! What an assistant is told of a call of another server.

use farthing_protocol::JsonObject;
use farthing_wallet::Outcome;
use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, ErrorCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::summary;

/// A tool's own result, with what was paid for it at the end; or why there is none.
pub(super) async fn tool(outcome: Outcome) -> CallToolResult {
    let summary = summary::of(&outcome);
    let Some(message) = message(outcome).await else { return summary.into_result() };
    let mut result = match read::<CallToolResult>(message) {
        Ok(result) => result,
        Err(error) => CallToolResult::error(vec![ContentBlock::text(error.message.into_owned())]),
    };
    if !summary.is_plain() {
        result.content.push(ContentBlock::text(summary.text()));
    }
    result
}

/// The same of what is no tool.
pub(super) async fn other<T: DeserializeOwned>(outcome: Outcome) -> Result<T, ErrorData> {
    let summary = summary::of(&outcome);
    match message(outcome).await {
        Some(message) => read(message),
        None => Err(error(summary.sentence().unwrap_or("nothing came back"))),
    }
}

pub(super) fn failed(sentence: &str) -> CallToolResult {
    summary::failed(sentence)
}

pub(super) fn error(sentence: &str) -> ErrorData {
    ErrorData::new(ErrorCode::INTERNAL_ERROR, sentence.to_owned(), None)
}

/// The message that a response of the wallet's is made of.
async fn message(outcome: Outcome) -> Option<JsonObject> {
    let (Outcome::Free { response }
    | Outcome::Paid { response, .. }
    | Outcome::Unconfirmed { response, .. }
    | Outcome::ServerError { response, .. }) = outcome
    else {
        return None;
    };
    serde_json::from_slice(&response.bytes().await.ok()?).ok()
}

fn read<T: DeserializeOwned>(mut message: JsonObject) -> Result<T, ErrorData> {
    if let Some(error) = message.remove("error") {
        return Err(serde_json::from_value(error).unwrap_or_else(|_| self::error("the server answered with an error")));
    }
    let result = message.remove("result").unwrap_or(Value::Null);
    serde_json::from_value(result).map_err(|_| error("the server answered something else than was asked for"))
}
