//! Faults of our own, planted where the simulation must find them.
//!
//! Compiled in only with the feature `planted-bugs`, which no product has, and then at work only in a thread that
//! chose one. Each is a mistake that is easily made; a simulation that does not find it finds nothing.

use std::cell::Cell;
use std::str::FromStr;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bug {
    /// A gateway asks the rail first, and claims the payment afterwards.
    ClaimAfterSettle,
    /// A wallet looks whether there is room under its cap, and reserves afterwards whatever was reserved meanwhile.
    CapBeforeReserve,
    /// A settlement without an answer counts as refused, and a new price is named.
    UnknownAsFailed,
    /// The receipt goes out before the ledger has the payment.
    ReceiptBeforePost,
    /// What a voucher accepts and what it pays for are two writes.
    VoucherInTwo,
}

/// Not a planted bug.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no planted bug \"{0}\"")]
pub struct UnknownBug(String);

impl Bug {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::ClaimAfterSettle,
        Self::CapBeforeReserve,
        Self::UnknownAsFailed,
        Self::ReceiptBeforePost,
        Self::VoucherInTwo,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClaimAfterSettle => "claim-after-settle",
            Self::CapBeforeReserve => "cap-before-reserve",
            Self::UnknownAsFailed => "unknown-as-failed",
            Self::ReceiptBeforePost => "receipt-before-post",
            Self::VoucherInTwo => "voucher-in-two",
        }
    }
}

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(text: &str) -> Result<Self, UnknownBug> {
        Self::ALL.into_iter().find(|bug| bug.as_str() == text).ok_or_else(|| UnknownBug(text.to_owned()))
    }
}

thread_local! {
    static CHOSEN: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// Plants a bug in this thread, or takes it out again.
pub fn plant(bug: Option<Bug>) {
    CHOSEN.set(bug);
}

/// Whether this one is planted here.
pub fn is_planted(bug: Bug) -> bool {
    CHOSEN.get() == Some(bug)
}
