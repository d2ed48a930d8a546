//! A chain that poses as Base Sepolia has what x402's software takes for granted there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

mod hostile;
mod interface;
mod placed;
mod settled;
#[path = "../support/mod.rs"]
mod support;
mod validated;
