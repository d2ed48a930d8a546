use farthing_money::Amount;
use farthing_protocol::JsonObject;
use serde_json::Value;

use super::Malformed;
use super::encoding::{amount, decode, encode, object, optional_object, optional_text};

/// What became of a payment: `SettleResponse`, also the value of `PAYMENT-RESPONSE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Whether the money moved. Nothing but `true` is a success.
    pub success: bool,
    /// Why not, in a word.
    pub error_reason: Option<String>,
    /// Why not, in a sentence.
    pub error_message: Option<String>,
    /// Whose money.
    pub payer: Option<String>,
    /// The transaction; empty when there is none.
    pub transaction: String,
    /// Where.
    pub network: String,
    /// How much, where the scheme leaves that open.
    pub amount: Option<Amount>,
    /// By the names of extensions.
    pub extensions: JsonObject,
}

/// Whether a payment could be settled: `VerifyResponse`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whether it could.
    pub is_valid: bool,
    /// Why not, in a word.
    pub invalid_reason: Option<String>,
    /// Why not, in a sentence.
    pub invalid_message: Option<String>,
    /// Whose money.
    pub payer: Option<String>,
}

impl Settled {
    /// Reads a header value.
    pub fn from_header(value: &[u8]) -> Result<Self, Malformed> {
        Self::read(&decode(value)?)
    }

    /// Reads a facilitator's body.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::read(&object(bytes)?)
    }

    fn read(settled: &JsonObject) -> Result<Self, Malformed> {
        let Some(Value::Bool(success)) = settled.get("success") else {
            return Err(Malformed::member("success", "true or false"));
        };
        let text = |member| optional_text(settled, member);
        Ok(Self {
            success: *success,
            error_reason: text("errorReason")?,
            error_message: text("errorMessage")?,
            payer: text("payer")?,
            transaction: text("transaction")?.unwrap_or_default(),
            network: text("network")?.unwrap_or_default(),
            amount: match settled.get("amount") {
                None | Some(Value::Null) => None,
                Some(_) => Some(amount(settled, "amount")?),
            },
            extensions: optional_object(settled, "extensions")?,
        })
    }

    /// As a header value.
    pub fn to_header(&self) -> String {
        encode(&self.to_object())
    }

    /// As an object.
    pub fn to_object(&self) -> JsonObject {
        let mut settled = JsonObject::new();
        settled.insert("success".into(), self.success.into());
        let texts = [
            ("errorReason", self.error_reason.as_ref()),
            ("errorMessage", self.error_message.as_ref()),
            ("payer", self.payer.as_ref()),
        ];
        for (member, text) in texts.into_iter().filter_map(|(member, text)| Some((member, text?))) {
            settled.insert(member.into(), text.as_str().into());
        }
        settled.insert("transaction".into(), self.transaction.as_str().into());
        settled.insert("network".into(), self.network.as_str().into());
        if let Some(amount) = self.amount {
            settled.insert("amount".into(), amount.to_string().into());
        }
        if !self.extensions.is_empty() {
            settled.insert("extensions".into(), Value::Object(self.extensions.clone()));
        }
        settled
    }
}

impl Verified {
    /// Reads a facilitator's body.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Malformed> {
        let verified = object(bytes)?;
        let Some(Value::Bool(is_valid)) = verified.get("isValid") else {
            return Err(Malformed::member("isValid", "true or false"));
        };
        let text = |member| optional_text(&verified, member);
        Ok(Self {
            is_valid: *is_valid,
            invalid_reason: text("invalidReason")?,
            invalid_message: text("invalidMessage")?,
            payer: text("payer")?,
        })
    }

    /// As an object.
    pub fn to_object(&self) -> JsonObject {
        let mut verified = JsonObject::new();
        verified.insert("isValid".into(), self.is_valid.into());
        let texts = [
            ("invalidReason", &self.invalid_reason),
            ("invalidMessage", &self.invalid_message),
            ("payer", &self.payer),
        ];
        for (member, text) in texts {
            if let Some(text) = text {
                verified.insert(member.into(), text.as_str().into());
            }
        }
        verified
    }
}
