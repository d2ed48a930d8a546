//! A buyer's limits: counters that are reserved before a key is used.

mod counter;
pub(crate) mod counting;

pub use counter::{Bucket, BudgetCharge, BudgetCounter, BudgetKey, Counts, Rolling, Window};

use farthing_money::Price;
use farthing_protocol::Timestamp;

use crate::approval::ApprovalUse;
use crate::audit::Grounds;

/// The name of a reservation: random, chosen by the caller.
pub type ReservationId = [u8; 16];

/// A payment about to be reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Its name: random, chosen by the caller.
    pub id: ReservationId,
    /// The wallet that pays.
    pub wallet: String,
    /// What it costs, at most; what it cost, once it is confirmed.
    pub cost: Price,
    /// Every counter it counts toward.
    pub charges: Vec<BudgetCharge>,
    /// Who is paid, for the owner's list: origin.
    pub origin: String,
    /// What is bought, for the owner's list: `GET /v1/x`.
    pub request: String,
    /// The challenge.
    pub challenge: String,
    /// What was decided on which grounds, for the log. The reservation's row does not keep it.
    pub decided: Option<Grounds>,
    /// The approval that it uses up, if a person had to be asked.
    pub approval: Option<ApprovalUse>,
    /// Now; in the books never before the newest record of the log or the latest instant
    /// that one of its rolling windows has seen.
    pub at: Timestamp,
}

/// What became of a reservation request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// Counted; the key may be used.
    Reserved,
    /// This counter has no room.
    Exceeded {
        /// Which, and its limit.
        charge: BudgetCharge,
        /// Confirmed so far, in what it counts.
        spent: u64,
        /// Reserved and not yet known, in what it counts.
        reserved: u64,
    },
    /// The clock stands before what the log has seen: by more than processes differ in writing.
    ClockBehind {
        /// The time of the newest record.
        seen: Timestamp,
    },
    /// The approval that it names is not one for this payment, or not any more.
    NotApproved,
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

impl ReservationState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Reserved, Self::Confirmed, Self::Released];

    /// The word in the store and in statements.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A reservation as the books hold it: one line of the buyer's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationRecord {
    /// What was reserved.
    pub reservation: Reservation,
    /// Where it stands.
    pub state: ReservationState,
    /// The receipt, when it was paid and the seller sent one.
    pub receipt: Option<String>,
    /// Why it was released.
    pub reason: Option<String>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
