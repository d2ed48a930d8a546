//! ATXP: a payment asked for from inside a tool of MCP.
//!
//! The request is an error with data, or, where a library hid that, a text. What the data offers in x402's words can be
//! paid. The text holds an address and no terms: they can be read there ([`Reference::terms`]) by whoever has an owner
//! that trusts that address, and by nobody else, since whoever wrote the text chose it.

mod amount;
mod terms;
mod text;

use farthing_protocol::JsonObject;
use serde_json::Value;

use self::amount::{decimal, is_within};

pub use text::Reference;

/// Error code: a payment is asked for.
pub const PAYMENT_REQUIRED: i64 = -30402;
/// The code of the Payment scheme, which newer sellers use for the same; [`REQUEST_ID`] in the data tells.
const SHARED_CODE: i64 = farthing_protocol::jsonrpc::PAYMENT_REQUIRED;
/// The member of the data that every request has.
const REQUEST_ID: &str = "paymentRequestId";

const NO_OFFER: &str = "the tool asks for an ATXP payment and offers none in x402's words";
const DISAGREE: &str = "the tool charges one amount and offers to take another";
const ADDRESS_ONLY: &str = "the tool asks for an ATXP payment by a text, which names nothing but an address to ask; it was not asked, and its \
     owner can list it with --atxp";
const NO_ADDRESS: &str = "the tool asks for an ATXP payment by a text that names no payment request";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The seller's price list in x402's words, where the data has one that agrees with what is charged.
    pub x402: Option<JsonObject>,
    /// Where the terms are said to be, where only a text says so.
    pub reference: Option<Reference>,
    /// Why there is no price list, in one sentence.
    pub hindrance: Option<&'static str>,
}

impl Demand {
    /// Reads the demand of a response: from its error, or from its result. Nothing when the response asks for nothing
    /// in these words.
    pub fn of(response: &JsonObject) -> Option<Self> {
        if let Some(error) = response.get("error") {
            return Self::of_error(error);
        }
        let result = response.get("result").filter(|result| result.get("isError") == Some(&Value::Bool(true)))?;
        let data = result.get("structuredContent").and_then(Value::as_object);
        if let Some(data) = data.filter(|data| data.contains_key(REQUEST_ID)) {
            return Some(Self::read(data));
        }
        let parts = result.get("content").and_then(Value::as_array).into_iter().flatten();
        let mut texts = parts.filter_map(|part| part.get("text")?.as_str());
        texts.find(|text| text::is_demand(text)).map(Self::by_text)
    }

    fn of_error(error: &Value) -> Option<Self> {
        let data = error.get("data").and_then(Value::as_object);
        match error.get("code").and_then(Value::as_i64)? {
            PAYMENT_REQUIRED => {}
            SHARED_CODE if data.is_some_and(|data| data.contains_key(REQUEST_ID)) => {}
            _ => return None,
        }
        match (data, error.get("message").and_then(Value::as_str)) {
            (Some(data), _) => Some(Self::read(data)),
            (None, Some(message)) => Some(Self::by_text(message)),
            (None, None) => Some(Self::without(NO_OFFER)),
        }
    }

    fn read(data: &JsonObject) -> Self {
        let Some(list) = data.get("x402").and_then(Value::as_object) else { return Self::without(NO_OFFER) };
        match agreeing(list, data.get("chargeAmount").and_then(decimal)) {
            Some(list) => Self { x402: Some(list), reference: None, hindrance: None },
            None => Self::without(DISAGREE),
        }
    }

    fn by_text(text: &str) -> Self {
        match Reference::of(text) {
            Some(reference) => Self { x402: None, reference: Some(reference), hindrance: Some(ADDRESS_ONLY) },
            None => Self::without(NO_ADDRESS),
        }
    }

    fn without(sentence: &'static str) -> Self {
        Self { x402: None, reference: None, hindrance: Some(sentence) }
    }
}

/// A price list whose every entry takes no more than what is charged. Sellers name what is sold in each entry, where
/// the second version has it beside them.
fn agreeing(list: &JsonObject, charged: Option<u128>) -> Option<JsonObject> {
    let entries = list.get("accepts").and_then(Value::as_array).filter(|entries| !entries.is_empty())?;
    if !entries.iter().all(|entry| charged.is_some_and(|charged| is_within(entry, charged))) {
        return None;
    }
    let mut list = list.clone();
    let sold = entries.first().and_then(|entry| entry.get("resource")).filter(|sold| sold.is_string()).cloned();
    if let Some(sold) = sold.filter(|_| !list.contains_key("resource") && !is_first_version(&list)) {
        list.insert("resource".to_owned(), Value::Object(JsonObject::from_iter([("url".to_owned(), sold)])));
    }
    Some(list)
}

fn is_first_version(list: &JsonObject) -> bool {
    list.get("x402Version").and_then(Value::as_u64) == Some(1)
}

#[cfg(test)]
mod tests;
