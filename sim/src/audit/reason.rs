//! Why something was refused: every refusal says it, and what to do about it.

use serde_json::Value;

/// Words by which a sentence says what to do. One that has none of them leaves its reader alone.
const REMEDIES: [&str; 19] = [
    "add", "again", "answer", "ask", "change", "check", "fetch", "lists", "make", "open", "pay", "present", "raise",
    "repeat", "send", "sign", "use", "wait", "top",
];

/// What is missing in an answer by which something is refused.
pub fn missing_in_answer(status: u16, content_type: Option<&[u8]>, body: &[u8]) -> Option<String> {
    if content_type != Some(b"application/problem+json".as_slice()) {
        return Some(format!("a refusal with the status {status} is no problem document"));
    }
    let Ok(problem) = serde_json::from_slice::<Value>(body) else {
        return Some(format!("a problem with the status {status} is not JSON"));
    };
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("type").is_empty() || text("title").is_empty() {
        return Some(format!("a problem with the status {status} has no type or no title"));
    }
    if problem.get("status").and_then(Value::as_u64) != Some(status.into()) {
        return Some(format!("a problem names another status than its answer's {status}"));
    }
    let detail = text("detail");
    if !names_a_remedy(detail) {
        return Some(format!("a refusal with the status {status} does not say what to do: {detail:?}"));
    }
    None
}

/// What is missing in a record of the wallet's log.
pub fn missing_in_record(text: &str) -> Option<String> {
    let Ok(record) = serde_json::from_str::<Value>(text) else { return Some(format!("{text:?} is no record")) };
    let says = |pointer: &str| record.pointer(pointer).is_some_and(|found| !found.is_null() && found != "");
    let has_reason = match record.get("event").and_then(Value::as_str) {
        Some("denied") => says("/decided/outcome/rule") || says("/books/rule"),
        Some("allowed") => says("/decided/outcome/kind") && says("/books/cost"),
        Some(_) => true,
        None => false,
    };
    (!has_reason).then(|| format!("the wallet's log does not say why: {text}"))
}

fn names_a_remedy(detail: &str) -> bool {
    let words = detail.split(|letter: char| !letter.is_alphabetic()).map(str::to_lowercase);
    detail.ends_with('.') && words.into_iter().any(|word| REMEDIES.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBLEM: Option<&[u8]> = Some(b"application/problem+json");

    fn problem(detail: &str) -> String {
        serde_json::json!({ "type": "about:blank", "title": "Conflict", "status": 409, "detail": detail }).to_string()
    }

    #[test]
    fn a_refusal_without_a_reason_is_found() {
        let good = problem("It is being served; repeat the request.");
        assert_eq!(missing_in_answer(409, PROBLEM, good.as_bytes()), None);
        let other = problem("This deposit was made for something else before; make another.");
        assert_eq!(missing_in_answer(409, PROBLEM, other.as_bytes()), None);
        let plain: Option<&[u8]> = Some(b"text/plain");
        assert!(missing_in_answer(409, plain, good.as_bytes()).unwrap().contains("no problem document"));
        assert!(missing_in_answer(410, PROBLEM, good.as_bytes()).unwrap().contains("another status"));
        for silent in ["", "No.", "It is being served; repeat the request", "Something went wrong."] {
            let missing = missing_in_answer(409, PROBLEM, problem(silent).as_bytes());
            assert!(missing.unwrap().contains("what to do"), "{silent}");
        }
        assert!(missing_in_answer(409, PROBLEM, b"{}").unwrap().contains("no type"));
    }

    #[test]
    fn a_denial_without_a_rule_is_found() {
        let denied = |outcome: &str| format!(r#"{{"event":"denied","decided":{{"outcome":{outcome}}}}}"#);
        assert_eq!(missing_in_record(&denied(r#"{"kind":"denied","rule":"total"}"#)), None);
        assert!(missing_in_record(&denied(r#"{"kind":"denied"}"#)).is_some());
        assert!(missing_in_record(r#"{"event":"allowed","decided":{"outcome":{"kind":"allowed"}}}"#).is_some());
    }
}
