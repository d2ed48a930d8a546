//! Payments that a facilitator is to settle: what it says, and what the chain shows.
//!
//! The facilitator here is a double that says what it is told to; money moves when a test moves it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod permitted;
mod ready;
mod said;
mod stage;
mod upto;
