//! Balances carried between books, in files and on servers: killed at each step, called back at each step, and by two at
//! once; there is one outcome, and no money is lost or made.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]
#![allow(clippy::disallowed_methods, reason = "a child process is told by its environment what to do")]

mod places;

use std::process::{Command as Process, Stdio};

use farthing_books::ledger::{BooksId, Remittance};
use farthing_books::testing::samples::{at, grant, payer, usd};
use farthing_books::verify::{Comparison, compare};
use farthing_books::{AccountId, AccountKind};
use farthing_money::Amount;
use farthing_store::{Books, Location, RemitError, Remitted, Sharing, Stage, call_back, remit};
use places::Place;

const FROM: &str = "FARTHING_TEST_FROM";
const TO: &str = "FARTHING_TEST_TO";
const UNTIL: &str = "FARTHING_TEST_UNTIL";
const BACK: &str = "FARTHING_TEST_BACK";

/// The engines of both books: `true` is a server.
const PAIRS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

async fn remittance(from: &Books, to: &Books, name: &str, amount: u128) -> Remittance {
    Remittance {
        from: from.identity(BooksId([1; 16])).await.unwrap(),
        to: to.identity(BooksId([2; 16])).await.unwrap(),
        name: name.to_owned(),
        payer: payer(1),
        asset: usd(),
        amount: Amount::new(amount),
        at: at(1),
    }
}

async fn opened(pair: (bool, bool)) -> (Place, Place) {
    let (from, to) = (Place::new(pair.0), Place::new(pair.1));
    let books = from.open(Sharing::Shared);
    books.submit(grant(1, 1, 100)).await.unwrap();
    books.close().await.unwrap();
    (from, to)
}

/// What the payer can spend, here and there.
async fn balances(from: &Books, to: &Books) -> (u128, u128) {
    let account = AccountId::new(AccountKind::Payer(payer(1)), &usd());
    let of = async |books: &Books| {
        let found = books.account(&account).await.unwrap();
        found.and_then(|account| account.available()).map_or(0, |amount| amount.units())
    };
    (of(from).await, of(to).await)
}

async fn compared(from: &Books, to: &Books) -> Comparison {
    let both = [from.verify().await.unwrap(), to.verify().await.unwrap()];
    for books in &both {
        assert_eq!(books.findings, Vec::<String>::new());
    }
    compare(&both)
}

