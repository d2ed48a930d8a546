//! The books: who paid what for which request, and where the money is.
//!
//! Three pure state machines over integers. The [`ledger`] holds accounts and transfers, double
//! entry, append-only. The [`payment`] record follows one payment from claim to close. The
//! [`budget`] counters hold a buyer's limits. A batch of [`Command`]s goes in; outcomes and rows to
//! write come out. Nothing here does I/O, reads a clock or knows SQL: a [`Store`] makes a batch
//! durable before anybody is told its outcome.

pub mod budget;
pub mod command;
pub mod ledger;
pub mod payment;
pub mod store;

pub use command::{ClaimOutcome, Command, Outcome};
pub use ledger::{Account, AccountId, AccountKind, Transfer, TransferId};
pub use payment::{NewPayment, PaymentRecord, PaymentState, StoredResponse};
pub use store::Store;
