//! The books: who paid what for which request, and where the money is.
//!
//! Five pure state machines over integers. The [`ledger`] holds accounts and transfers, double
//! entry, append-only. The [`payment`] record follows one payment from claim to close. The
//! [`budget`] counters hold a buyer's limits; an [`approval`] is what a person said about one payment. The [`movement`]s are what the rails' own statements
//! show, each matched with at most one payment. A batch of [`Command`]s goes in; outcomes and rows to
//! write come out. Nothing here does I/O, reads a clock or knows SQL: a [`Store`] puts the rows a
//! batch touches on a [`Shelf`], the commands change them one after the other, and the store makes
//! the changes durable before anybody is told an outcome ([`store::run`]).

mod apply;
pub mod approval;
pub mod audit;
pub mod bank;
pub mod budget;
pub mod command;
pub mod costs;
pub mod ledger;
pub mod movement;
pub mod payment;
pub mod retention;
pub mod session;
pub mod shelf;
pub mod statement;
pub mod store;
pub mod testing;
pub mod topup;
pub mod touches;
pub mod verify;

pub use approval::{ApprovalCommand, ApprovalId, ApprovalOutcome, ApprovalRecord, ApprovalState};
pub use bank::{BankCommand, BankOutcome, BankPage, EntryRecord, PayoutId, Resting};
pub use command::{ClaimOutcome, Command, Invalid, Outcome};
pub use costs::{Booked, CostKey, RailCost, RailCosts};
pub use ledger::{Account, AccountId, AccountKind, Conversion, Transfer, TransferId};
pub use movement::{MovementRecord, Reconciled, Seen, StatementPage};
pub use payment::{NewPayment, PaymentRecord, PaymentState, StoredResponse, renewal};
pub use session::{NewSession, SessionCommand, SessionOutcome, SessionRecord, SessionRefusal, SessionState, Tender};
pub use shelf::Shelf;
pub use statement::{PaymentFilter, Statement};
pub use store::Store;
pub use topup::{NewTopUp, TopUpId, TopUpOutcome, TopUpRecord};
pub use verify::{Auditor, Pruned, Verification};
