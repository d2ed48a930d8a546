//! The intent `session`: a part of a prepaid balance is set aside, and vouchers over a growing total are drawn
//! from it. The same vouchers as on a chain, with the seller's books for an escrow: no chain, no fee, no wait.
//!
//! [`BalanceSession`] is the seller's half, [`BalanceSessionPayer`] the buyer's. Specified in
//! `docs/methods/balance.md`, part 8.

mod message;
mod payer;
mod payload;
mod request;
mod seller;

pub use message::{channel_of, deposit_message, voucher_message};
pub use payer::BalanceSessionPayer;
pub use request::SessionRequest;
pub use seller::BalanceSession;

/// The intent served.
pub const INTENT: &str = "session";

#[cfg(test)]
mod tests;
