//! The one place where a program that pays reads the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use farthing_protocol::Timestamp;

/// Now, by the system's clock; the epoch when the clock stands before it.
#[expect(clippy::disallowed_methods, reason = "this is the buyer's one clock")]
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_millis(milliseconds.saturating_add(ahead()))
}

#[cfg(not(feature = "failpoints"))]
const fn ahead() -> i64 {
    0
}

/// By how many milliseconds a test wants this machine's clock to be ahead of others': `FARTHING_CLOCK_AHEAD`, in seconds.
#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, reason = "compiled into tests of several machines only")]
fn ahead() -> i64 {
    static AHEAD: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    let said = || std::env::var("FARTHING_CLOCK_AHEAD").ok().and_then(|seconds| seconds.parse::<i64>().ok());
    *AHEAD.get_or_init(|| said().unwrap_or_default().saturating_mul(1_000))
}
