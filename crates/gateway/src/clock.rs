//! The one place where this crate reads the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use farthing_protocol::Timestamp;
use farthing_store::Books;

use crate::failpoint::shifted;

/// Tells the time. Passed in, so that tests can let challenges expire without waiting.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the gateway's one clock")]
    fn now(&self) -> Timestamp {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(std::time::Duration::ZERO);
        let now = Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX));
        shifted(now)
    }
}

/// Clocks this far apart, in milliseconds, are as good as equal: machines that are kept in step are nearer.
const TOLERANCE: i64 = 2_000;

/// The time that gateways with the same books agree on: each machine's own, or the server's where the two are apart.
///
/// A challenge that one gateway issues is presented to another, and what one wrote down as due is done by another.
/// Machines whose clocks nobody keeps in step would refuse each other's challenges.
pub(crate) struct Agreed {
    own: Arc<dyn Clock>,
    books: Books,
    /// Whether it was said that the two are apart.
    told: AtomicBool,
}

/// By how many milliseconds one clock is ahead of another; less than zero when it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ahead(i64);

impl Ahead {
    fn of(own: Timestamp, theirs: Timestamp) -> Self {
        Self(own.unix_millis().saturating_sub(theirs.unix_millis()))
    }

    fn is_far(self) -> bool {
        self.0.saturating_abs() > TOLERANCE
    }

    /// For a gauge.
    pub(crate) fn as_seconds(self) -> f64 {
        let seconds = Duration::from_millis(self.0.unsigned_abs()).as_secs_f64();
        if self.0 < 0 { -seconds } else { seconds }
    }
}

impl Agreed {
    pub(crate) fn new(own: Arc<dyn Clock>, books: Books) -> Self {
        Self { own, books, told: AtomicBool::new(false) }
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        let own = self.own.now();
        self.books.time().filter(|theirs| Ahead::of(own, *theirs).is_far()).unwrap_or(own)
    }

    /// How far this machine's clock is ahead of the server's; nothing where there is no server. Says so when that
    /// becomes far, and when it is over.
    pub(crate) fn ahead(&self) -> Option<Ahead> {
        let ahead = Ahead::of(self.own.now(), self.books.time()?);
        let is_far = ahead.is_far();
        if is_far != self.told.swap(is_far, Ordering::Relaxed) {
            let seconds = ahead.as_seconds();
            match is_far {
                true => tracing::warn!(
                    seconds,
                    "this machine's clock is ahead of the database's (behind, if less than 0); the database's is used. \
                     Keep the clocks of all machines in step"
                ),
                false => tracing::info!("this machine's clock and the database's are in step again"),
            }
        }
        Some(ahead)
    }
}
