//! The chains and tokens that are known, and the one place where a token's decimals and signing
//! domain come from.
//!
//! A token that is neither on file nor in the owner's configuration does not exist here: its name,
//! decimals and signing domain are never taken from whoever wants to be paid in it.

mod configured;
mod escrows;
mod known;
mod token;
mod tokens;

pub use configured::{TokenError, Tokens};
pub use escrows::stream_channel;
pub use known::{Chain, Kind, all, by_id, by_name};
pub use token::{SigningDomain, Token};
pub use tokens::{by_code, of_chain, token};
