//! What a model's answer says that it used.

use serde_json::Value;

use crate::config::Tokens;

/// Where answers say it: chat completions and messages, responses, the first event of a stream of messages.
const PLACES: [&str; 3] = ["/usage", "/response/usage", "/message/usage"];

/// What was said so far. Counts are of the whole answer, so that the latest one stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
    pub(crate) total: Option<u64>,
}

impl Usage {
    /// What a document says; nothing if it does not speak of usage. What is no whole number was not said.
    pub(crate) fn read(document: &Value) -> Option<Self> {
        let said = PLACES.iter().find_map(|place| document.pointer(place).and_then(Value::as_object))?;
        let count = |name: &str| said.get(name).and_then(Value::as_u64);
        // Tokens that came from a cache are told beside the others, and were read too.
        let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
        let cached = cached.into_iter().filter_map(count).fold(0, u64::saturating_add);
        Some(Self {
            input: count("prompt_tokens").or_else(|| count("input_tokens").map(|input| input.saturating_add(cached))),
            output: count("completion_tokens").or_else(|| count("output_tokens")),
            total: count("total_tokens"),
        })
    }

    /// What is known with this, which was said later.
    pub(crate) fn then(self, later: Self) -> Self {
        Self {
            input: later.input.or(self.input),
            output: later.output.or(self.output),
            total: later.total.or(self.total),
        }
    }

    /// How many of these tokens; nothing where it does not say.
    pub(crate) fn of(self, which: Tokens) -> Option<u64> {
        match which {
            Tokens::Input => self.input,
            Tokens::Output => self.output,
            Tokens::Total => self.total.or_else(|| Some(self.input?.saturating_add(self.output?))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_usual_answer_says_what_it_used() {
        let answers = [
            json!({"usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21}}),
            json!({"response": {"usage": {"input_tokens": 9, "output_tokens": 12, "total_tokens": 21}}}),
            json!({"usage": {"input_tokens": 4, "cache_read_input_tokens": 5, "output_tokens": 12}}),
            json!({"message": {"usage": {"input_tokens": 9, "output_tokens": 12}}}),
        ];
        for answer in answers {
            let usage = Usage::read(&answer).unwrap();
            let counts = [Tokens::Input, Tokens::Output, Tokens::Total].map(|which| usage.of(which));
            assert_eq!(counts, [Some(9), Some(12), Some(21)], "{answer}");
        }
    }

    #[test]
    fn what_is_no_count_was_not_said() {
        for answer in [json!({}), json!({"usage": null}), json!({"message": "no"}), json!([])] {
            assert_eq!(Usage::read(&answer), None, "{answer}");
        }
        for count in [json!(-1), json!(1.5), json!("12"), json!(null)] {
            assert_eq!(Usage::read(&json!({"usage": {"completion_tokens": count}})), Some(Usage::default()));
        }
    }

    #[test]
    fn the_latest_count_stands() {
        let first = Usage { input: Some(9), output: Some(1), total: None };
        let last = Usage { output: Some(12), ..Usage::default() };
        assert_eq!(first.then(last).of(Tokens::Total), Some(21));
    }
}
