//! Challenges and receipts as the suite's JSON writes them.

use farthing_protocol::jsonrpc::{challenge_from_object, challenge_to_object};
use farthing_protocol::{Challenge, JsonObject, Receipt};
use serde_json::Value;

use super::{Failure, Kind};

/// The text member `name`.
pub(super) fn text<'a>(input: &'a JsonObject, name: &str, kind: Kind) -> Result<&'a str, Failure> {
    let found = input.get(name).and_then(Value::as_str);
    found.ok_or_else(|| kind.because(format!("the input's \"{name}\" must be text")))
}

/// A challenge with its request decoded, absent members left out: the form of JSON-RPC.
pub(super) fn challenge_object(challenge: &Challenge) -> Result<JsonObject, Failure> {
    challenge_to_object(challenge).map_err(|reason| Kind::Parse.because(reason))
}

pub(super) fn read_challenge(object: &JsonObject, kind: Kind) -> Result<Challenge, Failure> {
    challenge_from_object(object).map_err(|reason| kind.because(reason))
}

/// The four members of every receipt, `externalId`, and all others under `extra`.
pub(super) fn receipt_object(receipt: &Receipt) -> JsonObject {
    let known = ["status", "method", "timestamp", "reference", "externalId"];
    let (mut object, extra): (JsonObject, JsonObject) =
        receipt.to_object().into_iter().partition(|(name, _)| known.contains(&name.as_str()));
    if !extra.is_empty() {
        object.insert("extra".to_owned(), Value::Object(extra));
    }
    object
}

pub(super) fn read_receipt(object: &JsonObject) -> Result<Receipt, Failure> {
    text(object, "reference", Kind::Format)?;
    let mut members = object.clone();
    if let Some(Value::Object(extra)) = members.remove("extra") {
        members.extend(extra);
    }
    Receipt::from_object(members).map_err(|reason| Kind::Format.because(reason))
}
