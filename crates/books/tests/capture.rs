//! Payments that take less than was claimed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, external, settled, usd};
use farthing_books::{AccountId, AccountKind, Command, PaymentRecord, PaymentState};
use farthing_money::Amount;
use farthing_rail::Settled;

/// A claim of 100 that settles with so much of it captured; the record and what the rail owes of it.
fn settled_with(captured: u128) -> (MemoryStore, PaymentRecord, u128) {
    let mut books = MemoryStore::default();
    let new = external(1, 100);
    let payment = new.id;
    let settled = Settled { captured: Some(Amount::new(captured)), ..settled("0xabc", 0) };
    let settle = Command::Settle { payment, settled, confirm_at: None, at: at(1) };
    books.batch(&[Command::Claim(Box::new(new)), settle.clone()]).unwrap();
    books.batch(&[settle]).unwrap();
    assert!(books.verify().is_clean(), "{:?}", books.verify().findings);
    let record = books.payments[&payment].clone();
    let clearing = AccountId::new(AccountKind::Clearing("evm".to_owned()), &usd());
    let owed = books.accounts.get(&clearing).map_or(0, |account| account.debits.units());
    (books, record, owed)
}

#[test]
fn what_was_captured_is_what_the_payment_was() {
    let (mut books, record, owed) = settled_with(42);
    assert_eq!((record.state, record.amount, owed), (PaymentState::Posted, Amount::new(42), 42));
    // Whoever is asked whether the payment still stands must look for what was taken, not for the whole price.
    assert_eq!(record.settled().unwrap().captured, Some(Amount::new(42)));
    let (payment, reason) = (record.id, "given back".to_owned());
    let entitle = Command::Entitle { payment, reason: "502".to_owned(), status: None, deadline: at(9), at: at(2) };
    let refund = Command::Refund { payment, reason, at: at(10) };
    let confirm = Command::ConfirmRefund { payment, settled: settled("0xback", 0), at: at(11) };
    books.batch(&[entitle, refund, confirm]).unwrap();
    assert!(books.verify().is_clean(), "{:?}", books.verify().findings);
    assert_eq!(books.payments[&payment].state, PaymentState::Refunded);
}

#[test]
fn nothing_captured_is_no_movement() {
    let (_, record, owed) = settled_with(0);
    assert_eq!((record.amount, owed), (Amount::ZERO, 0));
    assert_eq!(record.consumed, vec![], "no statement will show it");
}

#[test]
fn no_more_is_booked_than_was_claimed_whatever_the_rail_says() {
    let (_, record, owed) = settled_with(101);
    assert_eq!((record.amount, owed), (Amount::new(100), 100));
}
