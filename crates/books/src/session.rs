//! Sessions: what was deposited, what was signed for, what was delivered.
//!
//! `spent + held <= accepted <= deposit` while a session serves, and `spent + held <= accepted` always. A
//! deposit is what the rail says it holds. A voucher raises `accepted`. Serving a request holds its price
//! first, durably, and spends what was really delivered afterwards; what was held by a process that died is
//! let go of, in favour of the payer. What was spent is posted to the revenue of its routes in sums, and what
//! vouchers are worth is collected from the rail by payments of the intent `session`.
//!
//! A rail may take back what it said: when the deposit falls below what was accepted, or the rail says that
//! the session has ended, it serves nothing more. What was delivered and cannot be collected is a loss.

mod close;
mod collect;
mod command;
mod draw;
mod entries;
mod filter;
mod open;
mod record;
mod recover;
mod step;
mod touches;

pub use command::{NewSession, SessionCommand, SessionOutcome, SessionRefusal};
pub use filter::SessionFilter;
pub use record::{Credit, PendingDeposit, SessionRecord, SessionState, Tender};

pub(crate) use collect::{has_arrived, settled_with};
pub(crate) use entries::ids_of;
pub(crate) use recover::{let_go, recovered};
pub(crate) use step::apply;
pub(crate) use touches::touches;

/// The intent of payments that collect vouchers, as on the wire.
pub const INTENT: &str = "session";
