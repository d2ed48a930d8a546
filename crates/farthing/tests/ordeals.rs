//! The gateway is killed, loses its power, its disk, or the server of its books, at any moment, while payers of every kind keep it busy: what the
//! buyers, the server behind, the rail and the books saw is the same, but for what a death explains.
//!
//! `cargo xtask crash`, `power-cuts`, `disk-faults` and `server-faults` do as many of each as there is time for.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code, the helpers of tests included")]

use std::path::Path;

use farthing_testing_ordeal::cuts::{self, Cut};
use farthing_testing_ordeal::disk::{Disk, Kind};
use farthing_testing_ordeal::kills;
use farthing_testing_ordeal::load::Crowd;
use farthing_testing_ordeal::server::{self, Blow};
use farthing_testing_ordeal::shortage::{self, Shortage};
use farthing_testing_ordeal::trial::Effort;
use farthing_testing_ordeal::verdict::Verdict;

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_farthing"))
}

fn effort(rounds: u32) -> Effort {
    Effort { rounds, seed: 8, crowd: Crowd::default() }
}

/// Nothing is left unexplained, and it was not a trial of nothing.
fn passes(verdict: Verdict) -> u32 {
    let figures = verdict.or_fail().unwrap();
    assert!(figures.delivered > 0 && figures.vouchers > 0 && figures.later > 0, "a trial of nothing: {figures:?}");
    figures.deaths
}

/// Says why, where this machine does not let us have a disk.
fn is_impossible(kind: Kind) -> bool {
    let why = Disk::impossible(kind);
    if let Some(why) = &why {
        eprintln!("SKIPPED, and nothing was tried: {why}");
    }
    why.is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_kills_under_load_lose_nothing_and_double_nothing() {
    assert_eq!(passes(kills::run(binary(), effort(25)).await.unwrap()), 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn power_cuts_under_load_lose_nothing_that_was_acknowledged() {
    if !is_impossible(Kind::Ext4) {
        assert_eq!(passes(cuts::run(binary(), Kind::Ext4, Cut::Power, effort(5)).await.unwrap()), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_turns_read_only_under_load_sells_nothing_and_loses_nothing() {
    if !is_impossible(Kind::Ext4) {
        assert_eq!(passes(cuts::run(binary(), Kind::Ext4, Cut::Writing, effort(3)).await.unwrap()), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_load_is_told_to_everybody_and_with_room_the_same_process_goes_on() {
    if !is_impossible(Kind::Ext4) {
        assert_eq!(passes(shortage::run(binary(), Shortage::Full, effort(3)).await.unwrap()), 0);
    }
}

/// Its log fails with the rest of its disk. The library that writes it then complained on standard error, where that was
/// a panic of whoever had something to say: the books' only writer among them.
#[tokio::test(flavor = "multi_thread")]
async fn writes_that_fail_under_load_are_told_to_everybody_and_afterwards_the_same_process_goes_on() {
    assert_eq!(passes(shortage::run(binary(), Shortage::Unwritable, effort(3)).await.unwrap()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_02_kills_under_load_with_books_on_postgres_lose_nothing_and_double_nothing() {
    assert_eq!(passes(kills::run_on_postgres(binary(), effort(10)).await.unwrap()), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_03_a_postgres_that_ends_at_once_under_load_costs_nothing_and_the_same_process_goes_on() {
    assert_eq!(passes(server::run(binary(), Blow::Quit, effort(3)).await.unwrap()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_03_a_postgres_that_is_killed_under_load_costs_nothing_and_the_same_process_goes_on() {
    assert_eq!(passes(server::run(binary(), Blow::Kill, effort(3)).await.unwrap()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_04_a_standby_that_takes_over_under_load_has_all_that_was_told_and_the_same_process_finds_it() {
    assert_eq!(passes(server::run(binary(), Blow::Failover, effort(2)).await.unwrap()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t_05_a_postgres_without_room_under_load_is_told_to_everybody_and_with_room_the_same_process_goes_on() {
    if let Some(why) = Blow::Full.impossible() {
        eprintln!("SKIPPED, and nothing was tried: {why}");
        return;
    }
    assert_eq!(passes(server::run(binary(), Blow::Full, effort(2)).await.unwrap()), 0);
}
