//! Counting a model's tokens while it writes them.
//!
//! Most models say what they used at the end only. Until then every event that carries content counts as one
//! token, which is the least that it can be; whenever the model says how many there were, that count stands.

use memchr::memmem::Finder;
use serde_json::Value;

use super::events::EventBytes;
use super::usage::Usage;
use crate::config::Tokens;

/// Members whose text is no content.
const NO_CONTENT: [&[u8]; 6] = [b"role", b"type", b"id", b"object", b"stop_reason", b"stop_sequence"];

/// The tokens of one stream.
pub(crate) struct TokenCount {
    which: Tokens,
    said: Usage,
    /// Events with content since the model last said how much it wrote.
    since: u64,
    usage: Finder<'static>,
    delta: Finder<'static>,
    text: Finder<'static>,
    joined: Vec<u8>,
}

impl TokenCount {
    pub(crate) fn new(which: Tokens) -> Self {
        let finder = |name: &'static str| Finder::new(name);
        let (usage, delta, text) = (finder("\"usage\""), finder("\"delta\""), finder("\"text\""));
        Self { which, said: Usage::default(), since: 0, usage, delta, text, joined: Vec::new() }
    }

    /// Takes the next event: whether the model says in it how many there were.
    pub(crate) fn take(&mut self, event: EventBytes<'_>) -> bool {
        if let Some(data) = event.only_line() {
            return self.read(None, data);
        }
        let mut joined = std::mem::take(&mut self.joined);
        let said = event.data(&mut joined).is_some_and(|data| self.read(event.name(), data));
        self.joined = joined;
        said
    }

    /// Takes the next message of a stream without names: whether the model says in it how many there were.
    pub(crate) fn take_message(&mut self, data: &[u8]) -> bool {
        self.read(None, data)
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> u64 {
        let Usage { input, output, total } = self.said;
        let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
        match self.which {
            Tokens::Input => input,
            Tokens::Output => output.saturating_add(self.since),
            Tokens::Total => total.unwrap_or(input.saturating_add(output)).saturating_add(self.since),
        }
    }

    /// Whether the model has said how many there were of what is counted.
    pub(crate) fn is_said(&self) -> bool {
        self.said.of(self.which).is_some()
    }

    fn read(&mut self, name: Option<&[u8]>, data: &[u8]) -> bool {
        if let Some(usage) = self.usage_in(data) {
            self.said = self.said.then(usage);
            if usage.output.is_some() || usage.total.is_some() {
                self.since = 0;
            }
            return true;
        }
        if self.carries_content(name, data) {
            self.since = self.since.saturating_add(1);
        }
        false
    }

    /// The usage that it tells, if any. The whole is only parsed when it has a member of that name that is an
    /// object: many streams repeat `"usage":null` in every event.
    fn usage_in(&self, data: &[u8]) -> Option<Usage> {
        let places = self.usage.find_iter(data);
        let mut objects =
            places.filter_map(|at| value_after(data, at + 7)).filter(|value| value.first() == Some(&b'{'));
        objects.next()?;
        Usage::read(&serde_json::from_slice::<Value>(data).ok()?)
    }

    fn carries_content(&self, name: Option<&[u8]>, data: &[u8]) -> bool {
        if let Some(name) = name.filter(|name| *name != b"message") {
            return name.ends_with(b"delta") && name != b"message_delta";
        }
        if data.first() != Some(&b'{') {
            return data != b"[DONE]";
        }
        match self.delta.find(data).and_then(|at| value_after(data, at + 7)) {
            Some(delta) => has_text(delta),
            // Completions of plain text have no delta.
            None => self.text.find(data).and_then(|at| value_after(data, at + 6)).is_some_and(has_text),
        }
    }
}

/// The value of the member whose name ends here; nothing if it is no member's name.
fn value_after(data: &[u8], at: usize) -> Option<&[u8]> {
    data.get(at..)?.trim_ascii_start().strip_prefix(b":").map(<[u8]>::trim_ascii_start)
}

/// Whether a JSON value at the start of these bytes is or has a text that is content.
fn has_text(value: &[u8]) -> bool {
    let (mut rest, mut depth, mut member): (&[u8], u32, &[u8]) = (value, 0, b"");
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let Some(length) = length_of_text(after) else { return false };
                let (text, behind) = after.split_at_checked(length).unwrap_or((after, b""));
                rest = behind.get(1..).unwrap_or_default();
                if rest.trim_ascii_start().first() == Some(&b':') {
                    member = text;
                } else if !text.is_empty() && !NO_CONTENT.contains(&member) {
                    return true;
                }
            }
            _ => {}
        }
        if depth == 0 && !matches!(first, b' ' | b'\t' | b'\n' | b'\r') {
            return false;
        }
    }
    false
}

