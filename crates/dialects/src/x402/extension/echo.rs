use farthing_protocol::JsonObject;
use serde_json::Value;

use super::offer_receipt;

/// An extension came back changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment changes what the server said in the extension \"{0}\"; echo it and only add to it")]
pub struct EchoMismatch(pub String);

impl EchoMismatch {
    /// The code of it.
    pub const CODE: &str = "extension_echo_mismatch";
}

/// Checks that what a client echoes still says what the server told it: every member of `info`, at any
/// depth; the client may add members. A client may also echo nothing at all, or leave an extension out.
/// Signed offers are made anew with each price list, and are not compared.
pub fn check_echo(told: &JsonObject, echoed: &JsonObject) -> Result<(), EchoMismatch> {
    let is_kept = |name: &str, echo: &Value| match told.get(name) {
        Some(told) if name == offer_receipt::NAME => keeps(&without_offers(info(told)), info(echo)),
        Some(told) => keeps(info(told), info(echo)),
        None => true,
    };
    let changed = echoed.iter().find(|(name, echo)| !is_kept(name, echo));
    changed.map_or(Ok(()), |(name, _)| Err(EchoMismatch(name.clone())))
}

fn without_offers(info: &Value) -> Value {
    let mut info = info.clone();
    if let Some(members) = info.as_object_mut() {
        members.remove("offers");
    }
    info
}

/// What an extension says; one that is not in the usual form is all that it says.
fn info(extension: &Value) -> &Value {
    extension.get("info").unwrap_or(extension)
}

fn keeps(told: &Value, echoed: &Value) -> bool {
    match (told, echoed) {
        (Value::Object(told), Value::Object(echoed)) => {
            told.iter().all(|(name, value)| echoed.get(name).is_some_and(|echo| keeps(value, echo)))
        }
        _ => told == echoed,
    }
}
