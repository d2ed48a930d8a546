//! A stream of events, with what is about payments taken out and the rest as it came.

use super::Event;

/// The longest event that can be about a payment, in bytes; what is longer is not held back.
const LONGEST_HELD: usize = 64 * 1024;

/// What comes out of a sieve, in the order of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sieved {
    /// An event that was bought, or a part of a long one, byte for byte.
    Message(Vec<u8>),
    /// What says nothing, byte for byte: comments, which keep a connection alive, and empty lines.
    Aside(Vec<u8>),
    /// An event about the payment.
    Payment(Event),
}

/// Cuts a stream between its events. It holds no more than the longest event about a payment, and what is left out
/// is left out whole.
#[derive(Debug, Default)]
pub struct EventSieve {
    held: Vec<u8>,
    in_line: bool,
    /// Whether the event is too long to be about a payment, and goes on as it comes.
    passing: bool,
}

impl EventSieve {
    /// Takes the next piece; gives what it completes.
    pub fn push(&mut self, piece: &[u8]) -> Vec<Sieved> {
        let mut out = Vec::new();
        for byte in piece {
            self.held.push(*byte);
            match byte {
                b'\n' if !self.in_line => out.push(self.event()),
                b'\n' => self.in_line = false,
                // As everywhere in streams of events, `\r\n` is one end of a line.
                b'\r' => {}
                _ => self.in_line = true,
            }
        }
        self.passing |= self.held.len() > LONGEST_HELD;
        if self.passing && !self.held.is_empty() {
            out.push(Sieved::Message(std::mem::take(&mut self.held)));
        }
        out
    }

    /// What the stream ended in the middle of.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn event(&mut self) -> Sieved {
        let bytes = std::mem::take(&mut self.held);
        if std::mem::take(&mut self.passing) {
            return Sieved::Message(bytes);
        }
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        match Event::parse(&text) {
            Some(Event::Message(_)) => Sieved::Message(bytes),
            Some(payment) => Sieved::Payment(payment),
            None => Sieved::Aside(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEED: &str = "event: payment-need-voucher\r\ndata: {\"channelId\":\"0x01\",\"requiredCumulative\":\"2\",\
        \"acceptedCumulative\":\"1\",\"deposit\":\"9\"}\r\n\r\n";

    fn sieve(stream: &[u8], size: usize) -> (Vec<u8>, usize) {
        let mut sieve = EventSieve::default();
        let mut passed = Vec::new();
        let mut payments = 0;
        for sieved in stream.chunks(size).flat_map(|piece| sieve.push(piece)) {
            match sieved {
                Sieved::Message(bytes) | Sieved::Aside(bytes) => passed.extend(bytes),
                Sieved::Payment(_) => payments += 1,
            }
        }
        passed.extend(sieve.rest());
        (passed, payments)
    }

    #[test]
    fn what_is_about_the_payment_is_left_out_and_the_rest_is_as_it_was() {
        let (before, after) = ("id: 7\nevent: delta\ndata: a\n\n: alive\n\n", "retry: 5\r\ndata: b\r\n\r\ndata: half");
        let stream = format!("{before}{NEED}{after}");
        for size in [1, 2, 3, 7, 1000] {
            assert_eq!(sieve(stream.as_bytes(), size), (format!("{before}{after}").into_bytes(), 1), "{size}");
        }
    }

    #[test]
    fn a_comment_is_told_from_what_was_bought() {
        let mut sieve = EventSieve::default();
        let out = sieve.push(b": alive\n\ndata: a\n\n");
        assert_eq!(out, [Sieved::Aside(b": alive\n\n".to_vec()), Sieved::Message(b"data: a\n\n".to_vec())]);
    }

    #[test]
    fn a_long_event_is_not_held_back_and_ends_where_it_ends() {
        let long = format!("data: {}", "x".repeat(LONGEST_HELD));
        let mut sieve = EventSieve::default();
        assert_eq!(sieve.push(long.as_bytes()).len(), 1);
        assert!(sieve.held.is_empty());
        let stream = format!("{long}\n\n{NEED}data: b\n\n");
        assert_eq!(self::sieve(stream.as_bytes(), 1000), (format!("{long}\n\ndata: b\n\n").into_bytes(), 1));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_changed_wherever_the_stream_is_cut(
            pieces in prop::collection::vec("(data: [a-c]{0,3}\n|: x\r\n|\n|\r\n|id: 1\n)", 0..12), size in 1usize..9,
        ) {
            let stream = pieces.concat();
            prop_assert_eq!(sieve(stream.as_bytes(), size), (stream.into_bytes(), 0));
        }
    }
}
