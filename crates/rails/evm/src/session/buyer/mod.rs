//! The buyers' halves: what a session would cost, and signatures over deposits and totals.
//!
//! A deposit goes into an escrow that is part of its chain, or that the owner of this wallet trusts, and
//! into no other: whoever wrote the contract could keep it. What a seller says of a channel is a hint; the
//! chain is asked.

mod asked;
mod evm;
mod held;
mod known;
mod presented;
mod reclaiming;
mod tempo;

use std::sync::Arc;

pub use evm::EvmSessionPayer;
pub use tempo::TempoSessionPayer;

/// Fresh random bytes of the program, for salts; nothing where the system has none.
pub type Randomness = Arc<dyn Fn() -> Option<[u8; 32]> + Send + Sync>;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
