//! A payment over a rail that tops up a balance: what the balance gets, what is paid back of it, and what a rail that
//! takes it back costs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code, the helpers of tests included")]

use farthing_books::statement::Statement;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{self, at, external, payer, prepaid, usd};
use farthing_books::{Account, AccountId, AccountKind, Command, NewPayment, Outcome, PaymentRecord, PaymentState};
use farthing_money::{Amount, Asset, Home};

fn cents() -> Asset {
    Asset::new("USD", 2, Home::Account("stripe".to_owned())).unwrap()
}

/// Five dollars over a rail that counts cents, for payer 1.
fn five_dollars() -> NewPayment {
    let mut new = external(1, 500);
    new.proof.asset = cents();
    new.proof.payer = Some(payer(1));
    NewPayment { intent: "topup".to_owned(), tops_up: Some(usd()), ..new }
}

fn settled(new: &NewPayment) -> Command {
    let settled = samples::settled("pi_1", 45);
    Command::Settle { payment: new.id, settled, confirm_at: Some(at(100)), at: at(2) }
}

/// Books in which payer 1 has topped up and then spent so much, in millionths.
fn topped_up(spent: u128) -> (MemoryStore, NewPayment) {
    let (new, mut books) = (five_dollars(), MemoryStore::default());
    let outcomes = books.batch(&[Command::Claim(Box::new(new.clone())), settled(&new)]).unwrap();
    let Outcome::Payment(record) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!((record.state, record.credited()), (PaymentState::Closed, Some(Amount::new(5_000_000))));
    if spent > 0 {
        books.batch(&[Command::Claim(Box::new(prepaid(2, 1, spent)))]).unwrap();
    }
    (books, new)
}

fn balance(books: &MemoryStore, kind: AccountKind, asset: &Asset) -> String {
    let id = AccountId::new(kind, asset);
    books.accounts.get(&id).cloned().unwrap_or(Account::empty(id)).balance()
}

fn record(books: &MemoryStore, new: &NewPayment) -> PaymentRecord {
    books.payments[&new.id].clone()
}

fn assert_balanced(books: &mut MemoryStore) {
    let verification = books.verify();
    assert!(verification.findings.is_empty(), "{:?}", verification.findings);
}

#[test]
fn cents_that_a_rail_took_are_millionths_in_the_balance_and_nothing_is_sold_yet() {
    let (mut books, new) = topped_up(0);
    assert_eq!(balance(&books, AccountKind::Payer(payer(1)), &usd()), "5 USD");
    assert_eq!(balance(&books, AccountKind::Clearing(new.method.clone()), &cents()), "4.55 USD");
    let mut statement = Statement::default();
    statement.add(&record(&books, &new)).unwrap();
    let total = statement.total(&cents()).unwrap();
    assert_eq!((total.count, total.gross.units(), total.fees.units()), (0, 0, 45));
    assert_balanced(&mut books);
}

#[test]
fn settling_again_credits_nothing_more() {
    let (mut books, new) = topped_up(0);
    books.batch(&[settled(&new)]).unwrap();
    assert_eq!(balance(&books, AccountKind::Payer(payer(1)), &usd()), "5 USD");
    assert_balanced(&mut books);
}

#[test]
fn what_is_left_in_whole_cents_is_paid_back_once_and_leaves_the_balance_at_once() {
    let (mut books, new) = topped_up(1_234_567);
    let refund = Command::Refund { payment: new.id, reason: "asked".to_owned(), at: at(5) };
    books.batch(&[refund.clone(), refund]).unwrap();
    let refunding = record(&books, &new);
    assert_eq!((refunding.state, refunding.to_pay_back().units()), (PaymentState::Refunding, 376));
    assert_eq!(balance(&books, AccountKind::Payer(payer(1)), &usd()), "0.005433 USD");
    assert_balanced(&mut books);
    let settled = samples::settled("re_1", 0);
    books.batch(&[Command::ConfirmRefund { payment: new.id, settled, at: at(6) }]).unwrap();
    assert_eq!(record(&books, &new).state, PaymentState::Refunded);
    assert_eq!(balance(&books, AccountKind::Clearing(new.method.clone()), &cents()), "0.79 USD");
    assert_eq!(balance(&books, AccountKind::Refunds, &cents()), "0 USD");
    assert_balanced(&mut books);
}

#[test]
fn a_balance_that_is_spent_pays_nothing_back() {
    let (mut books, new) = topped_up(5_000_000);
    let refund = Command::Refund { payment: new.id, reason: "asked".to_owned(), at: at(5) };
    let outcomes = books.batch(&[refund]).unwrap();
    assert!(matches!(outcomes[0], Outcome::Insufficient { .. }), "{outcomes:?}");
    assert_eq!(record(&books, &new).state, PaymentState::Closed);
    assert_balanced(&mut books);
}

#[test]
fn a_rail_that_takes_it_back_takes_the_rest_of_the_balance_and_what_was_spent_is_lost() {
    let (mut books, new) = topped_up(1_234_567);
    books.batch(&[Command::Reverse { payment: new.id, reason: "disputed".to_owned(), at: at(5) }]).unwrap();
    assert_eq!(record(&books, &new).state, PaymentState::Reversed);
    assert_eq!(balance(&books, AccountKind::Payer(payer(1)), &usd()), "0.005433 USD");
    assert_eq!(balance(&books, AccountKind::Losses(new.method.clone()), &cents()), "1.24 USD");
    assert_eq!(balance(&books, AccountKind::Clearing(new.method), &cents()), "-0.45 USD");
    assert_balanced(&mut books);
}

#[test]
fn a_balance_that_cannot_hold_it_exactly_is_no_balance_for_it() {
    let mut finer = five_dollars();
    finer.proof.asset = Asset::new("USD", 8, Home::Account("finer".to_owned())).unwrap();
    finer.proof.amount = Amount::new(5);
    let mut nobody = five_dollars();
    nobody.proof.payer = None;
    let mut books = MemoryStore::default();
    for new in [finer, nobody] {
        let outcomes = books.batch(&[Command::Claim(Box::new(new))]).unwrap();
        assert!(matches!(outcomes[0], Outcome::Invalid(_)), "{outcomes:?}");
    }
    assert!(books.payments.is_empty());
}
