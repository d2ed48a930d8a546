//! The bytes of a file: hashed, their lines counted, and bounded.

use std::io::{self, BufRead, Read};

use sha2::{Digest, Sha256};

use super::refused::Mistake;

/// No statement is larger: a year of a busy account has about a gigabyte.
pub(super) const LARGEST_FILE: u64 = 8 << 30;
/// No tag and no text of a statement is longer.
pub(super) const LONGEST_TOKEN: usize = 64 << 10;

const CHUNK: usize = 128 << 10;

/// A reader that knows where it is and what it has seen.
pub(super) struct Input<R> {
    inner: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    hasher: Sha256,
    bytes: u64,
    line: u64,
    in_token: usize,
    broken: Option<Mistake>,
}

impl<R: Read> Input<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            buffer: vec![0; CHUNK].into_boxed_slice(),
            start: 0,
            end: 0,
            hasher: Sha256::new(),
            bytes: 0,
            line: 1,
            in_token: 0,
            broken: None,
        }
    }

    /// The line that is being read.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// What bound was broken, when reading failed for that.
    pub(super) fn broken(&mut self) -> Option<Mistake> {
        self.broken.take()
    }

    /// A new tag or text begins.
    pub(super) fn begin_token(&mut self) {
        self.in_token = 0;
    }

    /// The hash of everything that was read.
    pub(super) fn finish(self) -> [u8; 32] {
        self.hasher.finalize().into()
    }

    fn refuse(&mut self, mistake: Mistake) -> io::Error {
        let error = io::Error::other(mistake.to_string());
        self.broken = Some(mistake);
        error
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.in_token > LONGEST_TOKEN {
            return Err(self.refuse(Mistake::TooLong(LONGEST_TOKEN)));
        }
        if self.start == self.end {
            let read = self.inner.read(&mut self.buffer)?;
            let fresh = self.buffer.get(..read).unwrap_or_default();
            self.hasher.update(fresh);
            self.bytes = self.bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            (self.start, self.end) = (0, read);
            if self.bytes > LARGEST_FILE {
                return Err(self.refuse(Mistake::TooLarge(LARGEST_FILE)));
            }
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, read: usize) {
        let upto = self.start.saturating_add(read).min(self.end);
        let passed = self.buffer.get(self.start..upto).unwrap_or_default();
        let lines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(u64::try_from(lines).unwrap_or(u64::MAX));
        self.in_token = self.in_token.saturating_add(read);
        self.start = upto;
    }
}
