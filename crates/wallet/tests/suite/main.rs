//! What a wallet does, with sellers that are doubles.
//!
//! One program, so that what they share is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../desk/mod.rs"]
mod desk;
#[path = "../double/mod.rs"]
mod double;
#[path = "../session_double/mod.rs"]
mod session_double;
#[path = "../x402_double/mod.rs"]
mod x402_double;

mod asked_deposits;
mod bearer;
mod cheapest;
mod console;
mod freeze;
mod full_disk;
mod hostile_sessions;
mod let_go;
mod paying;
mod permissions;
mod policy_levels;
mod process;
mod processes;
mod run_limit;
mod sent_first;
mod session_exchanges;
mod session_levels;
mod session_processes;
mod session_streams;
mod sessions;
mod shortage;
mod walletcap;
mod webhook;
mod x402_answers;
mod x402_bounds;
mod x402_hostile_seller;
mod x402_offers;
mod x402_processes;
mod x402_redirects;
mod x402_signed_offers;
