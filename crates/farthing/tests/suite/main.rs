//! The whole program, as its users run it.
//!
//! One program, so that what they share is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../support/mod.rs"]
mod support;

mod after_payment;
mod approvals;
mod bank;
mod card;
mod cards;
mod chain_books;
mod chain_crash;
mod check;
mod check_x402;
mod crash;
mod delegated;
mod demo;
mod devnet;
mod devnet_install;
mod economics;
mod flood;
mod freeze;
mod issuing;
mod keys;
mod lost_writer;
mod operating;
mod ows;
mod pay_x402;
mod payment_once;
mod policy_history;
mod purchase;
mod reconcile;
mod run;
mod run_limits;
mod run_streams;
mod secrets;
mod sent_first;
mod session_crash;
mod sessions_on_chain;
mod stream_crash;
mod swapped_terms;
mod top_up;
mod unknown_settlement;
mod wallet_allow;
mod wallet_chain;
mod wallet_secrets;
mod wallets_on_postgres;
mod x402;
mod x402_crash;
