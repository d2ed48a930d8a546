//! Instants as the protocol writes them.

use std::time::Duration;

/// Milliseconds since the Unix epoch, UTC. Read from a clock by the program, never here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Not an RFC 3339 date-time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an RFC 3339 date and time such as 2026-01-31T12:00:00Z")]
pub struct NotATimestamp(pub String);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }
    /// Milliseconds since the epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }
    /// Reads any RFC 3339 date-time: offsets, fractions, lower case, a leap second.
    pub fn parse(text: &str) -> Result<Self, NotATimestamp> {
        let _ = text;
        todo!()
    }
    /// `YYYY-MM-DDTHH:MM:SSZ`, with milliseconds when there are any.
    pub fn to_rfc3339(self) -> String {
        todo!()
    }
    /// This instant and a while.
    pub fn after(self, duration: Duration) -> Self {
        let _ = duration;
        todo!()
    }
    /// How long this instant is after another; zero when it is before.
    pub fn since(self, earlier: Self) -> Duration {
        let _ = earlier;
        todo!()
    }
}
