//! What a server hands out for a success (core, section 5.3).

use serde_json::Value;

use crate::json::{self, push_canonical};
use crate::{ChallengeId, JsonObject, MethodName, Timestamp, base64url};

/// The longest receipt read, as it stands in its header: 16 KiB, the deployed limit.
pub const LONGEST_RECEIPT_BYTES: usize = 16 * 1024;

/// A receipt; `status` is always `success`.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The payment method.
    pub method: MethodName,
    /// The rail's or the ledger's reference.
    pub reference: String,
    /// When the payment was settled.
    pub timestamp: Timestamp,
    /// The challenge it answers.
    pub challenge_id: Option<ChallengeId>,
    /// The seller's own reference.
    pub external_id: Option<String>,
    /// Members this software does not know, kept.
    pub extra: JsonObject,
}

/// Why a text is not a receipt. The reason never quotes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidReceipt(pub String);

impl Receipt {
    /// The `Payment-Receipt` value. Sensitive.
    pub fn to_header(&self) -> String {
        let mut json = String::with_capacity(256);
        push_canonical(&Value::Object(self.to_object()), &mut json);
        base64url::encode(json)
    }

    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, InvalidReceipt> {
        if text.len() > LONGEST_RECEIPT_BYTES {
            return Err(invalid("the receipt is longer than 16 KiB"));
        }
        let json = base64url::decode(text).map_err(|_| invalid("the receipt is not base64url"))?;
        let object = json::parse_object(&json).map_err(because)?;
        if !object.contains_key("reference") {
            return Err(invalid("the receipt has no reference"));
        }
        Self::from_object(object)
    }

    /// The JSON inside, with absent members left out.
    pub fn to_object(&self) -> JsonObject {
        let mut object = self.extra.clone();
        let known = [
            ("status", Some("success")),
            ("method", Some(self.method.as_str())),
            ("reference", Some(self.reference.as_str())),
            ("challengeId", self.challenge_id.as_ref().map(ChallengeId::as_str)),
            ("externalId", self.external_id.as_deref()),
        ];
        for (name, value) in known {
            object.remove(name);
            object.extend(value.map(|value| (name.to_owned(), Value::from(value))));
        }
        object.insert("timestamp".to_owned(), Value::from(self.timestamp.to_rfc3339()));
        object
    }

    /// Reads the JSON inside. In a JSON-RPC message, unlike a header, `reference` may be missing
    /// and is then empty.
    pub fn from_object(mut object: JsonObject) -> Result<Self, InvalidReceipt> {
        if object.remove("status") != Some(Value::from("success")) {
            return Err(invalid("the receipt's status is not \"success\""));
        }
        let method = take_text(&mut object, "method")?.ok_or_else(|| invalid("the receipt has no method"))?;
        let timestamp = take_text(&mut object, "timestamp")?.ok_or_else(|| invalid("the receipt has no timestamp"))?;
        Ok(Self {
            method: MethodName::read(&method).map_err(because)?,
            timestamp: Timestamp::parse(&timestamp).map_err(because)?,
            reference: take_text(&mut object, "reference")?.unwrap_or_default(),
            challenge_id: take_text(&mut object, "challengeId")?
                .map(|id| ChallengeId::read(&id))
                .transpose()
                .map_err(because)?,
            external_id: take_text(&mut object, "externalId")?,
            extra: object,
        })
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Receipt(..)")
    }
}

fn take_text(object: &mut JsonObject, name: &'static str) -> Result<Option<String>, InvalidReceipt> {
    match object.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(InvalidReceipt(format!("the receipt's {name} is not text"))),
    }
}

fn invalid(reason: &str) -> InvalidReceipt {
    InvalidReceipt(reason.to_owned())
}

fn because(reason: impl std::fmt::Display) -> InvalidReceipt {
    InvalidReceipt(format!("the receipt cannot be read: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn receipt() -> Receipt {
        Receipt {
            method: MethodName::new("balance").unwrap(),
            reference: "transfer-1".into(),
            timestamp: Timestamp::from_unix_millis(1_769_688_030_000),
            challenge_id: Some(ChallengeId::read("abc").unwrap()),
            external_id: Some("order-1".into()),
            extra: JsonObject::from_iter([("units".to_owned(), Value::from(2))]),
        }
    }

    #[test]
    fn members_it_does_not_know_are_kept() {
        assert_eq!(Receipt::parse(&receipt().to_header()), Ok(receipt()));
        assert_eq!(format!("{:?}", receipt()), "Receipt(..)");
    }

    #[test]
    fn any_other_status_is_not_a_receipt() {
        for status in [Value::from("pending"), Value::from("Success"), Value::Null, Value::from(true)] {
            let mut object = receipt().to_object();
            object.insert("status".into(), status);
            let header = base64url::encode(Value::Object(object).to_string());
            assert!(Receipt::parse(&header).is_err());
        }
    }

    #[test]
    fn a_known_member_is_never_written_twice() {
        let mut shadowed = receipt();
        shadowed.extra.insert("reference".into(), Value::from("forged"));
        shadowed.external_id = None;
        shadowed.extra.insert("externalId".into(), Value::from("forged"));
        let read = Receipt::parse(&shadowed.to_header()).unwrap();
        assert_eq!((read.reference.as_str(), read.external_id), ("transfer-1", None));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text: String, json: Vec<u8>) {
            let _ = Receipt::parse(&text);
            let _ = Receipt::parse(&base64url::encode(json));
        }

        #[test]
        fn any_receipt_reads_back(reference: String, millis in 0i64..4_000_000_000_000, external_id: Option<String>) {
            let timestamp = Timestamp::from_unix_millis(millis);
            let receipt = Receipt { reference, timestamp, external_id, ..receipt() };
            prop_assert_eq!(Receipt::parse(&receipt.to_header()), Ok(receipt));
        }
    }
}
