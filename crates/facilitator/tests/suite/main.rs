//! The facilitator, seen from outside.
//!
//! One program, so that what they share is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../support/mod.rs"]
mod support;

mod callers;
mod requests;
mod settling;
mod slow_clients;
