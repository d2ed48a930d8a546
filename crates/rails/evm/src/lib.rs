//! Stablecoins on Tempo and on any EVM chain: the `tempo`, `evm` and `usdc` payment methods, intent
//! `charge`, and the same tokens paid in x402's words.
//!
//! A credential carries a signed transaction, a signed authorization, or the hash of a transaction
//! that the payer sent. Each method checks it without I/O and comes to a [`Payment`]: who is paid
//! how much of which token, and by which [`Way`]. [`settle`] takes payments to the chain: it writes
//! down what it is about to send, sends it once, and finds out what became of it. The buyers' halves
//! sign what they decoded themselves.
//!
//! Nothing about a chain or a token is taken from the other side: [`chain`] holds what is known.

mod account;
pub mod buyer;
pub mod chain;
mod eip712;
pub mod evm;
mod legs;
pub mod log;
mod payment;
pub mod rpc;
mod seller;
pub mod session;
pub mod settle;
mod signature;
pub mod tempo;
pub mod usdc;
pub mod x402;

pub use account::{Account, AccountError};
pub use legs::{Transfer, Unsatisfied};
pub use payment::{Leg, Memo, Payment, SentNonce, Way};
pub use seller::{Facilitated, KeySource, METHODS, Place, SecretSource, Seller};
pub use signature::{NotRecoverable, recover};
