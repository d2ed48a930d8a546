//! Base64 of strict JSON, and members by name.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode::Indifferent;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use farthing_money::Amount;
use farthing_protocol::JsonObject;
use farthing_protocol::json::parse_object;
use serde_json::Value;

use super::Malformed;

/// The longest object read, before decoding: what deployed servers let through is a quarter of it.
pub(super) const LONGEST: usize = 64 * 1024;
/// No honest object is nested deeper.
const DEEPEST: usize = 32;

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_padding_mode(Indifferent);
const LENIENT: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const LENIENT_URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// Padded standard base64, the one form that everybody reads.
pub(super) fn encode(object: &JsonObject) -> String {
    STANDARD.encode(serde_json::to_string(object).unwrap_or_default())
}

/// Reads a header value, in either alphabet, with or without padding.
pub(super) fn decode(text: &[u8]) -> Result<JsonObject, Malformed> {
    if text.len() > LONGEST {
        return Err(Malformed::TooLong { longest: LONGEST });
    }
    let bytes = LENIENT.decode(text).or_else(|_| LENIENT_URL.decode(text)).map_err(|_| Malformed::NotBase64)?;
    object(&bytes)
}

/// Reads one JSON object strictly.
pub(super) fn object(bytes: &[u8]) -> Result<JsonObject, Malformed> {
    let object = parse_object(bytes).map_err(|error| Malformed::Json(error.to_string()))?;
    if object.values().any(|value| is_deeper(value, DEEPEST - 1)) {
        return Err(Malformed::Json(format!("it is nested more than {DEEPEST} levels deep")));
    }
    Ok(object)
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else { return value.is_object() || value.is_array() };
    match value {
        Value::Object(members) => members.values().any(|member| is_deeper(member, below)),
        Value::Array(items) => items.iter().any(|item| is_deeper(item, below)),
        _ => false,
    }
}

pub(super) fn text<'a>(object: &'a JsonObject, member: &'static str) -> Result<&'a str, Malformed> {
    let text = object.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or(Malformed::member(member, "text that is not empty"))
}

pub(super) fn optional_text(object: &JsonObject, member: &'static str) -> Result<Option<String>, Malformed> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Malformed::member(member, "text")),
    }
}

pub(super) fn object_of(object: &JsonObject, member: &'static str) -> Result<JsonObject, Malformed> {
    match object.get(member) {
        Some(Value::Object(members)) => Ok(members.clone()),
        _ => Err(Malformed::member(member, "an object")),
    }
}

pub(super) fn optional_object(object: &JsonObject, member: &'static str) -> Result<JsonObject, Malformed> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(JsonObject::new()),
        Some(_) => object_of(object, member),
    }
}

/// A whole number of base units in its one spelling: text, decimal digits, no leading zero.
pub(super) fn amount(object: &JsonObject, member: &'static str) -> Result<Amount, Malformed> {
    let amount = object.get(member).and_then(Value::as_str).and_then(|text| text.parse().ok());
    amount.ok_or(Malformed::member(member, "a whole number of base units as text, such as \"1000\""))
}
