//! The same sale in x402's words: its price list beside the challenges, its payments in place of
//! credentials, its outcomes beside receipts. What happens in between is the life of any payment.

mod list;
mod outcome;
mod present;
mod signed;

pub(crate) use list::{Listing, PriceList};
pub(crate) use outcome::{failed, succeeded};
pub(crate) use present::{Answering, check};
pub(crate) use signed::{NotSigned, receipt};

use farthing_dialects::x402::{
    PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE, Version, Words, X_PAYMENT, X_PAYMENT_RESPONSE,
};
use http::HeaderName;

pub(crate) const REQUIRED: HeaderName = HeaderName::from_static(PAYMENT_REQUIRED);
pub(crate) const SIGNATURE: HeaderName = HeaderName::from_static(PAYMENT_SIGNATURE);
pub(crate) const FIRST_SIGNATURE: HeaderName = HeaderName::from_static(X_PAYMENT);
const RESPONSE: HeaderName = HeaderName::from_static(PAYMENT_RESPONSE);
const FIRST_RESPONSE: HeaderName = HeaderName::from_static(X_PAYMENT_RESPONSE);

/// In which protocol a request is paid, and so answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// The `Payment` authentication scheme.
    Payment,
    /// x402: in which version, and in whose words it is refused.
    X402(Version, Words),
}

/// Where the outcome of a payment stands in an answer.
pub(crate) const fn outcome_header(version: Version) -> HeaderName {
    match version {
        Version::V1 => FIRST_RESPONSE,
        Version::V2 => RESPONSE,
    }
}

/// Whether a header says what became of a payment: made anew whenever an answer is given again.
pub(crate) fn is_outcome(name: &HeaderName) -> bool {
    *name == RESPONSE || *name == FIRST_RESPONSE
}
