//! The wallet's own attacks (docs/adversarial.md, W): real sockets, the real client, real budgets on disk, and a
//! server that does its worst.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, helpers of the tests included")]

#[path = "../double/mod.rs"]
mod double;
#[path = "../session_double/mod.rs"]
mod session_double;
#[path = "../x402_double/mod.rs"]
mod x402_double;

mod bombs;
mod headers;
mod layers;
mod raw;
mod redirects;
mod retries;

use std::time::Duration;

use farthing_wallet::{Outcome, PayingClient};
use tempfile::TempDir;

const POLICY: &str = "total = \"0.1 USD\"\nper_payment = \"0.01 USD\"\nsession_deposit = \"0.02 USD\"";

/// A wallet of its own and a client that pays by the Payment scheme; a silence of three seconds is a lost answer.
fn buyer() -> (TempDir, PayingClient) {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    double::create(&home, Some(POLICY));
    let client = double::client_with(&home, Duration::from_secs(3));
    (directory, client)
}

/// Asserts that nothing was paid, and gives the reasons.
fn unpaid(outcome: Outcome) -> String {
    x402_double::reasons(outcome)
}
