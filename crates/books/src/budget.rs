//! A buyer's limits: counters that are reserved before a key is used.

use farthing_money::Price;
use farthing_protocol::Timestamp;

/// One counter that a payment counts toward: `agent/total`, `agent/day/2026-11-21`,
/// `agent/origin/https://api.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetKey(pub String);

/// A counter and the limit the policy sets for it at this moment, in millionths of the owner's currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetCharge {
    /// Which counter.
    pub key: BudgetKey,
    /// The limit that spent and reserved together may not pass.
    pub limit: Price,
}

/// A payment about to be reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Its name: random, chosen by the caller.
    pub id: [u8; 16],
    /// The wallet that pays.
    pub wallet: String,
    /// What it costs.
    pub cost: Price,
    /// Every counter it counts toward.
    pub charges: Vec<BudgetCharge>,
    /// Who is paid, for the owner's list: origin.
    pub origin: String,
    /// What is bought, for the owner's list: `GET /v1/x`.
    pub request: String,
    /// The challenge.
    pub challenge: String,
    /// Now.
    pub at: Timestamp,
}

/// What became of a reservation request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// Counted; the key may be used.
    Reserved,
    /// This counter has no room.
    Exceeded {
        /// Which.
        key: BudgetKey,
        /// Its limit.
        limit: Price,
        /// Confirmed so far.
        spent: Price,
        /// Reserved and not yet known.
        reserved: Price,
    },
    /// A reservation of this id exists already, with other content.
    Conflict,
}

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReservationState {
    /// Counted; the outcome is not known.
    Reserved,
    /// Paid.
    Confirmed,
    /// It is proven that nothing moved.
    Released,
}
