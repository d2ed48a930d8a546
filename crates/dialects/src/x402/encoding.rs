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

/// The longest object read, in bytes: what deployed servers let through is a quarter of it.
pub(super) const LONGEST: usize = 64 * 1024;
/// The same in base64.
const LONGEST_ENCODED: usize = LONGEST.div_ceil(3) * 4;
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
    if text.len() > LONGEST_ENCODED {
        return Err(Malformed::TooLong { longest: LONGEST });
    }
    let bytes = LENIENT.decode(text).or_else(|_| LENIENT_URL.decode(text)).map_err(|_| Malformed::NotBase64)?;
    object(&bytes)
}

/// Reads one JSON object strictly.
pub(super) fn object(bytes: &[u8]) -> Result<JsonObject, Malformed> {
    if bytes.len() > LONGEST {
        return Err(Malformed::TooLong { longest: LONGEST });
    }
    let object = parse_object(bytes).map_err(|error| Malformed::Json(error.to_string()))?;
    check_members(&object, DEEPEST)?;
    Ok(object)
}

/// What JSON allows and no honest object has: each is read differently by some peer.
fn check_members(members: &JsonObject, levels: usize) -> Result<(), Malformed> {
    members.iter().try_for_each(|(name, value)| {
        if name == "__proto__" {
            return Err(Malformed::Json("a member is named __proto__".to_owned()));
        }
        check_text(name)?;
        check(value, levels.saturating_sub(1))
    })
}

fn check(value: &Value, levels: usize) -> Result<(), Malformed> {
    match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => {
            Err(Malformed::Json(format!("it is nested more than {DEEPEST} levels deep")))
        }
        Value::Object(members) => check_members(members, levels),
        Value::Array(items) => items.iter().try_for_each(|item| check(item, levels.saturating_sub(1))),
        Value::String(text) => check_text(text),
        _ => Ok(()),
    }
}

fn check_text(text: &str) -> Result<(), Malformed> {
    if text.contains('\0') { Err(Malformed::Json("a text has a NUL".to_owned())) } else { Ok(()) }
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

/// As [`object_of`], leaving the rest behind.
pub(super) fn take_object(object: &mut JsonObject, member: &'static str) -> Result<JsonObject, Malformed> {
    match object.remove(member) {
        Some(Value::Object(members)) => Ok(members),
        _ => Err(Malformed::member(member, "an object")),
    }
}

/// As [`optional_object`], leaving the rest behind.
pub(super) fn take_optional_object(object: &mut JsonObject, member: &'static str) -> Result<JsonObject, Malformed> {
    match object.get(member) {
        None | Some(Value::Null) => Ok(JsonObject::new()),
        Some(_) => take_object(object, member),
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
