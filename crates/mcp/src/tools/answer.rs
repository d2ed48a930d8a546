use farthing_wallet::client::plain;
use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

/// A result for a model: the same facts as an object and as text, for clients that read only one of them.
pub(super) fn told(facts: Value) -> CallToolResult {
    CallToolResult::structured(facts)
}

/// The tool did not do its work; why, in one sentence.
pub(super) fn failed(sentence: &str) -> CallToolResult {
    not_done("failed", sentence, json!({}))
}

/// Nothing was bought, or it is not known; why, in one sentence, with what else is known.
pub(super) fn not_done(outcome: &str, sentence: &str, facts: Value) -> CallToolResult {
    let sentence = plain(sentence);
    let mut told = json!({ "outcome": outcome, "sentence": sentence });
    if let (Some(told), Value::Object(facts)) = (told.as_object_mut(), facts) {
        told.extend(facts);
    }
    let mut result = CallToolResult::error(vec![ContentBlock::text(sentence)]);
    result.structured_content = Some(told);
    result
}
