//! Sessions: one deposit, many vouchers, one settlement.
//!
//! A payer puts a deposit where the seller can take from it, and signs vouchers over a growing total. The
//! seller serves what the highest voucher covers and takes no more than that: delivered <= signed <=
//! deposited, always. What differs between rails is how a deposit is held and how a voucher is checked; that
//! is [`SessionMethod`] (bytes alone, no I/O) and, where the deposit is out in the world, [`Escrow`]. The
//! buyer's half is [`SessionPayer`].

mod action;
mod buyer;
mod escrow;
mod method;

pub use action::{Addition, Opening, SessionAction, Voucher};
pub use buyer::{Channel, ChannelPurpose, Deposit, OpenedChannel, Reclaim, SessionPayer, SessionQuote, VoucherQuote};
pub use escrow::{ChannelStanding, Collection, DepositClaim, Deposited, Escrow};
pub use method::{Deposits, SessionMethod, SessionOrder, SessionView};
