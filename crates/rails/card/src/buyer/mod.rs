//! The buyer's half: has a token made for exactly what a policy approved.

mod enabler;
mod fetch;
mod payer;

pub use enabler::{ClientEnabler, TokenOrder};
pub use fetch::{FetchKeys, over_https};
pub use payer::CardPayer;
