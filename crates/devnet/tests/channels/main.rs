//! The escrows of the sessions: what they pay, to whom, and what they refuse.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

mod interface;
mod life;
mod relayed;
mod stage;
#[path = "../support/mod.rs"]
mod support;
