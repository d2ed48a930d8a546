//! The one place where a program that pays reads the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use farthing_protocol::Timestamp;

/// Now, by the system's clock; the epoch when the clock stands before it.
#[expect(clippy::disallowed_methods, reason = "this is the buyer's one clock")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
