//! What makes two challenges for the same request differ. Needs to be unique, not secret. It begins with the instant, so
//! that what is paid at one time lies side by side in the books (`PaymentId::answering`).

use std::cell::RefCell;

use farthing_protocol::Timestamp;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

thread_local! {
    static GENERATOR: RefCell<SmallRng> = RefCell::new(SmallRng::from_rng(&mut rand::rng()));
}

/// Sixteen bytes that no challenge had before: 48 bits of milliseconds since 1970, and 80 random ones.
pub(super) fn fresh(now: Timestamp) -> [u8; 16] {
    let mut nonce: [u8; 16] = GENERATOR.with_borrow_mut(|generator| generator.random());
    let [_, _, instant @ ..] = now.unix_millis().to_be_bytes();
    nonce.iter_mut().zip(instant).for_each(|(byte, of_instant)| *byte = of_instant);
    nonce
}

/// Makes the challenges that this thread issues from now on the same ones for the same seed. For simulations: nobody
/// can be charged for a challenge that somebody foresaw, and everybody's challenges would be alike.
pub fn repeat_challenges(seed: u64) {
    GENERATOR.set(SmallRng::seed_from_u64(seed));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_nonce_is_a_larger_one_and_none_comes_twice() {
        let at = |millis| fresh(Timestamp::from_unix_millis(millis));
        assert!(at(1_800_000_000_000) < at(1_800_000_000_001));
        assert_ne!(at(1_800_000_000_000), at(1_800_000_000_000));
    }
}
