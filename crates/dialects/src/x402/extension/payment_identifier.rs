//! `payment-identifier`: a name that the client gives to its payment, so that a server that is asked twice
//! answers twice and takes once. The same name with another payload is refused with 409, none where one is
//! required with 400.

use farthing_protocol::JsonObject;
use serde_json::Value;

use crate::x402::Malformed;

/// The extension's name.
pub const NAME: &str = "payment-identifier";

const RULE: &str = "16 to 128 letters, digits, \"-\" and \"_\"";

/// What a server says that takes identifiers: to be put under [`NAME`].
pub fn advertisement(required: bool) -> Value {
    serde_json::json!({ "info": { "required": required } })
}

/// Whether a server takes identifiers, and if so whether it wants one.
pub fn is_required(extensions: &JsonObject) -> Option<bool> {
    let extension = extensions.get(NAME)?;
    Some(extension.get("info").and_then(|info| info.get("required")) == Some(&Value::Bool(true)))
}

/// Adds a client's identifier to what is echoed, where the server takes them.
pub fn add(extensions: &mut JsonObject, id: &str) {
    let info = extensions.get_mut(NAME).and_then(|extension| extension.get_mut("info")).and_then(Value::as_object_mut);
    if let Some(info) = info.filter(|_| is_valid(id)) {
        info.insert("id".to_owned(), id.into());
    }
}

/// The client's identifier, if it gives one.
pub fn id(extensions: &JsonObject) -> Result<Option<&str>, Malformed> {
    match super::info(extensions, NAME).and_then(|info| info.get("id")) {
        None => Ok(None),
        Some(id) => id.as_str().filter(|id| is_valid(id)).map(Some).ok_or(Malformed::member("id", RULE)),
    }
}

fn is_valid(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (16..=128).contains(&id.len()) && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(id: Value) -> JsonObject {
        let extension = serde_json::json!({NAME: {"info": {"required": false, "id": id}}});
        extension.as_object().unwrap().clone()
    }

    #[test]
    fn h_10_an_identifier_outside_its_grammar_is_refused() {
        for id in ["a".repeat(16), "Z_9-".repeat(32)] {
            assert_eq!(super::id(&with(id.as_str().into())), Ok(Some(id.as_str())));
        }
        for id in ["a".repeat(15), "a".repeat(129), "a b".repeat(8), "é".repeat(16), format!("{}\n", "a".repeat(16))] {
            assert!(super::id(&with(id.as_str().into())).is_err(), "{id}");
        }
        for id in [Value::Null, 1.into(), vec!["a".repeat(16)].into()] {
            assert!(super::id(&with(id)).is_err());
        }
        assert_eq!(super::id(&JsonObject::new()), Ok(None));
    }

    #[test]
    fn an_identifier_is_given_where_it_is_taken() {
        let mut extensions = JsonObject::new();
        add(&mut extensions, "0123456789abcdef");
        assert!(extensions.is_empty());
        assert_eq!(is_required(&extensions), None);
        extensions.insert(NAME.into(), advertisement(true));
        assert_eq!(is_required(&extensions), Some(true));
        add(&mut extensions, "short");
        assert_eq!(id(&extensions), Ok(None));
        add(&mut extensions, "0123456789abcdef");
        assert_eq!(id(&extensions), Ok(Some("0123456789abcdef")));
    }
}
