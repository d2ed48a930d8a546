//! What leaves the books after its time: they add up without it, nothing of it can be claimed again, and what is open or
//! was moved by a rail stays, wherever the process that lets go of it is killed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]
#![allow(clippy::disallowed_methods, reason = "a child process is told by its environment what to do")]

mod places;

use std::io::{BufRead, BufReader};
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use farthing_books::testing::samples::{at, external, grant, prepaid, settled};
use farthing_books::{Account, ClaimOutcome, Command, Invalid, NewPayment, Outcome, PaymentState, StoredResponse};
use farthing_protocol::Timestamp;
use farthing_store::{Books, Location, Look, Sharing, StoreError};
use places::{Place, on_both_engines};

on_both_engines! {
    r_01_what_is_over_leaves_and_the_books_add_up,
    r_02_nothing_from_before_the_horizon_is_claimed_again,
    r_03_a_pruner_that_is_killed_loses_nothing_and_another_goes_on,
    rows_leave_in_no_other_way,
}

const BOOKS: &str = "FARTHING_TEST_BOOKS";
const DAY: i64 = 24 * 3_600 * 1_000;

fn before_all(_: &farthing_store::Pruning) {}

fn claimed_at(number: u32, at: Timestamp) -> NewPayment {
    let (key, of) = (number.to_be_bytes(), prepaid(number, 1 + number % 3, 2));
    let mut idempotency = [7; 32];
    idempotency.iter_mut().zip(key).for_each(|(to, from)| *to = from);
    NewPayment { idempotency: Some(idempotency), at, ..of }
}

async fn grant_all(books: &Books) {
    for payer in 1..4_u8 {
        books.submit(grant(payer, u32::from(payer), 1_000_000)).await.unwrap();
    }
}

/// Claims and delivers a payment; its response is kept.
fn sell(books: &Books, new: NewPayment) {
    let (payment, at) = (new.id, new.at);
    let response = StoredResponse { status: 200, headers: Vec::new(), body: vec![1, 2, 3] };
    let response = Some(Box::new(response));
    books.submit_later(Command::Claim(Box::new(new))).unwrap();
    books.submit_later(Command::Deliver { payment, status: 200, at }).unwrap();
    books.submit_later(Command::Close { payment, response, at }).unwrap();
}

/// So many payments of long ago, and one of now, with which everything before it is durable.
async fn fill(books: &Books, number: u32) -> Timestamp {
    grant_all(books).await;
    for number in 0..number {
        sell(books, claimed_at(number, at(i64::from(number))));
    }
    let now = at(30 * DAY);
    let newest = books.claim(claimed_at(9_000_000, now)).await.unwrap();
    assert!(matches!(newest, ClaimOutcome::Won(_)), "{newest:?}");
    now
}

async fn balances(books: &Books) -> Vec<Account> {
    books.accounts().await.unwrap()
}

