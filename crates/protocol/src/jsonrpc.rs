//! Payments inside JSON-RPC and MCP messages (JSON-RPC and MCP transport draft).
//!
//! The terms are those of HTTP; the wire differs: `request` is an object, not base64url, and
//! credential and receipt travel in `_meta` members. A message is a [`crate::JsonObject`]: this
//! module reads and writes the payment members and leaves the rest alone.

mod capabilities;
mod challenge;
mod errors;
mod meta;

pub use capabilities::Capabilities;
pub use challenge::{challenge_from_object, challenge_to_object, credential_from_object, credential_to_object};
pub use errors::{Demand, internal_error, malformed_credential, payment_required, verification_failed};
pub use meta::{attach_credential, attach_receipt, credential, receipt};

use serde_json::Value;

use crate::JsonObject;

/// Error code: pay first. MCP uses the same number for another purpose; `data.challenges` tells.
pub const PAYMENT_REQUIRED: i64 = -32042;
/// Error code: the payment was refused.
pub const VERIFICATION_FAILED: i64 = -32043;
/// Error code: the credential or its payload cannot be read.
pub const MALFORMED_CREDENTIAL: i64 = -32602;
/// Error code: the server's own fault.
pub const INTERNAL_ERROR: i64 = -32603;

/// The `_meta` member of a credential.
pub const CREDENTIAL_KEY: &str = "org.paymentauth/credential";
/// The `_meta` member of a receipt.
pub const RECEIPT_KEY: &str = "org.paymentauth/receipt";
/// The `_meta` member in which some servers put a demand inside a result, for hosts that hide errors.
pub const DEMAND_KEY: &str = "org.paymentauth/payment-required";
/// The notification that announces capabilities over WebSocket.
pub const CAPABILITIES_METHOD: &str = "payment.capabilities";

/// Where a message carries its `_meta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// At its root: generic JSON-RPC.
    Message,
    /// In `params` of a request, in `result` of a response: MCP.
    Mcp,
}

/// Whether the message is a notification: no paid operation may run, no answer is sent.
pub fn is_notification(message: &JsonObject) -> bool {
    message.contains_key("method") && !message.contains_key("id")
}

/// What an MCP call is bound to: `tool:<name>`, `resource:<uri>` or `prompt:<name>`.
pub fn scope(message: &JsonObject) -> Option<String> {
    let (prefix, member) = match message.get("method")?.as_str()? {
        "tools/call" => ("tool", "name"),
        "resources/read" => ("resource", "uri"),
        "prompts/get" => ("prompt", "name"),
        _ => return None,
    };
    Some(format!("{prefix}:{}", message.get("params")?.get(member).and_then(Value::as_str)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_is_bound_to_what_it_names() {
        let of = |value: Value| scope(value.as_object().unwrap());
        assert_eq!(of(json!({"method": "tools/call", "params": {"name": "x"}})).as_deref(), Some("tool:x"));
        assert_eq!(of(json!({"method": "resources/read", "params": {"uri": "x:"}})).as_deref(), Some("resource:x:"));
        assert_eq!(of(json!({"method": "prompts/get", "params": {"name": "x"}})).as_deref(), Some("prompt:x"));
        assert_eq!(of(json!({"method": "tools/list"})), None);
        assert_eq!(of(json!({"method": "tools/call", "params": [1]})), None);
    }

    #[test]
    fn a_message_without_an_id_is_a_notification() {
        let is = |value: Value| is_notification(value.as_object().unwrap());
        assert!(is(json!({"method": "tools/call"})));
        assert!(!is(json!({"method": "tools/call", "id": 0})) && !is(json!({"result": {}})));
    }
}
