//! What the books can be asked to do, and what they answer.

use farthing_money::{Amount, Asset, Price};
use farthing_protocol::{ChallengeId, Timestamp};
use farthing_rail::{Cursor, PayerId, PaymentId, Rejected, SessionId, Settled, Unknown};

use crate::approval::{ApprovalCommand, ApprovalOutcome};
use crate::audit::{Adopted, Entry, NewPolicy};
use crate::bank::{BankCommand, BankOutcome};
use crate::budget::{Reservation, ReserveOutcome};
use crate::movement::{Reconciled, StatementPage};
use crate::payment::{NewPayment, PaymentRecord, StoredResponse};
use crate::session::{SessionCommand, SessionOutcome};
use crate::topup::{NewTopUp, TopUpOutcome};
use crate::{Conversion, Transfer, TransferId};

/// One change to the books. Applied whole or not at all; applying it twice is applying it once.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "fields mean what they mean in the records they end up in; `at` is now")]
#[non_exhaustive]
pub enum Command {
    /// Claims a payment; a prepaid one is posted in the same commit.
    Claim(Box<NewPayment>),
    /// The rail settled it: ledger entries and state in one commit.
    /// `confirm_at` is when to ask the rail whether it still stands, if it could take the money back.
    Settle { payment: PaymentId, settled: Settled, confirm_at: Option<Timestamp>, at: Timestamp },
    /// The rail can no longer take it back.
    Finalize { payment: PaymentId, at: Timestamp },
    /// The rail could still take it back: it is asked again then.
    Postpone { payment: PaymentId, until: Timestamp, at: Timestamp },
    /// A provisional payment stands by other movements than those it settled by; it keeps both.
    Resettle { payment: PaymentId, settled: Settled, at: Timestamp },
    /// The rail took the money of a provisional payment back.
    Reverse { payment: PaymentId, reason: String, at: Timestamp },
    /// A page of a rail's statement: its movements, matched or in suspense, and the cursor.
    Reconcile { page: Box<StatementPage>, at: Timestamp },
    /// The rail rejected it.
    Reject { payment: PaymentId, rejected: Rejected, at: Timestamp },
    /// The rail gave no answer.
    Doubt { payment: PaymentId, unknown: Unknown, at: Timestamp },
    /// The upstream's success status is known.
    Deliver { payment: PaymentId, status: u16, at: Timestamp },
    /// The upstream failed: the payer is entitled to the delivery until the deadline.
    Entitle { payment: PaymentId, reason: String, status: Option<u16>, deadline: Timestamp, at: Timestamp },
    /// An entitlement is presented again: back to `Posted`, for exactly one presenter.
    Redeliver { payment: PaymentId, at: Timestamp },
    /// The response went out; with it what a retry under the same key will be given.
    Close { payment: PaymentId, response: Option<Box<StoredResponse>>, at: Timestamp },
    /// Pays back the whole amount of an `Entitled` or `Closed` payment, once: a prepaid one at once, an
    /// external one becomes `Refunding`.
    Refund { payment: PaymentId, reason: String, at: Timestamp },
    /// The rail sent the money back.
    ConfirmRefund { payment: PaymentId, settled: Settled, at: Timestamp },
    /// After a start: whatever a dead process left half done becomes `Entitled` (Posted, Delivered) or `Unknown` (Claimed).
    /// What sessions held for requests is let go of, and deposits that were on their way are asked about. What
    /// living processes that share the books are at is left alone.
    Recover { deadline: Timestamp, at: Timestamp },
    /// Development money for a payer.
    Grant { id: TransferId, payer: PayerId, asset: Asset, amount: Amount, at: Timestamp },
    /// A change to a session.
    Session(SessionCommand),
    /// A change to what a person is asked.
    Approval(ApprovalCommand),
    /// Writes something into the log that changes nothing else.
    Log(Box<Entry>),
    /// Shows a policy that is about to decide.
    Policy(Box<NewPolicy>),
    /// An order to fund a balance.
    TopUp(Box<NewTopUp>),
    /// A change to what is known of an account elsewhere.
    Bank(BankCommand),
    /// A credential that uses what was paid for before, and pays nothing: it is used once, and remembered until its
    /// challenge is over.
    Visit { challenge: ChallengeId, until: Timestamp },
    /// A plain ledger transfer.
    Transfer(Box<Transfer>),
    /// Money that changes its asset at par: a balance funded over a rail, or paid out.
    Convert(Box<Conversion>),
    /// A buyer reserves against its budgets.
    Reserve(Box<Reservation>),
    /// The payment happened. With a `cost` below what was reserved, as of a deposit of which the rest came
    /// back, that is what is spent and what the reservation then says.
    Confirm { reservation: [u8; 16], receipt: Option<String>, cost: Option<Price>, at: Timestamp },
    /// It is proven that it did not.
    Release { reservation: [u8; 16], reason: String, at: Timestamp },
}

impl Command {
    /// Whether it is one of a wallet, of which every one is in the log.
    pub(crate) const fn is_logged(&self) -> bool {
        matches!(
            self,
            Self::Reserve(_)
                | Self::Confirm { .. }
                | Self::Release { .. }
                | Self::Approval(_)
                | Self::Log(_)
                | Self::Policy(_)
        )
    }

