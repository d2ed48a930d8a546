//! Stripe Issuing: real cards for a wallet's agent, whose every use the wallet's policy decides.
//!
//! A card is made with controls that say at Stripe what the policy says here, as far as Stripe has words for it; they
//! hold when nobody answers. What decides is the answer to `issuing_authorization.request`. Only ids and the last four
//! digits of a card come here, and no number.

mod account;
mod controls;
mod event;

pub use account::{IssuingAccount, IssuingError, NewCard, Status};
pub use controls::{Controls, Interval};
pub use event::{Authorization, CardEvent, Merchant, Transaction};

/// How the answer to an authorisation must be made: with the version of the API that it is in.
pub const VERSION_HEADER: &str = "stripe-version";
