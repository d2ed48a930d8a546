//! The same tokens on the same chains, paid in x402's words: the schemes `exact` and `upto`.
//!
//! [`X402Exact`] moves exactly the price: by an EIP-3009 authorization, or by a Permit2 transfer that a
//! proxy contract submits. [`X402Upto`] is promised the price and takes what was used. An offer is a request of the method `x402` whose members
//! [`farthing_dialects::x402::model`] names; a payment's payload is the scheme's own. What a payment
//! comes to is a [`crate::Payment`] as for any method here, under the same proof key: one authorization
//! pays once, whatever words carried it.

mod demand;
mod exact;
mod payer;
mod permit;
pub(crate) mod proxy;
pub mod remote;
mod settings;
#[cfg(test)]
mod testing;
mod transfer;
mod upto;

pub use exact::X402Exact;
pub use payer::X402Payer;
pub use permit::{ExpectedPermit, Permit, PermitError};
pub use proxy::{EXACT_PROXY, Proxy, UPTO_PROXY};
pub use settings::{Payee, X402Settings};
pub use transfer::Transfer;
pub use upto::X402Upto;

pub use farthing_dialects::x402::{EXACT, METHOD, UPTO};

use std::time::Duration;

use farthing_rail::{Fault, Refusal};

/// How far the clocks of payer and seller may be apart.
pub const SKEW: Duration = Duration::from_secs(30);
/// What must be left of a signature's life to bring it into a block: what deployed facilitators ask for.
pub const SHORTEST_REST: Duration = Duration::from_secs(6);
/// No offer lets a signature live longer, whatever its `maxTimeoutSeconds`.
pub const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

fn refused(fault: Fault, reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(farthing_protocol::ProblemType::VerificationFailed, reason.to_string()).because(fault)
}
