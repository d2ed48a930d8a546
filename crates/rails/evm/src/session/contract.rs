//! What is said to the escrow contracts, and what they answer.

mod abi;
mod calls;
mod errors;
mod events;
mod relayed;
mod state;

pub use calls::{OpenCall, TopUpCall};
pub use errors::VaultError;
pub use relayed::PayeeCall;
pub use state::{ChannelState, Existence};
