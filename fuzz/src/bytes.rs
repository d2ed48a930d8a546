//! A fuzzer's input as a row of choices.

/// Bytes to choose by; zeros when they are used up.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// All of them.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether only zeros are left.
    pub fn is_used_up(&self) -> bool {
        self.0.is_empty()
    }

    /// The next one.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    /// Less than this.
    pub fn below(&mut self, limit: u8) -> u8 {
        self.byte() % limit
    }

    /// Once in so many times.
    pub fn chance(&mut self, of: u8) -> bool {
        self.byte() % of == 1
    }

    /// Up to 255 times so much.
    pub fn sum(&mut self, times: u64) -> u64 {
        u64::from(self.byte()) * times
    }
}
