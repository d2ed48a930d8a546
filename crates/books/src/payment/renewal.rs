//! A later period of a subscription: a payment of its own, named after the payment that began it and the period's
//! number, so that a period is claimed once, ever.
//!
//! Nothing is delivered for it, so it is closed once it is settled. What it opens is a period, in which requests are
//! served and not paid for.

use farthing_protocol::ChallengeId;
use farthing_protocol::challenge::ChallengeError;
use farthing_rail::PaymentId;

use super::PaymentRecord;

/// How the challenge of a later period begins: no challenge that is issued or hashed holds a slash.
const RENEWAL: &str = "renewal/";

/// The challenge that stands for a later period of the subscription which a payment began.
pub fn renewal(began: PaymentId, period: u32) -> Result<ChallengeId, ChallengeError> {
    ChallengeId::read(&format!("{RENEWAL}{began}/{period}"))
}

impl PaymentRecord {
    /// Whether it is a later period of a subscription.
    pub fn renews(&self) -> bool {
        self.challenge.as_str().starts_with(RENEWAL)
    }

    /// Whether nothing is delivered for it by itself, so that it is closed once it is settled.
    pub fn owes_no_delivery(&self) -> bool {
        self.session.is_some() || self.tops_up.is_some() || self.renews()
    }
}
