//! Where server-sent events end, and what of them matters to a meter. Nothing is encoded anew: events go out as
//! the bytes that came in.

use memchr::memchr2;

/// Finds the ends of events in a stream, wherever its chunks are cut.
///
/// A line ends with LF, CR or both, and an event with an empty line.
#[derive(Debug)]
pub(crate) struct Boundaries {
    line_is_empty: bool,
    after_cr: bool,
}

/// The bytes of one whole event.
#[derive(Clone, Copy)]
pub(crate) struct EventBytes<'a>(pub(crate) &'a [u8]);

impl Boundaries {
    pub(crate) const fn new() -> Self {
        Self { line_is_empty: true, after_cr: false }
    }

    /// Looks on at the next bytes: where the event ends that they continue, if it does.
    pub(crate) fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..) {
            let Some(length) = memchr2(b'\n', b'\r', rest) else {
                if !rest.is_empty() {
                    (self.line_is_empty, self.after_cr) = (false, false);
                }
                return None;
            };
            let is_cr = rest.get(length) == Some(&b'\r');
            at += length + 1;
            if length == 0 && !is_cr && std::mem::take(&mut self.after_cr) {
                // The second half of a line end that was counted.
                continue;
            }
            let line_is_empty = self.line_is_empty && length == 0;
            (self.line_is_empty, self.after_cr) = (true, is_cr);
            if line_is_empty {
                let both = is_cr && bytes.get(at) == Some(&b'\n');
                self.after_cr = is_cr && !both;
                return Some(at + usize::from(both));
            }
        }
        None
    }
}

impl<'a> EventBytes<'a> {
    /// Its fields in order: name and value.
    fn fields(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let text = self.0.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.0);
        Lines(text).map(|line| {
            let colon = memchr::memchr(b':', line).unwrap_or(line.len());
            let (name, value) = line.split_at_checked(colon).unwrap_or((line, b""));
            let value = value.strip_prefix(b":").unwrap_or(value);
            (name, value.strip_prefix(b" ").unwrap_or(value))
        })
    }

    /// The data of an event that is one line of data and nothing else, as nearly all are.
    pub(crate) fn only_line(self) -> Option<&'a [u8]> {
        let line = self.0.strip_prefix(b"data: ")?;
        let (data, rest) = line.split_at_checked(memchr2(b'\n', b'\r', line)?)?;
        rest.iter().all(|byte| matches!(byte, b'\n' | b'\r')).then_some(data)
    }

    /// Its name; none for the usual one.
    pub(crate) fn name(self) -> Option<&'a [u8]> {
        self.fields().filter(|(field, _)| *field == b"event").last().map(|(_, name)| name)
    }

    /// Its data, put together in `joined` where it has several lines; nothing for what is no event, such as a
    /// comment.
    pub(crate) fn data<'b>(self, joined: &'b mut Vec<u8>) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        let mut lines = self.fields().filter(|(field, _)| *field == b"data").map(|(_, value)| value);
        let first = lines.next()?;
        let Some(second) = lines.next() else { return Some(first) };
        joined.clear();
        joined.extend_from_slice(first);
        for line in std::iter::once(second).chain(lines) {
            joined.push(b'\n');
            joined.extend_from_slice(line);
        }
        Some(joined)
    }

    /// Whether it has data: else clients are told nothing of it.
    pub(crate) fn has_data(self) -> bool {
        self.0.starts_with(b"data:") || self.fields().any(|(field, _)| field == b"data")
    }

    /// Whether it is what streams of models end with.
    pub(crate) fn is_last_word(self) -> bool {
        // Long before it is looked at field by field: no event of this length is anything else.
        self.0.len() < 64 && self.fields().any(|(field, value)| field == b"data" && value.trim_ascii() == b"[DONE]")
    }

    /// Whether it could pass for one of ours, also with readers that trim what they read.
    pub(crate) fn passes_for_payment(self) -> bool {
        let is_name = |(field, value): (&[u8], &[u8])| {
            field.trim_ascii() == b"event" && value.trim_ascii().starts_with(b"payment-")
        };
        self.fields().any(is_name)
    }
}

struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    /// The next line that is not empty.
    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.0.is_empty() {
            let length = memchr2(b'\n', b'\r', self.0).unwrap_or(self.0.len());
            let (line, rest) = self.0.split_at_checked(length)?;
            self.0 = rest.get(1..).unwrap_or_default();
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ends(pieces: &[&[u8]]) -> Vec<usize> {
        let (mut boundaries, mut ends, mut before) = (Boundaries::new(), Vec::new(), 0);
        for piece in pieces {
            let mut at = 0;
            while let Some(length) = boundaries.end(&piece[at..]) {
                at += length;
                ends.push(before + at);
            }
            before += piece.len();
        }
        ends
    }

    #[test]
    fn an_event_ends_with_an_empty_line_of_any_kind() {
        assert_eq!(ends(&[b"data: a\n\ndata: b\n\n"]), [9, 18]);
        assert_eq!(ends(&[b"data: a\r\n\r\ndata: b\r\rc\n\r\n"]), [11, 20, 24]);
        assert_eq!(ends(&[b"data: a\r\n", b"\r\n", b"data: b\n"]), [11]);
        // Cut inside of a line end: what is left of it opens the next event.
        assert_eq!(ends(&[b"data: a\r\n\r", b"\ndata: b\r", b"\n\r\n"]), [10, 22]);
    }

    #[test]
    fn fields_are_read_as_browsers_do() {
        let event = EventBytes(b"\xef\xbb\xbf: a comment\nevent:one\nevent: two\ndata: a\rdata\r\ndata:  b\nid: 7\n\n");
        assert_eq!((event.name(), event.data(&mut Vec::new())), (Some(&b"two"[..]), Some(&b"a\n\n b"[..])));
        assert_eq!(EventBytes(b"data: a\n\n").data(&mut Vec::new()), Some(&b"a"[..]));
        let line = |text: &'static str| EventBytes(text.as_bytes()).only_line();
        assert_eq!(
            (line("data: a\r\n\r\n"), line("data: a\nid: 7\n\n"), line("data:a\n\n")),
            (Some(&b"a"[..]), None, None)
        );
        assert!(!EventBytes(b": only a comment\n\n").has_data() && EventBytes(b"data\n\n").has_data());
    }

    #[test]
    fn names_of_ours_are_seen_through() {
        for text in [
            "event: payment-receipt\n",
            "event:payment-x\r",
            "data: a\revent: payment-receipt\n",
            " event : payment-\n",
        ] {
            assert!(EventBytes(text.as_bytes()).passes_for_payment(), "{text:?}");
        }
        for text in
            ["event: message\ndata: payment-receipt\n", "data: event: payment-receipt\n", "event: prepayment-\n"]
        {
            assert!(!EventBytes(text.as_bytes()).passes_for_payment(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn ends_are_where_they_are_wherever_the_stream_is_cut(text in "[ab:\n\r]{0,40}", cut in 0usize..40) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let (whole, cut_once) = (ends(&[bytes]), ends(&[&bytes[..cut], &bytes[cut..]]));
            // An end that is cut between CR and LF is told one byte earlier.
            let near = |(one, other): (&usize, &usize)| one == other || (*other + 1 == *one && *other == cut);
            prop_assert_eq!(whole.len(), cut_once.len());
            prop_assert!(whole.iter().zip(&cut_once).all(near), "{:?} {:?}", whole, cut_once);
        }
    }
}
