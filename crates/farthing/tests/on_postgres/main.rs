//! Gateways whose books are on a PostgreSQL server: one, and several on the same books; what happens to them, to the
//! server and to the way between.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "test code, the helpers of tests included"
)]

#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "failpoints")]
mod clocks;
#[cfg(feature = "failpoints")]
mod deaths;
mod encrypted;
mod faults;
#[cfg(feature = "failpoints")]
mod held_up;
mod one;
#[cfg(feature = "failpoints")]
mod reckoning;
mod rolling;
mod rounds;
mod senders;
mod stage;