/// Where the quotation mark is that ends a text.
fn length_of_text(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(which: Tokens, events: &[&str]) -> Vec<u64> {
        let mut tokens = TokenCount::new(which);
        let mut take = |event: &&str| {
            tokens.take(EventBytes(event.as_bytes()));
            tokens.count()
        };
        events.iter().map(&mut take).collect()
    }

    const CHAT: &[&str] = &[
        r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}"#,
        r#"data: {"choices":[{"index":0,"delta":{"content":"Hello, \"you"}}],"usage":null}"#,
        r#"data: {"choices": [{"index": 0, "delta": {"content": " there"}}]}"#,
        r#"data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}}]}"#,
        r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}"#,
        "data: [DONE]",
    ];

    #[test]
    fn chat_completions_say_it_at_the_end() {
        assert_eq!(counts(Tokens::Output, CHAT), [0, 1, 2, 3, 3, 12, 12]);
        assert_eq!(counts(Tokens::Total, CHAT), [0, 1, 2, 3, 3, 21, 21]);
        assert_eq!(counts(Tokens::Input, CHAT), [0, 0, 0, 0, 0, 9, 9]);
    }

    #[test]
    fn responses_name_their_events() {
        let events = [
            "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null}}",
            "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}",
            "data: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}",
            "event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\",\"text\":\"HiHi\"}",
            "event: response.completed\ndata: {\"response\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":5}}}",
        ];
        assert_eq!(counts(Tokens::Output, &events), [0, 1, 2, 2, 5]);
    }

    #[test]
    fn messages_count_up() {
        let events = [
            "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}",
            "event: content_block_start\ndata: {\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
            "event: ping\ndata: {\"type\": \"ping\"}",
            "event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}",
            "event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\" you\"}}",
            "event: message_delta\ndata: {\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}}",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}",
        ];
        assert_eq!(counts(Tokens::Output, &events), [1, 1, 1, 2, 3, 7, 7]);
        assert_eq!(counts(Tokens::Total, &events), [10, 10, 10, 11, 12, 16, 16]);
    }

    #[test]
    fn what_a_model_writes_is_not_what_it_says_of_itself() {
        let content = r#"data: {"choices":[{"delta":{"content":"\"usage\":{\"completion_tokens\":0}"}}]}"#;
        assert_eq!(counts(Tokens::Output, &[content, content]), [1, 2]);
        let nested = r#"data: {"choices":[{"delta":{"content":"a"},"usage":{"completion_tokens":0}}]}"#;
        assert_eq!(counts(Tokens::Output, &[content, nested]), [1, 2]);
        let nonsense = r#"data: {"choices":[],"usage":{"completion_tokens":-1}}"#;
        assert_eq!(counts(Tokens::Output, &[content, nonsense]), [1, 1]);
    }

    #[test]
    fn plain_text_counts_by_the_event() {
        let events =
            ["data: one", "data: two\ndata: lines", ": a comment", "data: {\"text\":\"three\"}", "data: {\"n\":1}"];
        assert_eq!(counts(Tokens::Output, &events), [1, 2, 2, 3, 3]);
    }

    #[test]
    fn broken_json_is_looked_at_without_harm() {
        for data in [
            r#"data: {"delta":{"content":"never ends"#,
            r#"data: {"delta":"\"#,
            r#"data: {"delta":"#,
            "data: {\"usage\":{",
        ] {
            assert_eq!(counts(Tokens::Output, &[data]), [0], "{data}");
        }
    }
}
