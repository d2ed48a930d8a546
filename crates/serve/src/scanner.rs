//! Sees what the parser repairs before anyone can ask.
//!
//! The HTTP/1.1 parser drops `Content-Length` when `Transfer-Encoding` is there too, so a service cannot tell. The
//! scanner follows the same bytes and remembers. It can only cause refusals: what is forwarded is the parser's reading.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longest part of a line that is kept; longer ones that matter count as ambiguous.
const KEPT: usize = 256;

/// Follows the requests of one HTTP/1.1 connection.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    expects: Expects,
    /// The start of a line that came in pieces.
    line: Vec<u8>,
    in_head: bool,
    length: Option<u64>,
    coded: bool,
    ambiguous: Arc<AtomicBool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expects {
    #[default]
    Head,
    Bytes(u64),
    ChunkSize,
    /// The rest of a chunk and its line end.
    Chunk(u64),
    Trailers,
}

impl Scanner {
    /// Becomes true, for good, with the first head that frames its body in two ways.
    pub(super) fn ambiguous(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ambiguous)
    }

    /// Takes the next bytes of the connection, in any portions.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.expects {
                Expects::Bytes(left) => self.skip(bytes, left, Expects::Bytes, Expects::Head),
                Expects::Chunk(left) => self.skip(bytes, left, Expects::Chunk, Expects::ChunkSize),
                Expects::Head | Expects::ChunkSize | Expects::Trailers => self.take_line(bytes),
            };
        }
    }

    fn skip<'b>(&mut self, bytes: &'b [u8], left: u64, more: fn(u64) -> Expects, then: Expects) -> &'b [u8] {
        let here = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - here as u64;
        self.expects = if left == 0 { then } else { more(left) };
        bytes.get(here..).unwrap_or_default()
    }

    fn take_line<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let end = memchr::memchr(b'\n', bytes);
        let (piece, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        if end.is_some() && self.line.is_empty() {
            self.end_line(piece);
        } else {
            let room = KEPT.saturating_sub(self.line.len());
            self.line.extend_from_slice(piece.get(..room).unwrap_or(piece));
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                self.end_line(&line);
            }
        }
        rest
    }

    fn end_line(&mut self, line: &[u8]) {
        let line = line.trim_ascii_end();
        match self.expects {
            Expects::ChunkSize => self.end_chunk_size(line),
            Expects::Trailers if line.is_empty() => self.expects = Expects::Head,
            Expects::Head if line.is_empty() && self.in_head => self.end_head(),
            Expects::Head if !line.is_empty() => {
                self.in_head = true;
                self.note_field(line);
            }
            _ => {}
        }
    }

    fn note_field(&mut self, line: &[u8]) {
        if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T')) {
            return;
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { return };
        let (name, value) = line.split_at(colon);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.coded = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let digits = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
            self.length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            if self.length.is_none() {
                self.ambiguous.store(true, Ordering::Relaxed);
            }
        }
    }

    fn end_head(&mut self) {
        let (length, coded) = (self.length.take(), std::mem::take(&mut self.coded));
        self.in_head = false;
        if coded && length.is_some() {
            self.ambiguous.store(true, Ordering::Relaxed);
        }
        self.expects = match length {
            _ if coded => Expects::ChunkSize,
            None | Some(0) => Expects::Head,
            Some(length) => Expects::Bytes(length),
        };
    }

    fn end_chunk_size(&mut self, line: &[u8]) {
        let digits = line.split(|byte| !byte.is_ascii_hexdigit()).next().unwrap_or_default();
        let size = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        self.expects = match size {
            Some(0) => Expects::Trailers,
            Some(size) => Expects::Chunk(size.saturating_add(2)),
            // The parser ends the connection on a size like this.
            None => Expects::Head,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ambiguous(stream: &[u8], portion: usize) -> bool {
        let mut scanner = Scanner::default();
        let flag = scanner.ambiguous();
        stream.chunks(portion).for_each(|bytes| scanner.feed(bytes));
        flag.load(Ordering::Relaxed)
    }

    #[test]
    fn two_framings_in_any_portions_at_any_place() {
        let bad = "POST / HTTP/1.1\r\ncontent-LENGTH:4\r\nTransfer-Encoding: chunked\r\n\r\n";
        let befores = [
            "",
            "\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\r\n\r",
            "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n",
        ];
        for before in befores {
            let stream = format!("{before}{bad}");
            for portion in 1..=stream.len() {
                assert!(!ambiguous(before.as_bytes(), portion), "{before:?} in {portion}");
                assert!(ambiguous(stream.as_bytes(), portion), "{stream:?} in {portion}");
            }
        }
    }

    #[test]
    fn a_body_that_looks_like_a_head_is_a_body() {
        let inner = "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";
        let fixed = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{inner}", inner.len());
        let chunked =
            format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
        for stream in [fixed, chunked] {
            assert!((1..=stream.len()).all(|portion| !ambiguous(stream.as_bytes(), portion)), "{stream:?}");
        }
    }

    #[test]
    fn a_length_hidden_by_a_long_line_is_ambiguous_and_bounded() {
        let stream = format!("POST / HTTP/1.1\r\nContent-Length: {}4\r\n\r\n", " ".repeat(4000));
        assert!(ambiguous(stream.as_bytes(), 100));
        let mut scanner = Scanner::default();
        (0..1000).for_each(|_| scanner.feed(&[b'a'; 1000]));
        assert!(scanner.line.len() <= KEPT);
    }
}
