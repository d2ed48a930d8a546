//! What became of a call, for a model: facts by name, and a sentence where it is no plain success.

use farthing_wallet::Outcome;
use farthing_wallet::client::plain;
use http::StatusCode;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject};
use serde_json::{Value, json};

/// What became of one call.
pub(crate) struct Summary {
    facts: JsonObject,
    is_error: bool,
}

/// The tool did not do its work; why, in one sentence.
pub(crate) fn failed(sentence: &str) -> CallToolResult {
    Summary::not_done("failed", sentence, Value::Null).into_result()
}

/// What an outcome comes to.
pub(crate) fn of(outcome: &Outcome) -> Summary {
    match outcome {
        Outcome::Free { response } if response.status().is_success() => Summary::done(json!({ "outcome": "free" })),
        Outcome::Free { response } => {
            let sentence = format!("the server answered {}; nothing was paid", response.status());
            Summary::not_done("server_error", &sentence, Value::Null)
        }
        Outcome::Paid { receipt, cost, .. } => {
            let mut facts = json!({ "outcome": "paid", "paid": cost.to_string() });
            if let (Some(facts), Some(receipt)) = (facts.as_object_mut(), receipt) {
                facts.insert("receipt".into(), plain(&receipt.reference).into());
            }
            Summary::done(facts)
        }
        Outcome::Unconfirmed { cost, sentence, .. } => {
            let sentence = format!("whether {cost} was paid is not known: {}; it stays counted", plain(sentence));
            Summary::done(json!({ "outcome": "unconfirmed", "sentence": sentence }))
        }
        Outcome::ServerError { response, cost } => {
            let answered = match response.status() {
                // An error that came in other words than those of HTTP.
                StatusCode::BAD_REQUEST => "with an error".to_owned(),
                status => format!("with {status}"),
            };
            let sentence = format!(
                "the server answered the payment {answered}; {cost} stays counted, and the same call again does not pay anew"
            );
            Summary::not_done("server_error", &sentence, Value::Null)
        }
        Outcome::Refused { rule, sentence } => {
            let rule = rule.map(|rule| json!({ "rule": rule.to_string() })).unwrap_or_default();
            Summary::not_done("refused", &format!("not paid: {sentence}"), rule)
        }
        Outcome::AwaitsApproval { id, sentence, deadline } => {
            let sentence = format!(
                "not paid yet: {sentence}. The owner answers until {} with: farthing approvals allow {id} (or deny); \
                 then the same call pays",
                deadline.to_rfc3339()
            );
            Summary::not_done("awaits_approval", &sentence, json!({ "approval": id.to_string() }))
        }
        Outcome::NoOffer { reasons } => {
            Summary::not_done("no_offer", &format!("not paid: {}", distinct(reasons)), Value::Null)
        }
        Outcome::Unknown { sentence, repeatable, .. } => {
            let next = if *repeatable { "; the same call again finishes it and does not pay anew" } else { "" };
            Summary::not_done("unknown", &format!("the outcome is not known: {sentence}{next}"), Value::Null)
        }
        other => Summary::not_done("unknown", &format!("the outcome is not known: {other:?}"), Value::Null),
    }
}

impl Summary {
    fn done(facts: Value) -> Self {
        Self { facts: object(facts), is_error: false }
    }

    fn not_done(outcome: &str, sentence: &str, more: Value) -> Self {
        let mut facts = object(json!({ "outcome": outcome, "sentence": plain(sentence) }));
        facts.extend(object(more));
        Self { facts, is_error: true }
    }

    /// With more facts.
    pub(crate) fn with(mut self, more: Value) -> Self {
        self.facts.extend(object(more));
        self
    }

    /// Whether there is nothing to tell: it was free.
    pub(crate) fn is_plain(&self) -> bool {
        !self.is_error && self.facts.len() == 1
    }

    /// The facts, as text.
    pub(crate) fn text(&self) -> String {
        Value::Object(self.facts.clone()).to_string()
    }

    /// The sentence, if it is no plain success.
    pub(crate) fn sentence(&self) -> Option<&str> {
        self.facts.get("sentence").and_then(Value::as_str)
    }

    /// A result without content of a server's: the sentence, or the facts.
    pub(crate) fn into_result(self) -> CallToolResult {
        let text = self.sentence().map_or_else(|| self.text(), str::to_owned);
        self.into_result_with(vec![ContentBlock::text(text)])
    }

    /// A result with this content, and the facts beside it.
    pub(crate) fn into_result_with(self, content: Vec<ContentBlock>) -> CallToolResult {
        let mut result = CallToolResult::success(content);
        result.is_error = Some(self.is_error);
        result.structured_content = Some(Value::Object(self.facts));
        result
    }
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

/// Each reason once.
fn distinct(reasons: &[String]) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for reason in reasons {
        if !distinct.contains(&reason.as_str()) {
            distinct.push(reason);
        }
    }
    if distinct.is_empty() { "the server offers no way to pay".to_owned() } else { distinct.join("; ") }
}
