//! What may be paid. Pure: no clock, no file, no counter is read here.
//!
//! A [`Policy`] is what an owner wrote. Several of them can stand above one payment: the virtual card's, the
//! wallet's, the team's, the company's; each is a [`Level`], and each must allow the payment. [`decide()`] takes
//! the levels, the [`Purchase`] (facts decoded from what would be signed, and the request it is for), what is
//! [`Known`] of the seller, and the time. The same input gives the same [`Decision`] always, so that an auditor
//! can make it again.
//!
//! A decision that allows names the counters that the payment counts toward. Whether they have room is for the
//! reservation to say, because only there it is certain.

mod counter;
mod decide;
mod decision;
mod hours;
mod level;
mod limit;
mod policy;
mod purchase;
mod rate;
mod replay;
mod text;
mod window;

pub use counter::{Always, Counter, Limited, counted_always, limit_behind};
pub use decide::{decide, each_level};
pub use decision::{Decision, Rule};
pub use hours::{Hours, Minute};
pub use level::{Level, LevelError, most_in_a_session, most_per_payment, with_parents};
pub use limit::{Limit, Only, Per};
pub use policy::{Ask, OriginLimit, PayeeRule, Policy, Unmatched};
pub use purchase::{Authority, Held, Known, Purchase};
pub use rate::RecordedRate;
pub use replay::{Answer, Counted, Decided, Difference, Past, Reason, Replayed, Totals, replay};
pub use text::PolicyError;
pub use window::Window;
