//! Reservations against limits: every counter or none, once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use std::time::Duration;

use farthing_books::audit::{Adopted, NewPolicy};
use farthing_books::budget::{BudgetCharge, BudgetKey, Counts, Reservation, ReservationState, ReserveOutcome, Rolling};
use farthing_books::command::Invalid;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, price, reservation};
use farthing_books::{Command, Outcome};
use farthing_money::Price;

const TOTAL: &str = "agent/total";
const DAY: &str = "agent/day/2026-11-21";

fn reserve(books: &mut MemoryStore, wanted: &Reservation) -> Outcome {
    let outcome = books.batch(&[Command::Reserve(Box::new(wanted.clone()))]).unwrap().remove(0);
    assert_eq!(books.verify().findings, Vec::<String>::new());
    outcome
}

fn confirm(number: u32) -> Command {
    Command::Confirm {
        reservation: reservation(number, 0, &[]).id,
        receipt: Some("receipt".to_owned()),
        cost: None,
        at: at(1),
    }
}

fn release(number: u32) -> Command {
    Command::Release { reservation: reservation(number, 0, &[]).id, reason: "refused".to_owned(), at: at(1) }
}

fn stands_at(books: &MemoryStore, key: &str) -> (u64, u64) {
    let counter = &books.counters[&BudgetKey(key.to_owned())];
    (counter.spent, counter.reserved)
}

const RESERVED: Outcome = Outcome::Reserve(ReserveOutcome::Reserved);

#[test]
fn a_limit_may_be_reached_and_not_passed() {
    let mut books = MemoryStore::default();
    assert_eq!(reserve(&mut books, &reservation(1, 60, &[(TOTAL, 100)])), RESERVED);
    assert_eq!(reserve(&mut books, &reservation(2, 40, &[(TOTAL, 100)])), RESERVED);
    let outcome = reserve(&mut books, &reservation(3, 1, &[(DAY, 100), (TOTAL, 100)]));
    let Outcome::Reserve(ReserveOutcome::Exceeded { charge, spent, reserved }) = outcome else { panic!() };
    assert_eq!((charge.key.0.as_str(), charge.limit, spent, reserved), (TOTAL, 100, 0, 100));
    assert!(!books.counters.contains_key(&BudgetKey(DAY.to_owned())), "all counters or none");
    assert_eq!(reserve(&mut books, &reservation(4, 1, &[(TOTAL, 101)])), RESERVED, "the owner raised the limit");
}

#[test]
fn what_is_confirmed_is_spent_and_what_is_released_is_free() {
    let mut books = MemoryStore::default();
    for number in [1, 2] {
        reserve(&mut books, &reservation(number, 50, &[(TOTAL, 100), (DAY, 100)]));
    }
    assert_eq!(books.batch(&[confirm(1), confirm(1), release(2), release(2)]).unwrap(), vec![Outcome::Done; 4]);
    assert_eq!((stands_at(&books, TOTAL), stands_at(&books, DAY)), ((50, 0), (50, 0)));
    assert_eq!(books.batch(&[release(1), confirm(2)]).unwrap(), [Outcome::Conflict, Outcome::Conflict]);
    assert_eq!(books.batch(&[confirm(9), release(9)]).unwrap(), [Outcome::NotFound, Outcome::NotFound]);
    let record = &books.reservations[&reservation(1, 0, &[]).id];
    assert_eq!((record.state, record.receipt.as_deref()), (ReservationState::Confirmed, Some("receipt")));
}

#[test]
fn what_a_deposit_did_not_cost_is_free_again() {
    let mut books = MemoryStore::default();
    reserve(&mut books, &reservation(1, 50, &[(TOTAL, 100)]));
    let id = reservation(1, 0, &[]).id;
    let cost =
        |millionths| Command::Confirm { reservation: id, receipt: None, cost: Some(price(millionths)), at: at(1) };
    let too_much = Outcome::Invalid(Invalid::MoreThanReserved);
    assert_eq!(books.batch(&[cost(51), cost(20), cost(20)]).unwrap(), [too_much, Outcome::Done, Outcome::Done]);
    assert_eq!(stands_at(&books, TOTAL), (20, 0));
    assert_eq!(books.reservations[&id].reservation.cost, price(20));
    assert_eq!(reserve(&mut books, &reservation(2, 80, &[(TOTAL, 100)])), RESERVED);
}

