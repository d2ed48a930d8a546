//! Transfers: one- and two-phase, idempotent, bounded.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::command::Invalid;
use farthing_books::ledger::Phase;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, grant, payer, usd};
use farthing_books::{Account, AccountId, AccountKind, Command, Outcome, Transfer, TransferId};
use farthing_money::{Amount, Asset, Home};

fn balance() -> AccountId {
    AccountId::new(AccountKind::Payer(payer(1)), &usd())
}

fn transfer(id: u8, amount: u128, phase: Phase) -> Transfer {
    let credit = AccountId::new(AccountKind::Revenue("weather".to_owned()), &usd());
    Transfer {
        id: TransferId([id; 16]),
        debit: balance(),
        credit,
        amount: Amount::new(amount),
        phase,
        payment: None,
        at: at(0),
    }
}

fn post(books: &mut MemoryStore, transfer: &Transfer) -> Outcome {
    let outcome = books.batch(&[Command::Transfer(Box::new(transfer.clone()))]).unwrap().remove(0);
    assert_eq!(books.verify().findings, Vec::<String>::new());
    outcome
}

fn with_money(amount: u128) -> MemoryStore {
    let mut books = MemoryStore::default();
    books.batch(&[grant(200, 1, amount)]).unwrap();
    books
}

fn account(books: &MemoryStore) -> Account {
    books.accounts[&balance()].clone()
}

const HOLD: TransferId = TransferId([1; 16]);

#[test]
fn a_hold_is_posted_in_part_and_lets_go_of_the_rest() {
    let mut books = with_money(100);
    assert_eq!(post(&mut books, &transfer(1, 80, Phase::Pending)), Outcome::Transferred);
    assert_eq!(account(&books).available(), Some(Amount::new(20)));
    assert_eq!(post(&mut books, &transfer(2, 21, Phase::Single)), Outcome::Insufficient { available: Amount::new(20) });
    assert_eq!(post(&mut books, &transfer(3, 81, Phase::Post(HOLD))), Outcome::Invalid(Invalid::MoreThanHeld));
    assert_eq!(post(&mut books, &transfer(3, 30, Phase::Post(HOLD))), Outcome::Transferred);
    assert_eq!(account(&books).available(), Some(Amount::new(70)));
    assert_eq!(account(&books).debits_pending, Amount::ZERO);
    assert_eq!(post(&mut books, &transfer(3, 30, Phase::Post(HOLD))), Outcome::Transferred, "the same again");
    assert_eq!(post(&mut books, &transfer(4, 0, Phase::Void(HOLD))), Outcome::Invalid(Invalid::HoldHasEnded));
}

#[test]
fn a_voided_hold_moves_nothing() {
    let mut books = with_money(100);
    post(&mut books, &transfer(1, 80, Phase::Pending));
    assert_eq!(post(&mut books, &transfer(2, 0, Phase::Void(HOLD))), Outcome::Transferred);
    assert_eq!(account(&books).available(), Some(Amount::new(100)));
    assert_eq!(post(&mut books, &transfer(3, 1, Phase::Post(HOLD))), Outcome::Invalid(Invalid::HoldHasEnded));
}

#[test]
fn the_same_id_is_the_same_transfer_or_a_conflict() {
    let mut books = with_money(100);
    let first = transfer(1, 10, Phase::Single);
    assert_eq!(post(&mut books, &first), Outcome::Transferred);
    assert_eq!(post(&mut books, &Transfer { at: at(99), ..first.clone() }), Outcome::Transferred);
    assert_eq!(account(&books).debits, Amount::new(10), "once");
    assert_eq!(post(&mut books, &transfer(1, 11, Phase::Single)), Outcome::Conflict);
    assert_eq!(post(&mut books, &transfer(1, 10, Phase::Pending)), Outcome::Conflict);
}

#[test]
fn what_cannot_be_a_transfer_is_refused() {
    let mut books = with_money(100);
    let good = transfer(1, 10, Phase::Single);
    let euros = Asset::new("EUR", 6, Home::Ledger).unwrap();
    let other_asset = Transfer { credit: AccountId::new(AccountKind::Suspense, &euros), ..good.clone() };
    assert_eq!(post(&mut books, &other_asset), Outcome::Invalid(Invalid::AssetsDiffer));
    let to_itself = Transfer { credit: balance(), ..good.clone() };
    assert_eq!(post(&mut books, &to_itself), Outcome::Invalid(Invalid::SameAccount));
    assert_eq!(post(&mut books, &transfer(2, 1, Phase::Post(TransferId([9; 16])))), Outcome::NotFound);
    let not_a_hold = transfer(2, 1, Phase::Post(TransferId([200; 16])));
    assert_eq!(post(&mut books, &not_a_hold), Outcome::Invalid(Invalid::NotThatHold));
}

#[test]
fn sums_stop_at_128_bits() {
    let mut books = with_money(u128::MAX);
    let more = books.batch(&[grant(201, 1, 1)]).unwrap();
    assert_eq!(more, [Outcome::Invalid(Invalid::TooLarge)]);
    assert_eq!(post(&mut books, &transfer(1, u128::MAX, Phase::Single)), Outcome::Transferred);
}

#[test]
fn damage_is_found_and_named() {
    let mut books = with_money(100);
    post(&mut books, &transfer(1, 10, Phase::Single));
    let sound = books.clone();

    books.accounts.get_mut(&balance()).unwrap().credits = Amount::new(101);
    let findings = books.verify().findings;
    assert!(findings[0].contains("credits are stored as 101, its transfers add up to 100"), "{findings:?}");

    books = sound.clone();
    books.transfers.remove(0);
    assert!(!books.verify().is_clean(), "a lost transfer");

    books = sound;
    books.transfers.push(transfer(3, 5, Phase::Void(HOLD)));
    let findings = books.verify().findings;
    assert!(findings.iter().any(|finding| finding.contains("which is not open")), "{findings:?}");
}
