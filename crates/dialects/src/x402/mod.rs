//! x402, versions 1 and 2.
//!
//! A server answers 402 with a [`PaymentRequired`]: in a header (version 2) or in the body
//! (version 1). A client receives it as a [`PriceList`], picks one of its [`Requirements`] and repeats
//! the request with a [`PaymentPayload`]; the server, or a facilitator that it asks, answers with a
//! [`Settled`].
//! [`model`] turns each into our own words and back.

mod binding;
pub mod code;
mod encoding;
mod error;
pub mod extension;
pub mod facilitator;
mod hex;
pub mod mcp;
pub mod model;
mod network;
mod outcome;
mod payload;
mod price_list;
mod required;
mod requirements;
mod template;
mod version;

pub use binding::{Binding, Salt};
pub use code::{
    PERMIT2_ALLOWANCE_REQUIRED, SETTLEMENT_PENDING, UNEXPECTED_SETTLE_ERROR, UNSUPPORTED_SCHEME, Words, fault_of,
    sentence_of,
};
pub use error::Malformed;
pub use network::Network;
pub use outcome::{Settled, Verified};
pub use payload::{Accepted, Answers, PaymentPayload};
pub use price_list::{Entry, PriceList};
pub use required::{PaymentRequired, Resource};
pub use requirements::Requirements;
pub use template::Template;
pub use version::Version;

/// The payment method of x402 offers in our own words.
pub const METHOD: &str = "x402";
/// The scheme that moves exactly the price: an intent in our own words.
pub const EXACT: &str = "exact";
/// The scheme that moves what was used, at most the price.
pub const UPTO: &str = "upto";

/// Where version 2 puts its price list.
pub const PAYMENT_REQUIRED: &str = "payment-required";
/// Where version 2 puts a payment.
pub const PAYMENT_SIGNATURE: &str = "payment-signature";
/// Where version 2 puts the outcome.
pub const PAYMENT_RESPONSE: &str = "payment-response";
/// Where version 1 puts a payment.
pub const X_PAYMENT: &str = "x-payment";
/// Where version 1 puts the outcome.
pub const X_PAYMENT_RESPONSE: &str = "x-payment-response";
