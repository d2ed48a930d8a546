use serde_json::Value;

/// The decimals of the dollar tokens in which ATXP charges.
const DECIMALS: usize = 6;

/// Whether an entry of a price list takes no more than what is charged.
pub(super) fn is_within(entry: &Value, charged: u128) -> bool {
    let member = ["amount", "maxAmountRequired"].into_iter().find_map(|name| entry.get(name)?.as_str());
    member.and_then(|text| text.parse::<u128>().ok()).is_some_and(|amount| amount <= charged)
}

/// An amount in dollars, as millionths, however it is written.
pub(super) fn decimal(value: &Value) -> Option<u128> {
    match value {
        Value::String(text) => millionths(text),
        Value::Number(number) => millionths(&number.to_string()),
        _ => None,
    }
}

/// See [`decimal`].
pub(super) fn millionths(text: &str) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > DECIMALS || !part.bytes().chain(whole.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{whole}{part:0<DECIMALS$}").parse().ok()
}
