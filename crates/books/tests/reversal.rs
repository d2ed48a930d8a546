//! A rail that takes money back: what is undone, and what is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, external, movement, page, settled, settled_by, usd};
use farthing_books::{AccountId, AccountKind, Command, Outcome, PaymentState, Statement};
use farthing_rail::{PaymentId, ProofKey};

fn claimed(confirm_at: Option<i64>) -> (MemoryStore, PaymentId) {
    let mut books = MemoryStore::default();
    let new = external(1, 100);
    let payment = new.id;
    let settle = Command::Settle { payment, settled: settled("0xabc", 3), confirm_at: confirm_at.map(at), at: at(1) };
    books.batch(&[Command::Claim(Box::new(new)), settle]).unwrap();
    (books, payment)
}

fn entitle(payment: PaymentId) -> Command {
    Command::Entitle { payment, reason: "502".to_owned(), status: Some(502), deadline: at(900), at: at(2) }
}

fn reverse(payment: PaymentId) -> Command {
    Command::Reverse { payment, reason: "its block was reorganised away".to_owned(), at: at(9) }
}

/// Debits less credits.
fn balance(books: &MemoryStore, kind: AccountKind) -> i128 {
    let account = books.accounts.get(&AccountId::new(kind, &usd()));
    let units = |amount: farthing_money::Amount| i128::try_from(amount.units()).unwrap();
    account.map_or(0, |account| units(account.debits) - units(account.credits))
}

fn clearing() -> AccountKind {
    AccountKind::Clearing("evm".to_owned())
}

fn losses() -> AccountKind {
    AccountKind::Losses("evm".to_owned())
}

fn revenue() -> AccountKind {
    AccountKind::Revenue("weather".to_owned())
}

#[test]
fn an_entitlement_that_was_taken_back_is_undone_and_neither_delivered_nor_refunded() {
    let (mut books, payment) = claimed(Some(50));
    books.batch(&[entitle(payment), reverse(payment), reverse(payment)]).unwrap();
    let record = &books.payments[&payment];
    assert_eq!((record.state, record.confirm_at), (PaymentState::Reversed, None));
    assert_eq!(record.reason.as_deref(), Some("its block was reorganised away"));
    assert_eq!((balance(&books, revenue()), balance(&books, losses())), (0, 0));
    assert_eq!(balance(&books, clearing()), -3, "what the rail kept it kept");
    for command in [
        Command::Redeliver { payment, at: at(10) },
        Command::Refund { payment, reason: "late".to_owned(), at: at(1_000) },
    ] {
        assert!(matches!(books.batch(&[command]).unwrap()[0], Outcome::OutOfOrder(_)));
    }
    assert_eq!(books.verify().findings, Vec::<String>::new());
}

#[test]
fn a_delivery_that_was_taken_back_is_a_loss() {
    let (mut books, payment) = claimed(Some(50));
    let deliver = Command::Deliver { payment, status: 200, at: at(2) };
    books.batch(&[deliver, Command::Close { payment, response: None, at: at(3) }, reverse(payment)]).unwrap();
    assert_eq!((balance(&books, revenue()), balance(&books, losses()), balance(&books, clearing())), (-100, 100, -3));
    let mut statement = Statement::default();
    statement.add(&books.payments[&payment]).unwrap();
    let total = statement.total(&usd()).unwrap();
    assert_eq!((total.gross.units(), total.reversed.units(), total.net()), (100, 100, None), "the fee is gone too");
    assert_eq!(books.verify().findings, Vec::<String>::new());
}

#[test]
fn a_refund_and_a_reversal_both_left() {
    let (mut books, payment) = claimed(Some(50));
    let refund = Command::Refund { payment, reason: "late".to_owned(), at: at(3) };
    let confirm = Command::ConfirmRefund { payment, settled: settled("0xback", 0), at: at(4) };
    books.batch(&[entitle(payment), refund]).unwrap();
    assert!(matches!(books.batch(&[reverse(payment)]).unwrap()[0], Outcome::OutOfOrder(_)), "the refund ends first");
    books.batch(&[confirm, reverse(payment)]).unwrap();
    assert_eq!(books.payments[&payment].state, PaymentState::Reversed);
    assert_eq!((balance(&books, losses()), balance(&books, AccountKind::Refunds)), (100, 100));
    assert_eq!(books.verify().findings, Vec::<String>::new());
}

#[test]
fn a_payment_that_stands_by_another_movement_keeps_both() {
    let (mut books, first) = claimed(Some(50));
    let resettle = |payment| Command::Resettle { payment, settled: settled_by("0xnew", &["tx/2/0"]), at: at(9) };
    books.batch(&[page("", "one", vec![movement("tx/2/0", 100)]), resettle(first)]).unwrap();
    let record = &books.payments[&first];
    assert_eq!(record.reference.as_deref(), Some("0xnew"));
    assert_eq!(record.consumed, [ProofKey::new("evm:1"), ProofKey::new("tx/2/0")]);
    assert_eq!((balance(&books, AccountKind::Suspense), balance(&books, clearing())), (0, -3), "it is explained");
    assert_eq!(books.verify().findings, Vec::<String>::new());

    let other = external(2, 100);
    let payment = other.id;
    let settle = Command::Settle { payment, settled: settled("0xabc", 0), confirm_at: Some(at(50)), at: at(1) };
    let outcomes = books.batch(&[Command::Claim(Box::new(other)), settle, resettle(payment)]).unwrap();
    let Outcome::MovementUsed { payment: unchanged, by } = &outcomes[2] else { panic!("{outcomes:?}") };
    assert_eq!((unchanged.state, *by), (PaymentState::Posted, first));
    assert_eq!(books.payments[&payment].reference.as_deref(), Some("0xabc"), "nothing changed");
    assert_eq!(books.verify().findings, Vec::<String>::new());
}

#[test]
fn what_is_final_is_not_taken_back() {
    for finalize in [false, true] {
        let (mut books, payment) = claimed(finalize.then_some(50));
        if finalize {
            let postpone = Command::Postpone { payment, until: at(70), at: at(50) };
            books.batch(&[postpone]).unwrap();
            assert_eq!(books.payments[&payment].confirm_at, Some(at(70)));
            books.batch(&[Command::Finalize { payment, at: at(70) }]).unwrap();
        }
        books.batch(&[entitle(payment)]).unwrap();
        assert!(matches!(books.batch(&[reverse(payment)]).unwrap()[0], Outcome::OutOfOrder(_)));
        assert_eq!(books.payments[&payment].confirm_at, None);
    }
}

#[test]
fn a_reversal_that_is_not_booked_is_found() {
    let (mut books, payment) = claimed(Some(50));
    books.batch(&[entitle(payment), reverse(payment)]).unwrap();
    let sound = books.clone();
    books.transfers.pop();
    assert!(books.verify().findings.join("\n").contains("lacks its reversal"), "{:?}", books.verify().findings);
    books = sound;
    books.payments.get_mut(&payment).unwrap().confirm_at = Some(at(5));
    assert!(books.verify().findings.join("\n").contains("waits for its rail"));
}
