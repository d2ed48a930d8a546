//! The forward proxy, with sellers that are doubles.
//!
//! One program, so that what they share is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../../../wallet/tests/double/mod.rs"]
mod double;
#[path = "../secure/mod.rs"]
mod secure;
#[path = "../../../wallet/tests/session_double/mod.rs"]
mod session_double;
#[path = "../street/mod.rs"]
mod street;

mod asking;
mod patience;
mod paying;
mod refusing;
mod streams;
mod tunnels;
mod vouching;
