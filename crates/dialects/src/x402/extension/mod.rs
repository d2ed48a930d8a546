//! What is said beside offers and payments, by the names of extensions: `{info, schema}` each. A client
//! echoes what it was told, may add to `info`, and must not change or remove anything there.

pub mod bazaar;
pub mod binding;
mod echo;
pub mod offer_receipt;
pub mod payment_identifier;

pub use echo::{EchoMismatch, check_echo};

use farthing_protocol::JsonObject;
use serde_json::Value;

/// What an extension says: its `info`.
fn info<'a>(extensions: &'a JsonObject, name: &str) -> Option<&'a JsonObject> {
    extensions.get(name)?.as_object()?.get("info").and_then(Value::as_object)
}
