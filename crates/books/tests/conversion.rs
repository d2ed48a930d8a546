//! Money that comes in cents and becomes millionths.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::command::Invalid;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, payer, usd};
use farthing_books::{AccountId, AccountKind, Command, Conversion, Outcome};
use farthing_money::{Amount, Asset, Home};

fn cents() -> Asset {
    Asset::new("USD", 2, Home::Account("bank".to_owned())).unwrap()
}

fn balance() -> AccountId {
    AccountId::new(AccountKind::Payer(payer(1)), &usd())
}

fn top_up(name: &str, amount: u128) -> Conversion {
    Conversion {
        name: name.to_owned(),
        currency: "USD".parse().unwrap(),
        from: AccountId::new(AccountKind::Clearing("bank".to_owned()), &cents()),
        to: balance(),
        amount: Amount::new(amount),
        payment: None,
        at: at(0),
    }
}

fn convert(books: &mut MemoryStore, conversion: Conversion) -> Outcome {
    let outcome = books.batch(&[Command::Convert(Box::new(conversion))]).unwrap().remove(0);
    assert_eq!(books.verify().findings, Vec::<String>::new());
    outcome
}

#[test]
fn a_balance_is_funded_once_under_one_name() {
    let mut books = MemoryStore::default();
    assert_eq!(convert(&mut books, top_up("a", 500)), Outcome::Transferred);
    assert_eq!(convert(&mut books, top_up("a", 500)), Outcome::Transferred, "the same again");
    assert_eq!(convert(&mut books, top_up("a", 501)), Outcome::Conflict);
    assert_eq!(books.accounts[&balance()].available(), Some(Amount::new(5_000_000)));
    assert_eq!(convert(&mut books, top_up("b", 1)), Outcome::Transferred);
    assert_eq!(books.accounts[&balance()].available(), Some(Amount::new(5_010_000)));
}

#[test]
fn money_goes_back_in_whole_cents_and_as_far_as_there_is_any() {
    let mut books = MemoryStore::default();
    convert(&mut books, top_up("in", 3));
    let out = |name: &str, amount| {
        let forth = top_up(name, amount);
        Conversion { from: forth.to, to: forth.from, ..top_up(name, amount) }
    };
    assert_eq!(convert(&mut books, out("out", 15_000)), Outcome::Invalid(Invalid::NotExact));
    assert_eq!(convert(&mut books, out("out", 40_000)), Outcome::Insufficient { available: Amount::new(30_000) });
    assert_eq!(convert(&mut books, out("out", 20_000)), Outcome::Transferred);
    assert_eq!(books.accounts[&balance()].available(), Some(Amount::new(10_000)));
}

#[test]
fn half_a_conversion_is_found() {
    let mut books = MemoryStore::default();
    let half = top_up("half", 5).transfers().unwrap().remove(0);
    books.batch(&[Command::Transfer(Box::new(half))]).unwrap();
    let findings = books.verify().findings.join("\n");
    assert!(findings.contains("conversion/USD: 5 went in and 0 came out"), "{findings}");
}