    /// What gives back that which it took for whoever waited for it, once that one was told that the books did not
    /// answer and is gone: `outcome` is what came of it in the books. Nothing where nothing is held.
    pub fn given_back(&self, outcome: &Outcome) -> Option<Self> {
        match (self, outcome) {
            (Self::Session(command), Outcome::Session(outcome)) => command.given_back(outcome).map(Self::Session),
            _ => None,
        }
    }
}

/// What the books answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// To a claim.
    Claim(ClaimOutcome),
    /// The payment after its step.
    Payment(Box<PaymentRecord>),
    /// The step does not follow from where the payment stands; nothing changed. Holds where it stands.
    OutOfOrder(Box<PaymentRecord>),
    /// To `Settle`: one of its movements was another payment. This one ends `Rejected`. To `Resettle`:
    /// nothing changed.
    MovementUsed {
        /// The payment, as it stands now.
        payment: Box<PaymentRecord>,
        /// The one that the movement was.
        by: PaymentId,
    },
    /// To `Reconcile`.
    Reconciled(Reconciled),
    /// To `Reconcile`: the page does not begin where the books stand; nothing changed. Holds where.
    CursorMoved(Cursor),
    /// No such payment, transfer or reservation.
    NotFound,
    /// To `Recover`: how many payments became entitled and unknown.
    Recovered {
        /// Were posted or delivered.
        entitled: u64,
        /// Were claimed.
        unknown: u64,
    },
    /// The transfer, or both of a conversion, are in the ledger.
    Transferred,
    /// The debited account has no such amount.
    Insufficient {
        /// What it holds.
        available: Amount,
    },
    /// The id was used for something else.
    Conflict,
    /// The command contradicts itself or the ledger; nothing changed.
    Invalid(Invalid),
    /// To a reservation.
    Reserve(ReserveOutcome),
    /// To a policy that was shown.
    Policy(Adopted),
    /// To an approval's command.
    Approval(ApprovalOutcome),
    /// To a session's command.
    Session(SessionOutcome),
    /// To an order to fund a balance.
    TopUp(TopUpOutcome),
    /// To what is said of an account elsewhere.
    Bank(BankOutcome),
    /// To a visit.
    Visited {
        /// Whether it is the first with this credential.
        first: bool,
    },
    /// To `Confirm`, `Release` and `Log`.
    Done,
}

/// Why a command cannot be carried out whatever the books hold: a fault of the program that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// A transfer between two assets.
    #[error("a transfer moves one asset; convert with two transfers through a conversion account")]
    AssetsDiffer,
    /// Money of one currency that is said to be a balance in another.
    #[error("the balance is in another currency than the money")]
    OtherCurrency,
    /// A conversion into an asset that has no unit small enough.
    #[error("the amount cannot be converted exactly; convert the largest part of it that can")]
    NotExact,
    /// A transfer from an account to itself.
    #[error("a transfer needs two different accounts")]
    SameAccount,
    /// More than 128 bits, or a counter beyond 64.
    #[error("the sum would be larger than an account can hold")]
    TooLarge,
    /// The named transfer is not a hold between these accounts.
    #[error("the transfer to post or void is not a pending one between these two accounts")]
    NotThatHold,
    /// The hold was posted or voided before, by another transfer.
    #[error("the hold was posted or voided before")]
    HoldHasEnded,
    /// A hold posted with more than it holds.
    #[error("a hold cannot be posted with more than it holds")]
    MoreThanHeld,
    /// A prepaid payment whose payer is not known.
    #[error("a prepaid payment needs a payer, whose balance it is taken from")]
    NoPayer,
    /// A claim at a time of which nothing is known any more.
    #[error("this machine's clock reads a time that has left the books; set the clock")]
    BeforeHorizon,
    /// A payment id that is not the one derived from its challenge.
    #[error("the payment id is not the one derived from the challenge")]
    ForeignId,
    /// A counter that counts something else than the cost or the limit, or over another window.
    #[error("the cost, the limit and the budget's counter must count the same, over the same window")]
    CountersDiffer,
    /// A reservation confirmed with more than it reserved.
    #[error("a reservation cannot be confirmed with more than it reserved")]
    MoreThanReserved,
    /// A reservation that names a counter twice.
    #[error("a reservation counts once toward each budget")]
    RepeatedCounter,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// This caller's: `Claimed` for an external rail, `Posted` for prepaid money.
    Won(Box<PaymentRecord>),
    /// The challenge was claimed before; here is where that stands.
    Lost(Box<PaymentRecord>),
    /// Another challenge was paid with the same proof.
    ProofUsed(PaymentId),
    /// A session was opened or added to with the same proof.
    Deposited(SessionId),
    /// The same `Idempotency-Key` was used with another credential.
    KeyUsed(PaymentId),
    /// The payer's balance does not hold the amount. Nothing is recorded: the credential is still good.
    Insufficient {
        /// What it holds.
        available: Amount,
    },
}