async fn r_01_what_is_over_leaves_and_the_books_add_up(place: Place) {
    let books = place.open(Sharing::Exclusive);
    let now = fill(&books, 450).await;
    // One is paid back, one is still owed, and one was moved by a rail.
    let (refunded, owed, moved) = (claimed_at(1, at(1)).id, claimed_at(500, at(2)), external(501, 5));
    books.submit(Command::Refund { payment: refunded, reason: "late".into(), at: at(9) }).await.unwrap();
    let (entitled, settling) = (owed.id, moved.id);
    books.claim(owed).await.unwrap();
    let reason = "the upstream failed".to_owned();
    let entitle = Command::Entitle { payment: entitled, reason, status: None, deadline: at(DAY), at: at(3) };
    books.submit(entitle).await.unwrap();
    books.claim(moved).await.unwrap();
    let settle = Command::Settle { payment: settling, settled: settled("0x1", 0), confirm_at: None, at: at(5) };
    books.submit(settle).await.unwrap();
    books.submit(Command::Deliver { payment: settling, status: 200, at: at(6) }).await.unwrap();
    let response = Some(Box::new(StoredResponse { status: 200, headers: Vec::new(), body: vec![9] }));
    books.submit(Command::Close { payment: settling, response, at: at(7) }).await.unwrap();
    let (before, stood) = (books.verify().await.unwrap(), balances(&books).await);

    // A clock that is years ahead lets go of nothing that is younger than a week before the newest claim.
    let mut said = Vec::new();
    let pruning = books.prune(at(9_000 * DAY), Look::Everywhere, |so_far| said.push(so_far.payments)).await.unwrap();
    assert_eq!(pruning.until, now.before(farthing_books::retention::SHORTEST));
    assert_eq!((pruning.payments, pruning.transfers), (450, 451), "the one that was paid back has two");
    assert!(said.len() > 2 && said.last() == Some(&450), "a page at a time: {said:?}");

    let after = books.verify().await.unwrap();
    assert_eq!(after.findings, Vec::<String>::new());
    assert_eq!((after.payments, after.transfers), (before.payments - 450, before.transfers - 451));
    assert_eq!((after.pruned.payments, after.pruned.until), (450, Some(pruning.until)));
    assert_eq!(balances(&books).await, stood);
    let state = async |id| books.payment(id).await.unwrap().map(|payment| payment.state);
    assert_eq!(state(refunded).await, None);
    assert_eq!(state(entitled).await, Some(PaymentState::Entitled));
    assert_eq!(state(settling).await, Some(PaymentState::Closed));
    assert_eq!(state(claimed_at(9_000_000, now).id).await, Some(PaymentState::Posted));
    assert_eq!(books.response(settling).await.unwrap(), None, "a kept answer is no proof of anything");
    assert_eq!(books.response(claimed_at(7, at(7)).id).await.unwrap(), None);

    // What was open is over one day, and is found then.
    books.submit(Command::Refund { payment: entitled, reason: "late".into(), at: at(20 * DAY) }).await.unwrap();
    // The newest transfer stays: its number must not be given again.
    assert_eq!(books.prune(now, Look::Everywhere, before_all).await.unwrap().payments, 0);
    books.submit(grant(8, 1, 1)).await.unwrap();
    for (look, leave) in [(Look::FromLastTime, 1), (Look::Everywhere, 0)] {
        assert_eq!(books.prune(now, look, before_all).await.unwrap().payments, leave);
    }
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
    books.close().await.unwrap();
}

async fn r_02_nothing_from_before_the_horizon_is_claimed_again(place: Place) {
    let books = place.open(Sharing::Exclusive);
    let now = fill(&books, 10).await;
    let horizon = books.prune(now, Look::Everywhere, before_all).await.unwrap().until;
    let other = place.is_server().then(|| place.open(Sharing::Exclusive));
    for books in std::iter::once(&books).chain(&other) {
        for stale in [at(3), horizon.before(Duration::from_millis(1))] {
            let refused = books.claim(claimed_at(3, stale)).await;
            assert_eq!(refused, Err(StoreError::Refused(Invalid::BeforeHorizon)));
        }
        // What is still there is answered as before, whatever the clock says.
        let lost = books.claim(claimed_at(9_000_000, at(1))).await.unwrap();
        assert!(matches!(lost, ClaimOutcome::Lost(_)), "{lost:?}");
    }
    // The horizon moves ahead only.
    assert_eq!(books.prune(at(5), Look::Everywhere, before_all).await.unwrap().payments, 0);
    assert_eq!(books.pruned().await.unwrap().until, Some(horizon));
    let won = books.claim(claimed_at(11, horizon)).await.unwrap();
    assert!(matches!(won, ClaimOutcome::Won(_)), "{won:?}");
}

async fn rows_leave_in_no_other_way(place: Place) {
    let books = place.open(Sharing::Exclusive);
    let now = fill(&books, 3).await;
    let granted = books.transfers(0, 1).await.unwrap().remove(0).1.id;
    books.close().await.unwrap();
    let refused = place.tamper("DELETE FROM transfers").unwrap_err();
    assert!(refused.contains("append-only"), "{refused}");
    // Not even in the middle of a pruning: what no payment made stays.
    let open = "INSERT INTO pruned (id, until, payments, transfers, is_open) VALUES (1, 0, 0, 0, 1); \
                DELETE FROM transfers WHERE payment IS NULL";
    let refused = place.tamper(&format!("BEGIN; {open}")).unwrap_err();
    assert!(refused.contains("append-only"), "{refused}");
    let books = place.open(Sharing::Exclusive);
    assert_eq!(books.prune(now, Look::Everywhere, before_all).await.unwrap().payments, 3);
    assert!(books.transfers(0, 9).await.unwrap().iter().any(|(_, transfer)| transfer.id == granted));
    books.close().await.unwrap();
    // What is carried forward is checked as transfers are.
    place.tamper("UPDATE carried SET debits = '7' WHERE debits <> '0'").unwrap();
    let findings = place.open(Sharing::ReadOnly).verify().await.unwrap().findings;
    assert!(findings.iter().any(|finding| finding.contains("add up to")), "{findings:?}");
}

