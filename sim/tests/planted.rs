//! What the simulation is worth: it finds mistakes that are easily made, planted one at a time, within so many seeds.

#![cfg(feature = "planted-bugs")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use farthing_rail::planted::{Bug, plant};
use farthing_sim::home::Home;
use farthing_sim::run::{play, run};
use farthing_sim::setting::Setting;
use farthing_sim::shrink::shrink;

/// Every planted bug is found by then.
const SEEDS: u64 = 1000;

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

#[test]
fn a_failing_seed_is_made_small_and_fails_in_the_same_way() {
    let home = Home::new().unwrap();
    plant(Some(Bug::ClaimAfterSettle));
    let failing = (0..SEEDS).find(|seed| {
        let (report, scenario) = (run(*seed, &home).unwrap(), Setting::of(*seed).prepare().0);
        scenario.all_orders().count() > 6 && report.findings.iter().any(|finding| finding.contains("took the money"))
    });
    let shrunk = shrink(failing.unwrap(), &home).unwrap().unwrap();
    let (scenario, _) = shrunk.setting.prepare();
    assert_eq!(scenario.all_orders().count(), 1, "one order is enough: {:?}", shrunk.setting);
    let again = play(&shrunk.setting, &home).unwrap();
    assert_eq!(again, shrunk.report, "it is the same run again");
    assert!(again.findings.iter().any(|finding| finding.contains("took the money")), "{:?}", again.findings);
    println!("{} runs: {}", shrunk.runs, shrunk.setting.arguments());
}
