//! Deposits on chains that are really there: what a payer signs opens channels, its vouchers are taken by the
//! escrows' own code, and what is left comes back without the seller.
//!
//! Each test has a chain of its own: the clock is set to suit it. Anvil comes from npm on first use;
//! `FARTHING_ANVIL` names a binary of one's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod evm;
mod reclaimed;
mod support;
mod tempo;
