//! x402 inside messages of MCP: a price list is a tool's result that says it is an error, a payment and its
//! outcome travel in `_meta`.

use farthing_protocol::JsonObject;
use farthing_protocol::json::parse_object;
use serde_json::Value;

use super::encoding::encode;
use super::{PaymentPayload, Version};

/// The `_meta` member of a payment.
pub const PAYMENT_KEY: &str = "x402/payment";
/// The `_meta` member of its outcome.
pub const OUTCOME_KEY: &str = "x402/payment-response";
/// The same two in one deployed library of version 1, whose payment is the text of the header.
pub const DOTTED_PAYMENT_KEY: &str = "x402.payment";
/// See [`DOTTED_PAYMENT_KEY`].
pub const DOTTED_OUTCOME_KEY: &str = "x402.payment-response";

/// A price list in a tool's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// As the server wrote it.
    pub list: JsonObject,
    /// Whether the text beside it says something else. It is a text for models: it is not followed.
    pub text_differs: bool,
}

impl Demand {
    /// Reads the price list of a tool's result: the structured content, or the text where there is none.
    /// Nothing when the result is no error, or is one of another kind.
    pub fn of(result: &JsonObject) -> Option<Self> {
        if result.get("isError") != Some(&Value::Bool(true)) {
            return None;
        }
        let text = result.get("content").and_then(|content| content.get(0)?.get("text")?.as_str());
        let in_text = text.and_then(|text| parse_object(text.as_bytes()).ok()).filter(is_list);
        match result.get("structuredContent").and_then(Value::as_object).filter(|list| is_list(list)) {
            Some(list) => {
                let text_differs = text.is_some() && in_text.as_ref() != Some(list);
                Some(Self { list: list.clone(), text_differs })
            }
            None => in_text.map(|list| Self { list, text_differs: false }),
        }
    }

    /// As the value of `PAYMENT-REQUIRED`, for what reads offers there.
    pub fn to_header(&self) -> String {
        encode(&self.list)
    }
}

/// The `_meta` members of a payment. Sensitive. One of version 1 stands there under both names, for whoever
/// reads which: it is one payment, and can be taken once.
pub fn payment_members(payment: &PaymentPayload) -> JsonObject {
    let mut members = JsonObject::from_iter([(PAYMENT_KEY.to_owned(), Value::Object(payment.to_object()))]);
    if payment.version == Version::V1 {
        members.insert(DOTTED_PAYMENT_KEY.to_owned(), payment.to_header().into());
    }
    members
}

/// The outcome in a result's `_meta`, as the value of `PAYMENT-RESPONSE`.
pub fn outcome_header(result: &JsonObject) -> Option<String> {
    let meta = result.get("_meta")?;
    let told = [OUTCOME_KEY, DOTTED_OUTCOME_KEY].into_iter().find_map(|key| meta.get(key)?.as_object());
    told.map(encode)
}

fn is_list(object: &JsonObject) -> bool {
    object.contains_key("x402Version") && object.get("accepts").is_some_and(Value::is_array)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x402::{PriceList, Settled};
    use serde_json::json;

    fn list(amount: &str) -> Value {
        json!({
            "x402Version": 2,
            "resource": { "url": "mcp://tool/forecast" },
            "accepts": [{
                "scheme": "exact", "network": "eip155:84532", "amount": amount, "payTo": "0x1", "asset": "0x2",
                "maxTimeoutSeconds": 60, "extra": {}
            }]
        })
    }

    fn result(structured: Option<Value>, text: &str) -> JsonObject {
        let mut result = json!({ "isError": true, "content": [{ "type": "text", "text": text }] });
        if let Some(structured) = structured {
            result["structuredContent"] = structured;
        }
        result.as_object().unwrap().clone()
    }

    #[test]
    fn j_03_the_structured_content_counts_and_another_text_is_noticed() {
        let both = Demand::of(&result(Some(list("10000")), &list("10000").to_string())).unwrap();
        assert!(!both.text_differs);
        let other = Demand::of(&result(Some(list("10000")), &list("1000000").to_string())).unwrap();
        assert!(other.text_differs);
        let offer = PriceList::from_header(other.to_header().as_bytes()).unwrap().entries.remove(0).offer.unwrap();
        assert_eq!(offer.amount.to_string(), "10000");
        assert!(Demand::of(&result(Some(list("10000")), "pay a lot more")).unwrap().text_differs);
    }

    #[test]
    fn a_price_list_may_stand_in_the_text_alone() {
        let demand = Demand::of(&result(None, &list("10000").to_string())).unwrap();
        assert_eq!(Value::Object(demand.list), list("10000"));
    }

    #[test]
    fn what_is_no_error_or_no_price_list_demands_nothing() {
        let mut fine = result(Some(list("10000")), "");
        fine.insert("isError".into(), false.into());
        assert_eq!(Demand::of(&fine), None);
        assert_eq!(Demand::of(&result(None, "it failed")), None);
        assert_eq!(Demand::of(&result(Some(json!({ "x402Version": 2 })), "{}")), None);
    }

    #[test]
    fn a_payment_of_the_first_version_stands_under_both_names() {
        let payment = |value: Value| PaymentPayload::from_json(value.to_string().as_bytes()).unwrap();
        let old = payment(json!({ "x402Version": 1, "scheme": "exact", "network": "base-sepolia", "payload": {} }));
        let members = payment_members(&old);
        let header = members[DOTTED_PAYMENT_KEY].as_str().unwrap();
        assert_eq!(PaymentPayload::from_header(header.as_bytes()).unwrap().to_object(), old.to_object());
        assert_eq!(members[PAYMENT_KEY], Value::Object(old.to_object()));
        let new = payment(json!({ "x402Version": 2, "accepted": list("1")["accepts"][0], "payload": {} }));
        assert_eq!(payment_members(&new).len(), 1);
    }

    #[test]
    fn an_outcome_reads_back() {
        let settled = json!({ "success": true, "transaction": "0xabc", "network": "eip155:84532" });
        for key in [OUTCOME_KEY, DOTTED_OUTCOME_KEY] {
            let result = json!({ "_meta": { key: settled } });
            let header = outcome_header(result.as_object().unwrap()).unwrap();
            assert_eq!(Settled::from_header(header.as_bytes()).unwrap().transaction, "0xabc");
        }
        assert_eq!(outcome_header(&JsonObject::new()), None);
    }
}
