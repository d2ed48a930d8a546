//! The buyer's half: a Shared Payment Token for exactly what is approved.
//!
//! A token is money to whoever is the seller it was issued for, so issuing one is signing: it takes an
//! [`farthing_rail::Approved`] quote, is limited to the amount, the currency and the end of the offer, and is kept
//! as the credential that it is. What is issued and not used can be revoked.

mod funding;
mod issuing;
mod payer;
mod subscriber;

pub use funding::{Funding, FundingError, Issue};
pub use payer::{FundingSource, StripePayer};
pub use subscriber::SubscriptionPayer;
