//! Whatever is changed behind the books' back is found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, external, grant, prepaid, reservation, settled};
use farthing_books::{Command, PaymentRecord, PaymentState};
use farthing_money::Amount;
use farthing_rail::ProofKey;

/// A prepaid and an external payment, the second with a fee, and a reservation.
fn sound() -> MemoryStore {
    let mut books = MemoryStore::default();
    let payment = external(2, 50).id;
    books
        .batch(&[
            grant(1, 1, 100),
            Command::Claim(Box::new(prepaid(1, 1, 40))),
            Command::Claim(Box::new(external(2, 50))),
            Command::Settle { payment, settled: settled("0xabc", 3), confirm_at: None, at: at(1) },
            Command::Reserve(Box::new(reservation(1, 10, &[("agent/total", 100)]))),
        ])
        .unwrap();
    assert!(books.verify().is_clean());
    books
}

fn found(change: impl FnOnce(&mut MemoryStore), expected: &str) {
    let mut books = sound();
    change(&mut books);
    let findings = books.verify().findings.join("\n");
    assert!(findings.contains(expected), "expected \"{expected}\" among:\n{findings}");
}

fn external_payment(books: &mut MemoryStore) -> &mut PaymentRecord {
    books.payments.get_mut(&external(2, 50).id).unwrap()
}

#[test]
fn payments_that_do_not_follow_from_the_ledger_are_found() {
    found(|books| external_payment(books).fee = Amount::new(4), "a fee of 4 is recorded, 3 is booked");
    found(|books| external_payment(books).amount = Amount::new(51), "lacks its ledger entry");
    found(|books| external_payment(books).state = PaymentState::Unknown, "that does not follow from it");
    found(|books| external_payment(books).state = PaymentState::Refunded, "lacks its refund entry");
    found(|books| external_payment(books).challenge = prepaid(9, 1, 1).challenge, "not that of its challenge");
    let proof = |books: &mut MemoryStore| external_payment(books).key = prepaid(1, 1, 1).proof.key;
    found(proof, "its proof was used by another payment");
    found(|books| drop(books.payments.remove(&external(2, 50).id)), "has transfers and no record");
    let mut harmless = sound();
    external_payment(&mut harmless).key = ProofKey::new("evm:other");
    assert!(harmless.verify().is_clean());
}

#[test]
fn a_refund_of_what_was_delivered_is_checked_too() {
    let paid_back = |change: fn(&mut MemoryStore), expected: &str| {
        let payment = prepaid(1, 1, 40).id;
        let mut books = sound();
        books
            .batch(&[
                Command::Deliver { payment, status: 200, at: at(2) },
                Command::Close { payment, response: None, at: at(3) },
                Command::Refund { payment, reason: "by the operator".to_owned(), at: at(4) },
            ])
            .unwrap();
        assert!(books.verify().is_clean());
        change(&mut books);
        let findings = books.verify().findings.join("\n");
        assert!(findings.contains(expected), "expected \"{expected}\" among:\n{findings}");
    };
    paid_back(|books| drop(books.transfers.pop()), "lacks its refund entry");
    paid_back(|books| set_state(books, PaymentState::Closed), "that does not follow from it");
    paid_back(|books| set_state(books, PaymentState::Closed), "stands at closed and names");
}

fn set_state(books: &mut MemoryStore, state: PaymentState) {
    books.payments.get_mut(&prepaid(1, 1, 40).id).unwrap().state = state;
}

#[test]
fn accounts_and_counters_that_do_not_add_up_are_found() {
    found(|books| books.accounts.values_mut().for_each(|account| account.debits = Amount::new(7)), "stored as 7");
    found(|books| drop(books.accounts.pop_first()), "has transfers and no account");
    found(|books| drop(books.reservations.pop_first()), "its reservations add up to 0");
    found(|books| drop(books.counters.pop_first()), "has reservations and no counter");
}
