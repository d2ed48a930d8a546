use std::sync::Arc;

use farthing_money::Price;

use crate::Policy;

/// One policy that a payment has to satisfy, with the name that its counters go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// `agent`, `agent/card/4f2a`, `group/research`.
    pub name: String,
    /// What it says.
    pub policy: Arc<Policy>,
}

/// The most that one session may hold unspent, by every level.
pub fn most_in_a_session(levels: &[Level]) -> Option<Price> {
    smallest(levels, Policy::most_in_a_session)
}

/// The most for one payment, by every level.
pub fn most_per_payment(levels: &[Level]) -> Option<Price> {
    smallest(levels, |policy| policy.per_payment)
}

fn smallest(levels: &[Level], limit: impl Fn(&Policy) -> Option<Price>) -> Option<Price> {
    levels.iter().filter_map(|level| limit(&level.policy)).min_by_key(|price| price.millionths())
}
