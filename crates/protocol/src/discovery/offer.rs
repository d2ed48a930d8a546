//! `x-payment-info`: what an operation costs.

use farthing_money::Amount;
use serde_json::Value;

use crate::{IntentName, JsonObject, MethodName};

/// What an operation costs, as alternatives; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentInfo {
    /// At least one.
    pub offers: Vec<Offer>,
}

/// One way to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// `charge` or `session` when we write it.
    pub intent: IntentName,
    /// The payment method.
    pub method: MethodName,
    /// The price; `None` when it depends on the request.
    pub amount: Option<PlannedAmount>,
    /// As in the charge request.
    pub currency: Option<String>,
    /// Display text.
    pub description: Option<String>,
}

/// A count of base units as text. It may be larger than any amount that can be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedAmount(Box<str>);

/// Why a value is not an `x-payment-info`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// Neither an offer nor a list of offers.
    #[error("x-payment-info must be an offer or an object with a non-empty list \"offers\"")]
    Shape,
    /// A member is missing or of another type.
    #[error("an offer's \"{member}\" must be {rule}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// A member that the schema does not know.
    #[error("an offer has no member \"{0}\"; the schema is closed")]
    Unknown(String),
}

impl PaymentInfo {
    /// Reads what deployed servers publish: both forms, unknown members ignored, any intent, a
    /// missing amount taken for one that depends on the request.
    pub fn read(value: &Value) -> Result<Self, OfferError> {
        let objects = offer_objects(value, |_| Ok(()))?;
        Ok(Self { offers: objects.into_iter().map(Offer::read).collect::<Result<_, _>>()? })
    }

    /// Reads by the letter of the schema, to judge a document.
    pub fn read_strictly(value: &Value) -> Result<Self, OfferError> {
        let only_offers = |object: &JsonObject| known_members(object, &["offers"]);
        let objects = offer_objects(value, only_offers)?;
        Ok(Self { offers: objects.into_iter().map(Offer::read_strictly).collect::<Result<_, _>>()? })
    }

    /// The member in the form for new documents.
    pub fn to_value(&self) -> Value {
        serde_json::json!({"offers": self.offers.iter().map(Offer::to_value).collect::<Vec<_>>()})
    }
}

impl PlannedAmount {
    /// `0`, or digits without a leading zero.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let plain = digits && (text == "0" || !text.starts_with('0'));
        plain.then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The amount; nothing when it is too large to be paid.
    pub fn amount(&self) -> Option<Amount> {
        self.0.parse().ok()
    }
}

impl From<Amount> for PlannedAmount {
    fn from(amount: Amount) -> Self {
        Self(amount.to_string().into())
    }
}

impl Offer {
    fn read(object: &JsonObject) -> Result<Self, OfferError> {
        let rule = "a name";
        let name = |member| text(object, member)?.ok_or(OfferError::Member { member, rule: "present" });
        let method = name("method")?;
        let intent = name("intent")?;
        Ok(Self {
            intent: IntentName::read(&intent).map_err(|_| OfferError::Member { member: "intent", rule })?,
            method: MethodName::read(&method).map_err(|_| OfferError::Member { member: "method", rule })?,
            amount: amount(object.get("amount").unwrap_or(&Value::Null))?,
            currency: text(object, "currency")?,
            description: text(object, "description")?,
        })
    }

    fn read_strictly(object: &JsonObject) -> Result<Self, OfferError> {
        known_members(object, &["intent", "method", "amount", "currency", "description"])?;
        if !object.contains_key("amount") {
            return Err(OfferError::Member { member: "amount", rule: "present; null when it depends on the request" });
        }
        for member in ["currency", "description"] {
            if object.get(member).is_some_and(Value::is_null) {
                return Err(OfferError::Member { member, rule: "text" });
            }
        }
        let offer = Self::read(object)?;
        offer.check_intent()?;
        Ok(offer)
    }

    /// Whether the schema allows the intent.
    pub(super) fn check_intent(&self) -> Result<(), OfferError> {
        let allowed = matches!(self.intent.as_str(), "charge" | "session");
        if allowed { Ok(()) } else { Err(OfferError::Member { member: "intent", rule: "\"charge\" or \"session\"" }) }
    }

    fn to_value(&self) -> Value {
        let mut object = JsonObject::new();
        object.insert("intent".to_owned(), Value::from(self.intent.as_str()));
        object.insert("method".to_owned(), Value::from(self.method.as_str()));
        object.insert("amount".to_owned(), self.amount.as_ref().map(PlannedAmount::as_str).into());
        for (name, text) in [("currency", &self.currency), ("description", &self.description)] {
            object.extend(text.clone().map(|text| (name.to_owned(), Value::String(text))));
        }
        Value::Object(object)
    }
}

fn offer_objects(
    value: &Value,
    check_list: impl Fn(&JsonObject) -> Result<(), OfferError>,
) -> Result<Vec<&JsonObject>, OfferError> {
    let object = value.as_object().ok_or(OfferError::Shape)?;
    let Some(offers) = object.get("offers") else { return Ok(vec![object]) };
    check_list(object)?;
    let objects: Option<Vec<_>> = offers.as_array().ok_or(OfferError::Shape)?.iter().map(Value::as_object).collect();
    objects.filter(|objects| !objects.is_empty()).ok_or(OfferError::Shape)
}

fn known_members(object: &JsonObject, known: &[&str]) -> Result<(), OfferError> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(OfferError::Unknown(name.chars().take(64).collect())),
        None => Ok(()),
    }
}

fn text(object: &JsonObject, member: &'static str) -> Result<Option<String>, OfferError> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(OfferError::Member { member, rule: "text" }),
    }
}

fn amount(value: &Value) -> Result<Option<PlannedAmount>, OfferError> {
    if value.is_null() {
        return Ok(None);
    }
    let rule = "null or a whole number of base units as text";
    let read = value.as_str().and_then(PlannedAmount::parse);
    read.map(Some).ok_or(OfferError::Member { member: "amount", rule })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reading_is_lenient_and_the_schema_is_not() {
        for lax in [
            json!({"intent": "subscription", "method": "tempo", "amount": "5"}),
            json!({"intent": "charge", "method": "tempo", "amount": "5", "recipient": "x"}),
            json!({"intent": "charge", "method": "tempo"}),
            json!({"offers": [{"intent": "charge", "method": "tempo", "amount": "5", "currency": null}], "x": 1}),
        ] {
            let read = PaymentInfo::read(&lax).unwrap();
            assert!(PaymentInfo::read_strictly(&lax).is_err(), "{lax}");
            assert_eq!(PaymentInfo::read(&read.to_value()), Ok(read));
        }
        for broken in [json!({}), json!([]), json!({"offers": []}), json!({"offers": [1]}), json!({"offers": {}})] {
            assert!(PaymentInfo::read(&broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn an_amount_too_large_to_pay_can_still_be_read() {
        let huge = PlannedAmount::parse(&"9".repeat(60)).unwrap();
        assert_eq!(huge.amount(), None);
        assert_eq!(PlannedAmount::from(Amount::new(7)).amount(), Some(Amount::new(7)));
    }
}
