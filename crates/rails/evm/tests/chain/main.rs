//! Settling on a live chain, through a node that misbehaves on demand.
//!
//! Each test has a chain of its own: faults, mining and the clock are set to suit it. Anvil comes from
//! npm on first use; `FARTHING_ANVIL` names a binary of one's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answers;
mod authorized;
mod became;
mod charged;
mod contracts;
mod depth;
mod gas;
mod licence;
mod many;
mod reorganised;
mod returned;
mod session;
mod shown;
mod support;
mod tempo;
mod x402;
