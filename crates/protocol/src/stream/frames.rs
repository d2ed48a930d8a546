//! WebSocket text frames, told from application data by their member `mpp`.

use serde_json::{Value, json};

use super::{NeedVoucher, SessionReceipt};
use crate::JsonObject;
use crate::json::parse_object;

/// One text frame of the protocol.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// Client: a credential, as the value of an `Authorization` header. Sensitive.
    Authorization(String),
    /// Server: a piece of what was paid for.
    Message(String),
    /// Client: settle and close.
    CloseRequest,
    /// Server: settled; the last receipt.
    CloseReady(SessionReceipt),
    /// Server: the authorization was refused.
    Error {
        /// An HTTP status.
        status: u16,
        /// One sentence.
        message: String,
    },
    /// Server: sign a higher voucher.
    NeedVoucher(NeedVoucher),
    /// Server: the authorization was accepted.
    Receipt(SessionReceipt),
}

impl Frame {
    /// Reads a text frame; nothing when it is application data.
    pub fn parse(text: &str) -> Option<Self> {
        let mut object = parse_object(text.as_bytes()).ok()?;
        let kind = take_text(&mut object, "mpp")?;
        match kind.as_str() {
            "authorization" => take_text(&mut object, "authorization").map(with_scheme).map(Self::Authorization),
            "message" => take_text(&mut object, "data").map(Self::Message),
            "payment-close-request" => Some(Self::CloseRequest),
            "payment-close-ready" => SessionReceipt::from_object(take_object(&mut object)?).map(Self::CloseReady),
            "payment-error" => {
                let status = object.get("status")?.as_u64()?.try_into().ok()?;
                Some(Self::Error { status, message: take_text(&mut object, "message")? })
            }
            "payment-need-voucher" => NeedVoucher::from_object(&take_object(&mut object)?).map(Self::NeedVoucher),
            "payment-receipt" => SessionReceipt::from_object(take_object(&mut object)?).map(Self::Receipt),
            _ => None,
        }
    }

    /// The text frame.
    pub fn to_text(&self) -> String {
        let value = match self {
            Self::Authorization(credential) => json!({"mpp": "authorization", "authorization": credential}),
            Self::Message(data) => json!({"mpp": "message", "data": data}),
            Self::CloseRequest => json!({"mpp": "payment-close-request"}),
            Self::CloseReady(receipt) => json!({"mpp": "payment-close-ready", "data": receipt.object()}),
            Self::Error { status, message } => json!({"mpp": "payment-error", "status": status, "message": message}),
            Self::NeedVoucher(need) => json!({"mpp": "payment-need-voucher", "data": need.to_value()}),
            Self::Receipt(receipt) => json!({"mpp": "payment-receipt", "data": receipt.object()}),
        };
        value.to_string()
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Authorization(_) => "Authorization(..)",
            Self::Message(_) => "Message(..)",
            Self::CloseRequest => "CloseRequest",
            Self::CloseReady(_) => "CloseReady(..)",
            Self::Error { .. } => "Error(..)",
            Self::NeedVoucher(_) => "NeedVoucher(..)",
            Self::Receipt(_) => "Receipt(..)",
        })
    }
}

/// The documents show the bare text, deployed clients send the whole header value.
fn with_scheme(credential: String) -> String {
    let has_scheme = credential.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("Payment "));
    if has_scheme { credential } else { format!("Payment {credential}") }
}

fn take_text(object: &mut JsonObject, name: &str) -> Option<String> {
    match object.remove(name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn take_object(object: &mut JsonObject) -> Option<JsonObject> {
    match object.remove("data")? {
        Value::Object(data) => Some(data),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bare_credential_gains_its_scheme_and_is_not_printed() {
        let bare = Frame::parse(r#"{"mpp":"authorization","authorization":"abc"}"#).unwrap();
        let full = Frame::parse(r#"{"mpp":"authorization","authorization":"payment abc"}"#).unwrap();
        assert_eq!(bare, Frame::Authorization("Payment abc".into()));
        assert_eq!(full, Frame::Authorization("payment abc".into()));
        assert!(!format!("{bare:?}").contains("abc"));
    }

    #[test]
    fn a_frame_with_a_bad_field_is_application_data() {
        for text in [
            r#"{"mpp":"message","data":1}"#,
            r#"{"mpp":"message"}"#,
            r#"{"mpp":"payment-error","status":70000,"message":""}"#,
            r#"{"mpp":"payment-error","status":"402","message":""}"#,
            r#"{"mpp":"new"}"#,
            r#"{"mpp":1}"#,
            "[]",
        ] {
            assert_eq!(Frame::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn messages_read_back(data: String, status: u16) {
            for frame in [Frame::Message(data.clone()), Frame::Error { status, message: data }] {
                prop_assert_eq!(Frame::parse(&frame.to_text()), Some(frame));
            }
        }
    }
}
