//! What the simulation is worth: it finds mistakes that are easily made, planted one at a time, within so many seeds.

#![cfg(feature = "planted-bugs")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use farthing_rail::planted::{Bug, plant};
use farthing_sim::home::Home;
use farthing_sim::run::run;

/// Every planted bug is found by then.
const SEEDS: u64 = 300;

/// The first seed that finds it, and what is found.
fn found(bug: Bug, wanted: &str) {
    let home = Home::new().unwrap();
    plant(Some(bug));
    for seed in 0..SEEDS {
        let report = run(seed, &home).unwrap();
        if let Some(finding) = report.findings.iter().find(|finding| finding.contains(wanted)) {
            println!("{} is found by seed {seed}, the {}. that was tried: {finding}", bug.as_str(), seed + 1);
            return;
        }
    }
    panic!("{} was not found in {SEEDS} seeds", bug.as_str());
}

#[test]
fn a_claim_after_the_settlement_is_found() {
    found(Bug::ClaimAfterSettle, "took the money");
}

#[test]
fn a_cap_that_is_checked_before_it_is_reserved_is_found() {
    found(Bug::CapBeforeReserve, "above");
}

#[test]
fn an_unknown_settlement_taken_for_a_failed_one_is_found() {
    found(Bug::UnknownAsFailed, "rail");
}

#[test]
fn a_voucher_that_is_written_after_it_is_served_is_found() {
    found(Bug::VoucherInTwo, "was acknowledged");
}

#[test]
fn a_receipt_before_the_ledger_is_found() {
    found(Bug::ReceiptBeforePost, "no durable entry");
}
