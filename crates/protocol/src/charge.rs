//! The `charge` intent: the request fields every method shares (charge intent, section 5.1).

use farthing_money::Amount;
use serde_json::Value;

use crate::json::{JsonError, JsonObject, optional_text, required_text};

/// What a charge asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeRequest {
    /// Base units of `currency`.
    pub amount: Amount,
    /// ISO 4217 in lower case, a token address, or what the method defines (`usd.6`).
    pub currency: String,
    /// Who is paid, where the method names one.
    pub recipient: Option<String>,
    /// Display text.
    pub description: Option<String>,
    /// The seller's own reference.
    pub external_id: Option<String>,
    /// The method's own fields.
    pub method_details: JsonObject,
}

impl ChargeRequest {
    /// Reads the shared fields strictly; unknown members are ignored.
    pub fn from_object(object: &JsonObject) -> Result<Self, JsonError> {
        let amount = required_text(object, "amount")?;
        let rule = "a whole number of base units as text, such as \"1000\"";
        let method_details = match object.get("methodDetails") {
            None => JsonObject::new(),
            Some(Value::Object(details)) => details.clone(),
            Some(_) => return Err(JsonError::Member { member: "methodDetails", rule: "an object" }),
        };
        Ok(Self {
            amount: amount.parse().map_err(|_| JsonError::Member { member: "amount", rule })?,
            currency: required_text(object, "currency")?,
            recipient: optional_text(object, "recipient")?,
            description: optional_text(object, "description")?,
            external_id: optional_text(object, "externalId")?,
            method_details,
        })
    }

    /// As a JSON object with absent members left out.
    pub fn to_object(&self) -> JsonObject {
        let texts = [
            ("amount", Some(self.amount.to_string())),
            ("currency", Some(self.currency.clone())),
            ("recipient", self.recipient.clone()),
            ("description", self.description.clone()),
            ("externalId", self.external_id.clone()),
        ];
        let present = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?))));
        let mut object: JsonObject = present.collect();
        if !self.method_details.is_empty() {
            object.insert("methodDetails".to_owned(), Value::Object(self.method_details.clone()));
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Result<ChargeRequest, JsonError> {
        ChargeRequest::from_object(value.as_object().unwrap())
    }

    #[test]
    fn a_request_reads_back_from_its_object() {
        let full = json!({
            "amount": "1000", "currency": "usd.6", "recipient": "r", "description": "d", "externalId": "e",
            "methodDetails": {"network": 1},
        });
        assert_eq!(Value::Object(read(&full).unwrap().to_object()), full);
        let bare = json!({"amount": "0", "currency": "usd"});
        assert_eq!(Value::Object(read(&bare).unwrap().to_object()), bare);
        assert!(read(&json!({"amount": "0", "currency": "usd", "new": [1]})).is_ok());
    }

    #[test]
    fn a_shared_field_of_another_type_is_refused_by_name() {
        for (member, value) in [
            ("amount", json!(1000)),
            ("amount", json!("01")),
            ("amount", json!("1.0")),
            ("amount", json!("")),
            ("currency", Value::Null),
            ("recipient", json!(1)),
            ("description", Value::Null),
            ("externalId", json!({})),
            ("methodDetails", json!("x")),
        ] {
            let mut request = json!({"amount": "1", "currency": "usd"});
            request[member] = value;
            assert!(matches!(read(&request), Err(JsonError::Member { member: named, .. }) if named == member));
        }
        assert!(read(&json!({"currency": "usd"})).is_err() && read(&json!({"amount": "1"})).is_err());
    }
}
