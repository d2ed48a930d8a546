//! A rail's statement against the payments: each movement once, whoever comes first.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, external, movement, page, settled_by, usd};
use farthing_books::{AccountId, AccountKind, Command, Outcome, PaymentState, Reconciled};
use farthing_rail::{Cursor, PaymentId, ProofKey};

fn paid(books: &mut MemoryStore, number: u32, movements: &[&str]) -> (PaymentId, Outcome) {
    let new = external(number, 100);
    let payment = new.id;
    let settle = Command::Settle { payment, settled: settled_by("0xabc", movements), confirm_at: None, at: at(5) };
    let outcome = books.batch(&[Command::Claim(Box::new(new)), settle]).unwrap().remove(1);
    assert_eq!(books.verify().findings, Vec::<String>::new());
    (payment, outcome)
}

fn reconcile(books: &mut MemoryStore, command: Command) -> Outcome {
    let outcome = books.batch(&[command]).unwrap().remove(0);
    assert_eq!(books.verify().findings, Vec::<String>::new());
    outcome
}

/// Debits less credits of clearing, confirmed and suspense.
fn balances(books: &MemoryStore) -> [i128; 3] {
    let kinds = [AccountKind::Clearing("evm".into()), AccountKind::Confirmed("evm".into()), AccountKind::Suspense];
    kinds.map(|kind| {
        let account = books.accounts.get(&AccountId::new(kind, &usd()));
        let units = |amount: farthing_money::Amount| i128::try_from(amount.units()).unwrap();
        account.map_or(0, |account| units(account.debits) - units(account.credits))
    })
}

fn came_to(matched: u64, suspended: u64, repeated: u64) -> Outcome {
    Outcome::Reconciled(Reconciled { matched, suspended, repeated, withdrawn: 0 })
}

#[test]
fn a_statement_moves_what_the_rail_owes_to_what_it_confirmed_once() {
    let mut books = MemoryStore::default();
    paid(&mut books, 1, &["tx/1/0"]);
    assert_eq!(balances(&books), [100, 0, 0]);
    let lines = || vec![movement("tx/1/0", 100), movement("tx/1/0", 100)];
    assert_eq!(reconcile(&mut books, page("", "one", lines())), came_to(1, 0, 1));
    assert_eq!(balances(&books), [0, 100, 0]);
    assert_eq!(reconcile(&mut books, page("", "one", lines())), Outcome::CursorMoved(Cursor("one".into())));
    assert_eq!(reconcile(&mut books, page("one", "two", lines())), came_to(0, 0, 2), "a rail may repeat itself");
    assert_eq!(balances(&books), [0, 100, 0]);
    assert_eq!(books.cursors["evm/charge USD"], Cursor("two".into()));
}

#[test]
fn money_of_nobody_rests_in_suspense_until_a_payment_explains_it() {
    let mut books = MemoryStore::default();
    assert_eq!(reconcile(&mut books, page("", "one", vec![movement("tx/9/0", 100)])), came_to(0, 1, 0));
    assert_eq!(balances(&books), [0, 100, -100]);
    let row = &books.movements[&ProofKey::new("tx/9/0")];
    assert!(row.suspended && row.payment.is_none());
    let (payment, _) = paid(&mut books, 1, &["tx/9/0"]);
    assert_eq!(balances(&books), [0, 100, 0]);
    let row = &books.movements[&ProofKey::new("tx/9/0")];
    assert!(!row.suspended && row.payment == Some(payment));
}

#[test]
fn two_payments_never_settle_by_one_movement() {
    let mut books = MemoryStore::default();
    let (first, _) = paid(&mut books, 1, &["tx/1/0", "tx/1/1"]);
    let (second, outcome) = paid(&mut books, 2, &["tx/2/0", "tx/1/1"]);
    let Outcome::MovementUsed { payment, by } = outcome else { panic!("{outcome:?}") };
    assert_eq!((payment.id, payment.state, by), (second, PaymentState::Rejected, first));
    assert!(payment.reason.as_deref().unwrap().contains("already paid for"), "{payment:?}");
    assert_eq!(balances(&books), [100, 0, 0], "paid once");
    assert!(!books.movements.contains_key(&ProofKey::new("tx/2/0")), "nothing of the second is consumed");
    let again =
        Command::Settle { payment: second, settled: settled_by("0xabc", &["tx/2/0"]), confirm_at: None, at: at(6) };
    assert!(matches!(books.batch(&[again]).unwrap()[0], Outcome::OutOfOrder(_)), "rejected is rejected");
}

#[test]
fn a_proof_stands_for_its_movement_where_the_rail_names_none() {
    let mut books = MemoryStore::default();
    let (payment, _) = paid(&mut books, 1, &[]);
    assert_eq!(books.payments[&payment].consumed, [ProofKey::new("evm:1")]);
    assert_eq!(reconcile(&mut books, page("", "one", vec![movement("evm:1", 100)])), came_to(1, 0, 0));
}

#[test]
fn money_that_comes_after_its_reversal_is_not_the_payments() {
    let mut books = MemoryStore::default();
    let new = external(1, 100);
    let payment = new.id;
    books
        .batch(&[
            Command::Claim(Box::new(new)),
            Command::Settle { payment, settled: settled_by("0x", &["tx/1/0"]), confirm_at: Some(at(9)), at: at(5) },
            Command::Entitle { payment, reason: "502".into(), status: None, deadline: at(99), at: at(6) },
            Command::Reverse { payment, reason: "reorganised".into(), at: at(9) },
        ])
        .unwrap();
    assert_eq!(reconcile(&mut books, page("", "one", vec![movement("tx/1/0", 100)])), came_to(0, 1, 0));
    assert_eq!(balances(&books), [0, 100, -100]);
    let (_, outcome) = paid(&mut books, 2, &["tx/1/0"]);
    assert!(matches!(outcome, Outcome::MovementUsed { by, .. } if by == payment), "a movement has one payment, ever");
}

#[test]
fn what_is_changed_behind_the_books_is_found() {
    let mut sound = MemoryStore::default();
    let (payment, _) = paid(&mut sound, 1, &["tx/1/0"]);
    reconcile(&mut sound, page("", "one", vec![movement("tx/1/0", 100), movement("tx/9/0", 7)]));
    let found = |change: &dyn Fn(&mut MemoryStore), expected: &str| {
        let mut books = sound.clone();
        change(&mut books);
        let findings = books.verify().findings.join("\n");
        assert!(findings.contains(expected), "expected \"{expected}\" among:\n{findings}");
    };
    let key = ProofKey::new("tx/1/0");
    found(&|books| drop(books.movements.remove(&key)), "which is not on record");
    found(&|books| drop(books.movements.remove(&key)), "says what a statement showed, and none did");
    found(&|books| books.movements.get_mut(&key).unwrap().payment = None, "named by pay_");
    found(&|books| books.movements.get_mut(&key).unwrap().suspended = true, "lacks its transfer");
    found(&|books| drop(books.transfers.pop()), "lacks its transfer of 7");
    let twice = |books: &mut MemoryStore| {
        let copy = books.payments[&payment].clone();
        let other = external(2, 1).id;
        books.payments.insert(other, farthing_books::PaymentRecord { id: other, ..copy });
    };
    found(&twice, "its movement tx/1/0 was");
}
