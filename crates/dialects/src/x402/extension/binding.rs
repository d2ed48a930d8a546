//! `farthing-binding`: a server that knows how our wallet derives its nonces asks for the salt, and checks
//! with it that the payment is for what is asked.

use farthing_protocol::{JsonObject, base64url};
use serde_json::Value;

use crate::x402::binding::RULE;
use crate::x402::{Malformed, Salt};

/// The extension's name.
pub const NAME: &str = "farthing-binding";

/// What a server that checks says: to be put under [`NAME`].
pub fn advertisement() -> Value {
    serde_json::json!({ "info": { "rule": RULE } })
}

/// Whether the server checks, by the rule that we know.
pub fn is_advertised(extensions: &JsonObject) -> bool {
    super::info(extensions, NAME).and_then(|info| info.get("rule")).and_then(Value::as_str) == Some(RULE)
}

/// Adds the salt to what is echoed.
pub fn add_salt(extensions: &mut JsonObject, salt: &Salt) {
    let info = extensions.get_mut(NAME).and_then(|extension| extension.get_mut("info")).and_then(Value::as_object_mut);
    if let Some(info) = info {
        info.insert("salt".to_owned(), base64url::encode(salt).into());
    }
}

/// The client's salt, if it says one.
pub fn salt(extensions: &JsonObject) -> Result<Option<Salt>, Malformed> {
    let Some(told) = super::info(extensions, NAME).and_then(|info| info.get("salt")) else { return Ok(None) };
    let salt = told.as_str().and_then(read_salt);
    salt.map(Some).ok_or(Malformed::member("salt", "16 bytes in base64url"))
}

pub(in crate::x402) fn read_salt(text: &str) -> Option<Salt> {
    base64url::decode(text).ok()?.try_into().ok()
}
