use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// No code of Stripe's is longer.
const LONGEST_CODE: usize = 64;

/// What came of a call.
#[derive(Debug)]
pub enum Heard {
    /// An answer that can be read.
    Said(Said),
    /// The call never left: nobody was there, or the name does not resolve.
    Unreached,
    /// No answer in time, half of one, or nothing with a meaning: the call may have had its effect.
    Nothing(&'static str),
}

/// An answer of the API.
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// Whether it is the stored answer to an earlier call under the same idempotency key.
    pub replayed: bool,
    /// When Stripe wants to be asked again, if it said so.
    pub retry_after: Option<Duration>,
    /// The object.
    pub body: Value,
}

/// What an answer says is wrong, in Stripe's codes. Its message is left out: it can repeat a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiFault {
    /// `card_error`, `invalid_request_error`, `idempotency_error`, ...
    pub kind: String,
    /// `card_declined`, `resource_missing`, ...
    pub code: String,
    /// The issuer's, for the operator alone.
    pub decline_code: String,
}

impl Said {
    /// Whether the call did what it asked for.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What is wrong, of an answer that is an error.
    pub fn fault(&self) -> ApiFault {
        let of = |name: &str| {
            let code = self.body.pointer(&format!("/error/{name}")).and_then(Value::as_str).unwrap_or_default();
            let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            // What has digits and capitals may be an id; codes are words.
            if code.bytes().all(is_code) && code.len() <= LONGEST_CODE { code.to_owned() } else { String::new() }
        };
        ApiFault { kind: of("type"), code: of("code"), decline_code: of("decline_code") }
    }

    /// A text in the object, by its JSON pointer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer)?.as_str()
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = formatter.debug_struct("Said");
        said.field("status", &self.status).field("replayed", &self.replayed).finish_non_exhaustive()
    }
}

/// `402 card_error/card_declined/insufficient_funds`, for the operator.
impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.status)?;
        let ApiFault { kind, code, decline_code } = self.fault();
        let codes = [kind, code, decline_code].into_iter().filter(|code| !code.is_empty()).collect::<Vec<_>>();
        if codes.is_empty() { Ok(()) } else { write!(formatter, " {}", codes.join("/")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_codes_are_told_of_an_error() {
        let body = json!({ "error": {
            "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
            "message": "No such token: 'spt_Secret'",
        } });
        let said = Said { status: 402, replayed: false, retry_after: None, body };
        assert_eq!(said.to_string(), "402 card_error/card_declined/insufficient_funds");
        assert!(!format!("{said:?}").contains("spt_"));
        let body = json!({ "error": { "type": "spt_Secret", "code": "x".repeat(99) } });
        assert_eq!(Said { status: 400, replayed: false, retry_after: None, body }.to_string(), "400");
    }
}
