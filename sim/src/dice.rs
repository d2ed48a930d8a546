//! Everything that is left to chance, out of one seed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// The dice of one run. Whoever runs next, how long anything takes and what goes wrong is thrown here and nowhere else.
#[derive(Debug)]
pub struct Dice(Mutex<SmallRng>);

impl Dice {
    /// The dice of a seed.
    pub fn of(seed: u64) -> Self {
        Self(Mutex::new(SmallRng::seed_from_u64(seed)))
    }

    /// A number below this one; 0 of nothing.
    pub fn below(&self, end: u64) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random::<u64>().checked_rem(end).unwrap_or(0)
    }

    /// True so often out of a thousand times.
    pub fn thousandths(&self, often: u64) -> bool {
        self.below(1000) < often
    }

    /// A time from nothing to this.
    pub fn up_to(&self, longest: Duration) -> Duration {
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.below(longest.saturating_add(1)))
    }

    /// Fills bytes.
    pub fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = self.below(256).to_be_bytes().last().copied().unwrap_or_default());
    }
}
