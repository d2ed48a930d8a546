//! Accounts and transfers.

pub mod chart;
pub mod conversion;
pub(crate) mod posting;
pub mod remittance;

pub use chart::{EntryPurpose, MovementPurpose, Purpose};
pub use conversion::Conversion;
pub use remittance::{BooksId, Remittance};

use farthing_money::{Amount, Asset, Currency};
use farthing_protocol::Timestamp;
use farthing_rail::{PayerId, PaymentId, SessionId};

/// What an account stands for. The text form (`payer/did:key:...`, `revenue/GET /v1/x`) is its name
/// in statements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AccountKind {
    /// Liability: what a payer has prepaid. Never below zero.
    Payer(PayerId),
    /// Liability: what a prepaid session set aside of its payer's balance. Never below zero.
    Deposit(SessionId),
    /// Asset: what was delivered for vouchers of a method and is not collected; what was collected and not
    /// delivered stands on the other side.
    Vouchers(String),
    /// Asset: what a rail owes us until its statement shows it.
    Clearing(String),
    /// Asset: what a statement confirmed.
    Confirmed(String),
    /// Income of a route.
    Revenue(String),
    /// Expense: what a rail kept.
    Fees(String),
    /// Expense: what went straight from payers to others, out of split payments.
    Shares(String),
    /// What the owner took out of the account that a rail pays to.
    Withdrawals(String),
    /// Expense: what a rail took back of a payment that was delivered or refunded.
    Losses(String),
    /// Expense: paid back because a paid request was never delivered.
    Refunds,
    /// Where development grants come from; holds no real money.
    Grants,
    /// Money that arrived and is not yet explained.
    Suspense,
    /// What was on an account elsewhere before the books knew it.
    Opening(String),
    /// What money passes on its way from one asset of this currency to another.
    Conversion(Currency),
    /// What conversions left over.
    Rounding,
    /// Asset: balances that came from other books; on the other side those that went there. Over all books it cancels.
    Transit,
}

/// An account: what it stands for, in one asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    /// What it stands for.
    pub kind: AccountKind,
    /// The one asset it holds.
    pub asset: Asset,
}

/// The sums of an account, derived from its transfers and checked against them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Which.
    pub id: AccountId,
    /// Sum of posted debits.
    pub debits: Amount,
    /// Sum of posted credits.
    pub credits: Amount,
    /// Sum of pending debits.
    pub debits_pending: Amount,
    /// Sum of pending credits.
    pub credits_pending: Amount,
}

/// The name of a transfer, derived from what it is for, so that doing it twice is doing it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub [u8; 16]);

/// One movement between two accounts of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its name.
    pub id: TransferId,
    /// The account debited.
    pub debit: AccountId,
    /// The account credited.
    pub credit: AccountId,
    /// How much.
    pub amount: Amount,
    /// Whether it moves at once or in two steps.
    pub phase: Phase,
    /// The payment it belongs to.
    pub payment: Option<PaymentId>,
    /// When.
    pub at: Timestamp,
}

/// One-phase or two-phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Moves at once.
    Single,
    /// Holds the amount until posted or voided.
    Pending,
    /// Moves a held amount, or less of it, and lets go of the rest.
    Post(TransferId),
    /// Lets go of a held amount.
    Void(TransferId),
}
