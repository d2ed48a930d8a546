//! The `balance` payment method: money that a payer has prepaid at a gateway, exact to a millionth of the
//! currency, paid by the request (intent `charge`) or by the unit of a session (intent `session`).
//!
//! The payer is an Ed25519 key, named as a `did:key`. A credential is that key's signature over the
//! challenge, so nothing secret travels and there is no account to open. The money sits in the
//! seller's own books: verifying needs no I/O, and settling is one ledger entry.
//!
//! [`Balance`] is the seller's half, [`BalancePayer`] the buyer's. The method is specified in
//! `docs/methods/balance.md`, whose test vector is a test of this crate.

mod config;
mod currency;
mod message;
mod payer;
mod payload;
mod request;
mod seller;
pub mod session;
mod top_up;
mod top_up_payer;

pub use config::ConfigError;
pub use currency::{NotACurrency, asset_of, identifier_of};
pub use farthing_rail::{NotADid, PayerKey};
pub use message::{Unsignable, signed_message};
pub use payer::BalancePayer;
pub use request::{BalanceRequest, NotABalanceRequest};
pub use seller::Balance;
pub use session::{BalanceSession, BalanceSessionPayer, SessionRequest};
pub use top_up::{NotATopUp, TOP_UP, TopUp, TopUpDetails};
pub use top_up_payer::TopUpPayer;

/// The method's name on the wire.
pub const METHOD: &str = "balance";

/// The intent served.
pub const INTENT: &str = "charge";

#[cfg(test)]
mod testing;
