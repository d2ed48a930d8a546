//! Server-sent events.

use serde_json::Value;

use super::{NeedVoucher, SessionReceipt};
use crate::json::parse_object;

/// One event of a paid stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A piece of what was paid for. Lines are separated by `\n`.
    Message(String),
    /// Sign a higher voucher.
    NeedVoucher(NeedVoucher),
    /// A payment was accepted.
    Receipt(SessionReceipt),
}

/// Puts events together from pieces of a stream, wherever the pieces are cut.
///
/// It holds at most the limit it was made with; a longer event is dropped up to its end.
#[derive(Debug)]
pub struct EventReader {
    pending: Vec<u8>,
    longest_event_bytes: usize,
    overflowed: bool,
}

/// Whether a `Content-Type` is that of an event stream.
pub fn is_event_stream(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("text/event-stream")
}

impl Event {
    /// Reads the text of one event; nothing when it is empty, a comment, or a payment event that
    /// is not well formed. An unknown name counts as a message.
    pub fn parse(text: &str) -> Option<Self> {
        let mut name = "message";
        let mut data: Option<String> = None;
        for line in text.split(['\n', '\r']) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => name = value,
                "data" => match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => data = Some(value.to_owned()),
                },
                _ => {}
            }
        }
        let data = data?;
        match name {
            "payment-receipt" => SessionReceipt::from_object(parse_object(data.as_bytes()).ok()?).map(Self::Receipt),
            "payment-need-voucher" => {
                NeedVoucher::from_object(&parse_object(data.as_bytes()).ok()?).map(Self::NeedVoucher)
            }
            _ => Some(Self::Message(data)),
        }
    }

    /// The text of the event with the empty line after it. Every line of a message becomes a
    /// `data` line of its own, so that no message can pass for another event.
    pub fn to_text(&self) -> String {
        let (name, data) = match self {
            Self::Message(data) => ("message", data.clone()),
            Self::NeedVoucher(need) => ("payment-need-voucher", need.to_value().to_string()),
            Self::Receipt(receipt) => ("payment-receipt", Value::Object(receipt.object().clone()).to_string()),
        };
        let mut text = format!("event: {name}\n");
        for line in data.replace("\r\n", "\n").split(['\n', '\r']) {
            text.push_str("data: ");
            text.push_str(line);
            text.push('\n');
        }
        text.push('\n');
        text
    }
}

impl EventReader {
    /// A reader that holds at most so many bytes of an unfinished event.
    pub fn new(longest_event_bytes: usize) -> Self {
        Self { pending: Vec::new(), longest_event_bytes, overflowed: false }
    }

    /// Takes the next piece; gives the events it completes.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for byte in piece {
            // `\r\n` counts as one line end: the `\r` is dropped.
            if *byte == b'\r' {
                continue;
            }
            if *byte == b'\n' && matches!(self.pending.last(), None | Some(b'\n')) {
                let text = std::mem::take(&mut self.pending);
                if !std::mem::take(&mut self.overflowed) {
                    events.extend(Event::parse(&String::from_utf8_lossy(&text)));
                }
            } else if self.pending.len() < self.longest_event_bytes {
                self.pending.push(*byte);
            } else {
                // Keep only what shows where the event ends.
                self.overflowed = true;
                self.pending.clear();
                self.pending.push(*byte);
            }
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_cannot_pass_for_a_payment_event() {
        let text = Event::Message("a\nevent: payment-receipt\r\ndata: {}\rb".into()).to_text();
        assert_eq!(text.lines().filter(|line| line.starts_with("event:")).count(), 1);
        assert_eq!(Event::parse(&text), Some(Event::Message("a\nevent: payment-receipt\ndata: {}\nb".into())));
    }

    #[test]
    fn an_event_that_is_too_long_is_dropped_alone() {
        let mut reader = EventReader::new(16);
        let events = reader.push(b"data: 0123456789 0123456789\n\ndata: b\n\n");
        assert_eq!(events, [Event::Message("b".into())]);
    }

    proptest! {
        #[test]
        fn events_come_out_whole_wherever_the_stream_is_cut(
            messages in prop::collection::vec("[a-zé\n]{0,8}", 0..5), size in 1usize..7,
        ) {
            let stream: String = messages.iter().map(|message| Event::Message(message.clone()).to_text()).collect();
            let mut reader = EventReader::new(1024);
            let read: Vec<Event> = stream.as_bytes().chunks(size).flat_map(|piece| reader.push(piece)).collect();
            prop_assert_eq!(read, messages.into_iter().map(Event::Message).collect::<Vec<_>>());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            EventReader::new(8).push(&bytes);
        }
    }
}