#[test]
fn the_same_reservation_counts_once_and_never_after_its_end() {
    let mut books = MemoryStore::default();
    let wanted = reservation(1, 50, &[(TOTAL, 100)]);
    assert_eq!(reserve(&mut books, &wanted), RESERVED);
    assert_eq!(reserve(&mut books, &Reservation { at: at(9), ..wanted.clone() }), RESERVED);
    assert_eq!(stands_at(&books, TOTAL), (0, 50));
    let conflict = Outcome::Reserve(ReserveOutcome::Conflict);
    assert_eq!(reserve(&mut books, &reservation(1, 51, &[(TOTAL, 100)])), conflict);
    books.batch(&[release(1)]).unwrap();
    assert_eq!(reserve(&mut books, &wanted), conflict, "its amount is no longer held, so its key must not be used");
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let mut books = MemoryStore::default();
    let twice = reservation(1, 1, &[(TOTAL, 100), (TOTAL, 100)]);
    assert_eq!(reserve(&mut books, &twice), Outcome::Invalid(Invalid::RepeatedCounter));
    let euros = Price::from_millionths(1, "EUR".parse().unwrap());
    let foreign = Reservation { cost: euros, ..reservation(2, 1, &[(TOTAL, 100)]) };
    assert_eq!(reserve(&mut books, &foreign), Outcome::Invalid(Invalid::CountersDiffer));
    let huge = reservation(3, u64::MAX, &[(TOTAL, u64::MAX)]);
    assert_eq!(reserve(&mut books, &huge), RESERVED);
    let outcome = reserve(&mut books, &reservation(4, 1, &[(TOTAL, u64::MAX)]));
    assert!(matches!(outcome, Outcome::Reserve(ReserveOutcome::Exceeded { .. })), "sums do not wrap");
}

/// A reservation of 10 against two payments or 25 millionths an hour, at so many minutes.
fn within_the_hour(number: u32, minutes: i64) -> Reservation {
    let window = Rolling::new(Duration::from_secs(3_600));
    let charge = |key: &str, counts, limit| BudgetCharge { key: BudgetKey(key.to_owned()), counts, limit, window };
    let dollars = Counts::Money(price(0).currency());
    Reservation {
        charges: vec![charge("agent/hour", dollars, 25), charge("agent/hour/payments", Counts::Payments, 2)],
        at: at(minutes * 60_000),
        ..reservation(number, 10, &[])
    }
}

#[test]
fn a_rolling_window_moves_along_and_counts_payments_and_money() {
    let mut books = MemoryStore::default();
    assert_eq!(reserve(&mut books, &within_the_hour(1, 0)), RESERVED);
    assert_eq!(reserve(&mut books, &within_the_hour(2, 30)), RESERVED);
    let free = Reservation { cost: price(0), ..within_the_hour(9, 59) };
    let outcome = reserve(&mut books, &free);
    let Outcome::Reserve(ReserveOutcome::Exceeded { charge, spent, reserved }) = outcome else { panic!() };
    assert_eq!((charge.key.0.as_str(), spent, reserved), ("agent/hour/payments", 0, 2));
    assert_eq!(books.batch(&[release(2)]).unwrap(), [Outcome::Done]);
    assert_eq!(reserve(&mut books, &within_the_hour(3, 59)), RESERVED, "what was released counts no more");
    assert_eq!(stands_at(&books, "agent/hour"), (0, 20));
    assert_eq!(reserve(&mut books, &within_the_hour(4, 62)), RESERVED, "the first left the window");
    assert_eq!(books.batch(&[confirm(1), confirm(3)]).unwrap(), vec![Outcome::Done; 2]);
    assert_eq!((stands_at(&books, "agent/hour"), stands_at(&books, "agent/hour/payments")), ((10, 10), (1, 1)));
    assert_eq!(books.verify().findings, Vec::<String>::new());
}

#[test]
fn a_clock_that_goes_back_makes_no_room() {
    let mut books = MemoryStore::default();
    assert_eq!(reserve(&mut books, &within_the_hour(1, 600)), RESERVED);
    let seen = at(600 * 60_000);
    for minutes in [0, 598] {
        let outcome = reserve(&mut books, &within_the_hour(2, minutes));
        assert_eq!(outcome, Outcome::Reserve(ReserveOutcome::ClockBehind { seen }));
    }
    assert_eq!(reserve(&mut books, &within_the_hour(2, 599)), RESERVED, "processes do not read the clock in turns");
    assert_eq!(books.reservations[&reservation(2, 0, &[]).id].reservation.at, seen);
    // A clock that was ahead is set right by the owner, who signs a policy; what was counted stays in its window.
    let text = "total = \"1 USD\"".into();
    let policy = NewPolicy { level: "agent".to_owned(), version: Some(1), text, at: at(0) };
    let adopted = books.batch(&[Command::Policy(Box::new(policy))]).unwrap();
    assert_eq!(adopted, [Outcome::Policy(Adopted::Newest)]);
    let outcome = reserve(&mut books, &within_the_hour(3, 1));
    assert!(matches!(outcome, Outcome::Reserve(ReserveOutcome::Exceeded { .. })), "{outcome:?}");
}

#[test]
fn a_counter_keeps_what_it_counts_and_its_window() {
    let mut books = MemoryStore::default();
    assert_eq!(reserve(&mut books, &within_the_hour(1, 0)), RESERVED);
    let other = |change: fn(&mut BudgetCharge)| {
        let mut wanted = within_the_hour(2, 1);
        change(&mut wanted.charges[0]);
        wanted
    };
    for wanted in [other(|charge| charge.window = None), other(|charge| charge.counts = Counts::Payments)] {
        assert_eq!(reserve(&mut books, &wanted), Outcome::Invalid(Invalid::CountersDiffer));
    }
}
