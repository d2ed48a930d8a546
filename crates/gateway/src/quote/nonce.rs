//! What makes two challenges for the same request differ. Needs to be unique, not secret.

use std::cell::RefCell;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

thread_local! {
    static GENERATOR: RefCell<SmallRng> = RefCell::new(SmallRng::from_rng(&mut rand::rng()));
}

/// Sixteen bytes that no challenge had before.
pub(super) fn fresh() -> [u8; 16] {
    GENERATOR.with_borrow_mut(|generator| generator.random())
}

/// Makes the challenges that this thread issues from now on the same ones for the same seed. For simulations: nobody
/// can be charged for a challenge that somebody foresaw, and everybody's challenges would be alike.
pub fn repeat_challenges(seed: u64) {
    GENERATOR.set(SmallRng::seed_from_u64(seed));
}
