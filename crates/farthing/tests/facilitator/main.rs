//! `farthing facilitator`, on a chain that poses as Base Sepolia.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, helpers of the tests included")]

mod contracts;
mod forms;
mod gas;
mod permits;
mod remote;
mod settled;
mod signed;
mod stage;