const ROUNDS: usize = 6;
/// So many pages leave before a child is killed.
const PAGES: usize = 2;

async fn r_03_a_pruner_that_is_killed_loses_nothing_and_another_goes_on(place: Place) {
    let sold = 200 * u32::try_from(ROUNDS * (PAGES + 2)).unwrap();
    let books = place.open(Sharing::Exclusive);
    fill(&books, sold).await;
    let stood = balances(&books).await;
    books.close().await.unwrap();
    let mut left = 0;
    for round in 0..ROUNDS {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["child_prunes_until_killed", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(BOOKS, place.address())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let pages = lines.map_while(Result::ok).filter(|line| line.contains("page ")).take(PAGES).count();
        // Some are killed between two pages and some in one.
        std::thread::sleep(Duration::from_micros(u64::try_from(round).unwrap() * 700));
        child.kill().unwrap();
        child.wait().unwrap();
        let books = place.open(Sharing::Exclusive);
        let verification = books.verify().await.unwrap();
        assert_eq!(verification.findings, Vec::<String>::new());
        assert_eq!(verification.pruned.payments + verification.payments, u64::from(sold) + 1);
        assert!(verification.pruned.payments >= left + 200 * u64::try_from(pages).unwrap());
        left = verification.pruned.payments;
        assert_eq!(balances(&books).await, stood);
        books.close().await.unwrap();
    }
    let books = place.open(Sharing::Exclusive);
    let last = books.prune(at(30 * DAY), Look::Everywhere, before_all).await.unwrap();
    assert_eq!(left + last.payments, u64::from(sold));
    assert_eq!(balances(&books).await, stood);
    let verification = books.verify().await.unwrap();
    assert_eq!((verification.findings, verification.payments), (Vec::new(), 1));
}

#[test]
#[ignore = "the body of a child process"]
fn child_prunes_until_killed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let place: Location = std::env::var(BOOKS).unwrap().parse().unwrap();
        let books = Books::open(place, Sharing::Exclusive).unwrap();
        let said = |so_far: &farthing_store::Pruning| println!("page {}", so_far.payments);
        books.prune(at(30 * DAY), Look::Everywhere, said).await.unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_leave_by_parts() {
    let place = Place::server();
    let books = place.open(Sharing::Exclusive);
    grant_all(&books).await;
    let parts = || {
        let sql = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'responses'::regclass";
        place.tamper(sql).unwrap().trim().parse::<u32>().unwrap()
    };
    let now = place.tamper("SELECT (extract(epoch FROM now()) * 1000)::BIGINT").unwrap();
    let now = Timestamp::from_unix_millis(now.trim().parse().unwrap());
    let (first, second) = (claimed_at(1, now), claimed_at(2, now.after(Duration::from_secs(70 * 24 * 3_600))));
    let (one, two) = (first.id, second.id);
    sell(&books, first);
    sell(&books, second);
    let much_later = now.after(Duration::from_secs(100 * 24 * 3_600));
    books.claim(claimed_at(3, much_later)).await.unwrap();
    assert!(books.response(one).await.unwrap().is_some() && books.response(two).await.unwrap().is_some());
    let there = parts();
    let until = now.after(Duration::from_secs(65 * 24 * 3_600));
    let pruning = books.prune(until, Look::Everywhere, before_all).await.unwrap();
    assert_eq!((pruning.payments, parts()), (1, there - 1), "the part of the first is gone as a whole");
    assert!(books.response(one).await.unwrap().is_none() && books.response(two).await.unwrap().is_some());
    let Outcome::Transferred = books.submit(grant(9, 1, 5)).await.unwrap() else { panic!("it goes on") };
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
}
