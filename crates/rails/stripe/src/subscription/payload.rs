use farthing_protocol::{JsonObject, base64url};
use serde_json::Value;

/// What a credential says of the money: the card that is billed, and perhaps the customer that it belongs to.
///
/// `signature` stands beside both, over the challenge and them, by the key that the credential's `source` names. The
/// draft has no such member; without it nobody could tell who may use the subscription later, or whose customer it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// `pm_...`, in the seller's account.
    pub payment_method: String,
    /// `cus_...`, that an earlier subscription of the same payer made.
    pub customer: Option<String>,
}

/// Why a payload is not of this method, in words for whoever wrote the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSubscriber {
    /// No payment method.
    #[error("the payload's \"paymentMethod\" is not the id of one, which begins with pm_")]
    PaymentMethod,
    /// A token that pays once.
    #[error("a subscription is not paid with a Shared Payment Token; name a paymentMethod, which begins with pm_")]
    Token,
    /// Something else than a customer.
    #[error("the payload's \"customer\" is not the id of one, which begins with cus_; leave it out")]
    Customer,
}

impl Subscriber {
    /// Reads a payload; members it does not know are ignored (core, section 9.2.1).
    pub fn read(object: &JsonObject) -> Result<Self, InvalidSubscriber> {
        let method = object.get("paymentMethod").and_then(Value::as_str);
        if method.is_none() && object.contains_key("spt") {
            return Err(InvalidSubscriber::Token);
        }
        let method = method.filter(|id| is_id(id, "pm_")).ok_or(InvalidSubscriber::PaymentMethod)?;
        let customer = match object.get("customer") {
            None => None,
            Some(value) => {
                Some(value.as_str().filter(|id| is_id(id, "cus_")).ok_or(InvalidSubscriber::Customer)?.to_owned())
            }
        };
        Ok(Self { payment_method: method.to_owned(), customer })
    }

    /// As it stands in a credential, with the payer's signature.
    pub fn to_object(&self, signature: &[u8; 64]) -> JsonObject {
        let mut object = JsonObject::new();
        object.insert("paymentMethod".into(), self.payment_method.as_str().into());
        if let Some(customer) = &self.customer {
            object.insert("customer".into(), customer.as_str().into());
        }
        object.insert("signature".into(), base64url::encode(signature).into());
        object
    }

    /// What of it is signed.
    pub fn signed(&self) -> [&str; 2] {
        [&self.payment_method, self.customer.as_deref().unwrap_or("-")]
    }
}

fn is_id(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    !rest.is_empty() && is_plain && text.len() <= 128
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Result<Subscriber, InvalidSubscriber> {
        Subscriber::read(value.as_object().unwrap())
    }

    #[test]
    fn s_47_a_payload_names_a_card_and_perhaps_a_customer() {
        let read_back = read(&json!({ "paymentMethod": "pm_1", "customer": "cus_1", "new": 1 })).unwrap();
        assert_eq!(read_back.signed(), ["pm_1", "cus_1"]);
        assert_eq!(read(&Value::Object(read_back.to_object(&[7; 64]))).unwrap(), read_back);
        for (wire, error) in [
            (json!({}), InvalidSubscriber::PaymentMethod),
            (json!({ "paymentMethod": "spt_1" }), InvalidSubscriber::PaymentMethod),
            (json!({ "paymentMethod": "pm_1/../x" }), InvalidSubscriber::PaymentMethod),
            (json!({ "spt": "spt_1" }), InvalidSubscriber::Token),
            (json!({ "paymentMethod": "pm_1", "customer": null }), InvalidSubscriber::Customer),
            (json!({ "paymentMethod": "pm_1", "customer": "acct_1" }), InvalidSubscriber::Customer),
        ] {
            assert_eq!(read(&wire), Err(error));
        }
    }
}