#[tokio::test(flavor = "multi_thread")]
async fn r_04_wherever_it_is_killed_the_same_again_ends_it_once() {
    for pair in PAIRS {
        for (stage, spendable, under_way) in [("Held", (70, 0), 1), ("Arrived", (70, 30), 1), ("Departed", (70, 30), 0)]
        {
            let (from, to) = opened(pair).await;
            child(&from, &to, stage, false);
            let (here, there) = (from.open(Sharing::Shared), to.open(Sharing::Shared));
            assert_eq!(balances(&here, &there).await, spendable, "{pair:?} {stage}");
            let stopped = compared(&here, &there).await;
            assert_eq!((stopped.under_way.len(), stopped.findings), (under_way, Vec::new()), "{pair:?} {stage}");
            let order = remittance(&here, &there, "one", 30).await;
            for _ in 0..2 {
                assert_eq!(remit(&here, &there, &order, |_| {}).await.unwrap(), Remitted::Arrived);
                assert_eq!(call_back(&here, &there, &order, |_| {}).await.unwrap(), Remitted::Arrived, "too late");
            }
            assert_eq!(balances(&here, &there).await, (70, 30));
            assert_eq!(compared(&here, &there).await, Comparison { whole: 1, ..Comparison::default() });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_05_what_is_called_back_is_given_back_wherever_that_is_killed() {
    for pair in PAIRS {
        for stage in ["Refused", "Released"] {
            let (from, to) = opened(pair).await;
            child(&from, &to, "Held", false);
            child(&from, &to, stage, true);
            let (here, there) = (from.open(Sharing::Shared), to.open(Sharing::Shared));
            let order = remittance(&here, &there, "one", 30).await;
            // Whoever goes on, in whatever direction, comes to the same end.
            assert_eq!(remit(&here, &there, &order, |_| {}).await.unwrap(), Remitted::Returned, "{pair:?} {stage}");
            assert_eq!(call_back(&here, &there, &order, |_| {}).await.unwrap(), Remitted::Returned);
            assert_eq!(balances(&here, &there).await, (100, 0));
            assert_eq!(compared(&here, &there).await, Comparison { whole: 1, ..Comparison::default() });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_06_of_one_that_carries_and_one_that_calls_back_at_once_one_wins() {
    let (from, to) = opened((true, true)).await;
    let (here, there) = (from.open(Sharing::Shared), to.open(Sharing::Shared));
    let mut expected = (100, 0);
    for round in 0..20 {
        let order = remittance(&here, &there, &format!("round {round}"), 3).await;
        let (carried, called) =
            tokio::join!(remit(&here, &there, &order, |_| {}), call_back(&here, &there, &order, |_| {}));
        let outcome = carried.unwrap();
        assert_eq!(called.unwrap(), outcome);
        if outcome == Remitted::Arrived {
            expected = (expected.0 - 3, expected.1 + 3);
        }
        assert_eq!(balances(&here, &there).await, expected);
    }
    let comparison = compared(&here, &there).await;
    assert_eq!((comparison.under_way, comparison.findings), (Vec::new(), Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_name_is_another_remittance_between_other_books() {
    let (from, to) = opened((false, true)).await;
    let other = Place::file();
    let (here, there, elsewhere) = (from.open(Sharing::Shared), to.open(Sharing::Shared), other.open(Sharing::Shared));
    let order = remittance(&here, &there, "one", 30).await;
    remit(&here, &there, &order, |_| {}).await.unwrap();
    let second = Remittance { to: elsewhere.identity(BooksId([3; 16])).await.unwrap(), ..order.clone() };
    remit(&here, &elsewhere, &second, |_| {}).await.unwrap();
    assert_eq!(balances(&here, &there).await, (40, 30));
    assert_eq!(balances(&here, &elsewhere).await, (40, 30), "it left once more, and is there once");
    let all = [here.verify().await.unwrap(), there.verify().await.unwrap(), elsewhere.verify().await.unwrap()];
    assert_eq!(compare(&all), Comparison { whole: 2, ..Comparison::default() });
    assert_eq!(compare(&all[..2]).findings.len(), 1, "one of them went to books that are not looked at");
    let more = Remittance { amount: Amount::new(31), ..order.clone() };
    let refused = remit(&here, &there, &more, |_| {}).await;
    assert_eq!(refused, Err(RemitError::NameUsed("leaves")), "the name says how much");
    let too_much = Remittance { name: "two".to_owned(), amount: Amount::new(41), ..order };
    let refused = remit(&here, &there, &too_much, |_| {}).await;
    assert_eq!(refused, Err(RemitError::Insufficient { available: Amount::new(40) }));
}

/// Lets another process carry, or call back, and die when so much is durable.
fn child(from: &Place, to: &Place, until: &str, back: bool) {
    let status = Process::new(std::env::current_exe().unwrap())
        .args(["child_remits", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .envs([(FROM, from.address()), (TO, to.address()), (UNTIL, until), (BACK, if back { "yes" } else { "no" })])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success(), "it died before it was done");
}

#[test]
#[ignore = "the body of a child process"]
fn child_remits() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let open = |name| {
            let place: Location = std::env::var(name).unwrap().parse().unwrap();
            Books::open(place, Sharing::Shared).unwrap()
        };
        let (from, to, until) = (open(FROM), open(TO), std::env::var(UNTIL).unwrap());
        let order = remittance(&from, &to, "one", 30).await;
        let die = |stage: Stage| {
            if format!("{stage:?}") == until {
                // As sudden as a kill: nothing is dropped, closed or flushed.
                std::process::abort();
            }
        };
        let back = std::env::var(BACK).unwrap() == "yes";
        let ended = if back { call_back(&from, &to, &order, die).await } else { remit(&from, &to, &order, die).await };
        panic!("it never came to {until}: {ended:?}");
    });
}
