//! The payloads of a credential (draft-tempo-charge, credential schema).

use alloy_primitives::{B256, hex};
use farthing_protocol::JsonObject;

/// What a payer presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A signed transaction, for the server to send.
    Transaction(Vec<u8>),
    /// The hash of a transaction that the payer has sent.
    Hash(B256),
    /// A signature that proves control of an account, for a price of zero.
    Proof(Vec<u8>),
}

/// Why a payload is not of this method, in words for whoever wrote the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPayload {
    /// No type, or one that is not known.
    #[error("the payload's \"type\" must be \"transaction\", \"hash\" or \"proof\"")]
    Type,
    /// A member that is missing or not in its form.
    #[error("the payload's \"{0}\" must be hexadecimal text that begins with 0x")]
    Hexadecimal(&'static str),
    /// A hash of another length.
    #[error("the payload's \"hash\" must be the 32 bytes of a transaction's hash")]
    Hash,
}

impl Payload {
    /// Reads a payload; members it does not know are ignored (core, section 9.2.1).
    pub fn read(object: &JsonObject) -> Result<Self, InvalidPayload> {
        let kind = object.get("type").and_then(|kind| kind.as_str()).unwrap_or_default();
        match kind {
            "transaction" => Ok(Self::Transaction(bytes(object, "signature")?)),
            "hash" => {
                let hash = bytes(object, "hash")?;
                Ok(Self::Hash(B256::try_from(hash.as_slice()).map_err(|_| InvalidPayload::Hash)?))
            }
            "proof" => Ok(Self::Proof(bytes(object, "signature")?)),
            _ => Err(InvalidPayload::Type),
        }
    }

    /// As a JSON object.
    pub fn to_object(&self) -> JsonObject {
        let (kind, member, bytes) = match self {
            Self::Transaction(raw) => ("transaction", "signature", raw.as_slice()),
            Self::Hash(hash) => ("hash", "hash", hash.as_slice()),
            Self::Proof(signature) => ("proof", "signature", signature.as_slice()),
        };
        let mut object = JsonObject::new();
        object.insert("type".into(), kind.into());
        object.insert(member.into(), hex::encode_prefixed(bytes).into());
        object
    }
}

fn bytes(object: &JsonObject, member: &'static str) -> Result<Vec<u8>, InvalidPayload> {
    let text = object.get(member).and_then(|value| value.as_str()).filter(|text| text.starts_with("0x"));
    text.and_then(|text| hex::decode(text).ok()).ok_or(InvalidPayload::Hexadecimal(member))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_payload_reads_back_as_it_was_written() {
        let hash = B256::repeat_byte(7);
        for payload in [Payload::Transaction(vec![0x76, 1]), Payload::Hash(hash), Payload::Proof(vec![9; 65])] {
            assert_eq!(Payload::read(&payload.to_object()), Ok(payload));
        }
    }

    #[test]
    fn what_is_not_a_payload_is_refused_with_its_own_reason() {
        let refused = |value: serde_json::Value| Payload::read(value.as_object().unwrap()).unwrap_err();
        assert_eq!(refused(json!({})), InvalidPayload::Type);
        assert_eq!(refused(json!({"type": "authorization"})), InvalidPayload::Type);
        for signature in [json!(null), json!("76"), json!("0x7"), json!("0xzz"), json!("0x0x76")] {
            let refusal = refused(json!({"type": "transaction", "signature": signature}));
            assert_eq!(refusal, InvalidPayload::Hexadecimal("signature"), "{signature}");
        }
        assert_eq!(refused(json!({"type": "hash", "hash": "0x11"})), InvalidPayload::Hash);
    }
}
