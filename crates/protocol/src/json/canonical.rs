//! RFC 8785: members sorted by UTF-16 code units, no white space, ECMAScript numbers, minimal escapes.

use serde_json::{Number, Value};

use super::{JsonError, JsonObject};

const DEEPEST: usize = 128;
const LARGEST_EXACT_INTEGER: u64 = (1 << 53) - 1;

/// RFC 8785 canonical text. Whole numbers beyond 2^53-1 are rounded to binary64, as the RFC has
/// it; [`super::EncodedObject::encode`] refuses them before it gets here.
pub fn canonical(value: &Value) -> Result<String, JsonError> {
    check_depth(value, DEEPEST)?;
    let mut text = String::new();
    push_canonical(value, &mut text);
    Ok(text)
}

/// As [`canonical`], for an object we issue: numbers that a peer would round are refused.
pub(super) fn canonical_object(object: &JsonObject) -> Result<String, JsonError> {
    let mut text = String::new();
    for value in object.values() {
        check_depth(value, DEEPEST)?;
        check_exact(value)?;
    }
    push_object(object, &mut text);
    Ok(text)
}

/// Appends the canonical text of a value no deeper than its maker made it.
pub(crate) fn push_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => push_number(number, out),
        Value::String(text) => push_canonical_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(object) => push_object(object, out),
    }
}

/// Appends a quoted string with no more escapes than JSON demands.
pub(crate) fn push_canonical_string(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => {
                out.push_str(if letter < '\u{10}' { "\\u000" } else { "\\u001" });
                out.extend(char::from_digit(u32::from(letter) % 16, 16));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

fn push_object(object: &JsonObject, out: &mut String) {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    out.push('{');
    for (index, (name, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_canonical_string(name, out);
        out.push(':');
        push_canonical(value, out);
    }
    out.push('}');
}

fn push_number(number: &Number, out: &mut String) {
    let small = number.as_i64().filter(|integer| integer.unsigned_abs() <= LARGEST_EXACT_INTEGER);
    if let Some(integer) = small {
        out.push_str(itoa::Buffer::new().format(integer));
    } else if let Some(float) = number.as_f64() {
        out.push_str(ryu_js::Buffer::new().format(float));
    }
}

fn check_depth(value: &Value, levels_left: usize) -> Result<(), JsonError> {
    let below = levels_left.checked_sub(1).ok_or(JsonError::TooDeep)?;
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check_depth(item, below)),
        Value::Object(object) => object.values().try_for_each(|member| check_depth(member, below)),
        _ => Ok(()),
    }
}

fn check_exact(value: &Value) -> Result<(), JsonError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(check_exact),
        Value::Object(object) => object.values().try_for_each(check_exact),
        Value::Number(number) => {
            let exact = match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => integer.unsigned_abs() <= LARGEST_EXACT_INTEGER,
                // Written without a point or an exponent, it comes back as a whole number.
                (None, Some(float)) => float.abs() < 9_007_199_254_740_992.0 || float.abs() >= 1e21,
                (None, None) => false,
            };
            if exact { Ok(()) } else { Err(JsonError::UnsafeInteger(number.to_string())) }
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_object;
    use proptest::prelude::*;

    #[test]
    fn nesting_without_end_is_refused() {
        let deep = (0..200).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        assert_eq!(canonical(&deep), Err(JsonError::TooDeep));
    }

    #[test]
    fn a_large_float_that_reads_back_as_a_whole_number_is_not_issued() {
        for text in ["9007199254740992.0", "1e20", "-1e16", "18446744073709551615"] {
            let object = parse_object(format!("{{\"a\":{text}}}").as_bytes()).unwrap();
            assert!(matches!(canonical_object(&object), Err(JsonError::UnsafeInteger(_))), "{text}");
        }
        for text in ["1e21", "-1e21", "9007199254740991.0", "0.1"] {
            let object = parse_object(format!("{{\"a\":{text}}}").as_bytes()).unwrap();
            assert!(canonical_object(&object).is_ok(), "{text}");
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_text_is_a_fixed_point(value in any_value()) {
            let object = JsonObject::from_iter([("value".to_owned(), value)]);
            let text = canonical(&Value::Object(object)).unwrap();
            let read = parse_object(text.as_bytes()).unwrap();
            prop_assert_eq!(canonical(&Value::Object(read)).unwrap(), text);
        }
    }
}
