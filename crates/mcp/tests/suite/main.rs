//! Paid tools and the bridge to them.
//!
//! One program, so that what they share is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../../../wallet/tests/double/mod.rs"]
mod double;
#[path = "../shop/mod.rs"]
mod shop;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../../wallet/tests/x402_double/mod.rs"]
mod x402_double;

mod bridge;
mod bridge_x402;
mod http;
mod reach;
mod tools;
