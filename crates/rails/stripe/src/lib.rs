//! Cards and wallets through Stripe: the payment method `stripe`, whose payer presents a Shared Payment Token
//! (intent `charge`) or names a card to be billed period after period (intent `subscription`).
//!
//! The seller's half is [`Stripe`]: it charges a token once, under an idempotency key that is the payment's own
//! name, and finds out by the same key what became of a charge whose answer was lost. It pays back, watches for
//! disputes and reads the account's balance transactions as the statement that the books are reconciled with.
//! The [`buyer`]'s half has a token issued for exactly what a policy approved.
//!
//! Nothing here calls any service but the API that it is pointed at, which is `https://api.stripe.com` or, in
//! development, a double on this machine. Keys and tokens stand in no log, no error and no `Debug`; what must be
//! kept to finish a payment after a crash is [sealed](seller) with a key that only the seller's own secret opens.
//!
//! `docs/methods/stripe.md` is the page for operators.

pub mod api;
pub mod buyer;
mod currency;
pub mod issuing;
mod payload;
mod request;
pub mod seller;
pub mod subscription;
mod token;
pub mod webhook;

pub use buyer::StripePayer;
pub use currency::{NotACurrency, asset_of};
pub use payload::{InvalidPayload, Payload};
pub use request::{NotAStripeRequest, StripeRequest};
pub use seller::Stripe;
pub use subscription::StripeSubscriptions;
pub use token::{NotASpt, Spt};

/// The method's name on the wire.
pub const METHOD: &str = "stripe";

/// The intent of a single payment.
pub const INTENT: &str = "charge";
