use std::time::Duration;

use alloy_primitives::U256;
use farthing_protocol::Timestamp;
use farthing_rail::Fault;

/// What is left of a signature's life must suffice to bring it into a block.
pub const SHORTEST_REST: Duration = Duration::from_secs(15);

/// How long after its challenge a signature may live. Longer, it would be a cheque in our drawer.
pub const LONGEST_AFTER_CHALLENGE: Duration = Duration::from_secs(10 * 60);

/// When a signature that answers a challenge may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    now: U256,
    earliest: U256,
    latest: U256,
}

/// Why a signature's life does not suit, in words for whoever signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotInTime {
    /// It begins later.
    #[error("it is not valid yet; sign with a validAfter of 0")]
    NotYet,
    /// It is over.
    #[error("it is no longer valid; sign a fresh one")]
    Over,
    /// It ends before a transaction can be expected to be included.
    #[error("it ends too soon to be settled; sign a fresh one")]
    TooSoon,
    /// It stays valid for much longer than what it pays for.
    #[error("it stays valid too long; let it end when the offer does")]
    TooLong,
}

impl NotInTime {
    /// What is wrong, for other protocols' words.
    pub(crate) const fn fault(self) -> Fault {
        match self {
            Self::NotYet => Fault::NotYetValid,
            Self::Over | Self::TooSoon => Fault::Expired,
            Self::TooLong => Fault::TooLongLived,
        }
    }
}

impl Window {
    /// For a challenge that expires then; one that does not, expires now.
    pub fn new(now: Timestamp, expires: Option<Timestamp>) -> Self {
        let latest = expires.unwrap_or(now).max(now).after(LONGEST_AFTER_CHALLENGE);
        Self { now: seconds(now), earliest: seconds(now.after(SHORTEST_REST)), latest: seconds(latest) }
    }

    /// For a signature that may live for so long from now; `rest` of its life must be left to settle in.
    pub fn lasting(now: Timestamp, longest: Duration, rest: Duration) -> Self {
        Self { now: seconds(now), earliest: seconds(now.after(rest)), latest: seconds(now.after(longest)) }
    }

    /// Checks that something that becomes invalid at `end` (seconds) can be settled and does not
    /// outlive its use.
    pub(crate) fn check_end(&self, end: U256) -> Result<(), NotInTime> {
        match end {
            end if end <= self.now => Err(NotInTime::Over),
            end if end < self.earliest => Err(NotInTime::TooSoon),
            end if end > self.latest => Err(NotInTime::TooLong),
            _ => Ok(()),
        }
    }

    /// Checks that something that becomes valid after `begin` (seconds) already is.
    pub(crate) fn check_begin(&self, begin: U256) -> Result<(), NotInTime> {
        if begin > self.now { Err(NotInTime::NotYet) } else { Ok(()) }
    }
}

/// Whole seconds since the epoch, as chains count; zero before it.
pub(crate) fn unix_seconds(at: Timestamp) -> u64 {
    u64::try_from(at.unix_millis().div_euclid(1000)).unwrap_or(0)
}

fn seconds(at: Timestamp) -> U256 {
    U256::from(unix_seconds(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_ends_after_the_margin_and_not_long_after_the_challenge() {
        let now = Timestamp::from_unix_millis(1_000_500);
        let window = Window::new(now, Some(now.after(Duration::from_secs(60))));
        let ends = |at: u64| window.check_end(U256::from(at));
        assert_eq!(ends(1000), Err(NotInTime::Over));
        assert_eq!(ends(1014), Err(NotInTime::TooSoon));
        assert_eq!(ends(1015), Ok(()));
        assert_eq!(ends(1660), Ok(()));
        assert_eq!(ends(1661), Err(NotInTime::TooLong));
        assert_eq!(window.check_end(U256::MAX), Err(NotInTime::TooLong));
        assert_eq!(window.check_begin(U256::from(1000)), Ok(()));
        assert_eq!(window.check_begin(U256::from(1001)), Err(NotInTime::NotYet));
        assert_eq!(Window::new(now, None).check_end(U256::from(1600)), Ok(()));
    }
}
