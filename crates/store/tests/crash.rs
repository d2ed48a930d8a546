//! Processes killed in the middle of their work, in a file and on a server: what was acknowledged is there afterwards,
//! nothing is half done. The children are this very test program, started again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]
#![allow(clippy::disallowed_methods, reason = "a child process is told by its environment what to do")]

mod places;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use farthing_books::budget::ReserveOutcome;
use farthing_books::testing::samples::{
    at, external, grant, movement, page, payer, prepaid, reservation, settled_by, usd,
};
use farthing_books::testing::sessions;
use farthing_books::{
    AccountId, AccountKind, ClaimOutcome, Command, Outcome, PaymentFilter, PaymentState, SessionCommand,
};
use farthing_money::Amount;
use farthing_rail::ProofKey;
use farthing_store::{Books, Drawn, Location, Sharing};
use places::{Place, on_both_engines};

on_both_engines! {
    what_was_acknowledged_survives_kill,
    a_statement_and_its_cursor_survive_kill_together,
    g_07_an_acknowledged_voucher_survives_kill_and_what_was_held_is_let_go_of,
    processes_that_share_a_budget_never_exceed_it,
}

const BOOKS: &str = "FARTHING_TEST_BOOKS";
const FIRST: &str = "FARTHING_TEST_FIRST";
const ROUNDS: u32 = 8;
/// So much is acknowledged before a child is killed, at least.
const AT_LEAST: usize = 20;

async fn what_was_acknowledged_survives_kill(place: Place) {
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let pause = Duration::from_millis(u64::from(round * 37 % 120));
        let child = child("child_claims_until_killed", &place, round * 1_000_000);
        acknowledged.extend(acknowledged_until_killed(child, AT_LEAST, pause));
        check(&place, &acknowledged).await;
    }
}

/// What a child acknowledges before it is killed, somewhere in the middle of some batch.
fn acknowledged_until_killed(mut child: std::process::Child, at_least: usize, pause: Duration) -> Vec<u32> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut numbers = lines.map_while(Result::ok).filter_map(|line| number(&line));
    let mut acknowledged: Vec<u32> = numbers.by_ref().take(at_least).collect();
    assert_eq!(acknowledged.len(), at_least, "the child works");
    std::thread::sleep(pause);
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(numbers);
    acknowledged
}

async fn check(place: &Place, acknowledged: &BTreeSet<u32>) {
    let books = place.open(Sharing::Exclusive);
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
    place.until_the_dead_are_seen(&books).await;
    books.submit(Command::Recover { deadline: at(9), at: at(8) }).await.unwrap();
    let verification = books.verify().await.unwrap();
    assert_eq!(verification.findings, Vec::<String>::new());
    for number in acknowledged {
        let payment = books.payment(prepaid(*number, 1, 1).id).await.unwrap();
        assert!(payment.is_some_and(|payment| payment.state.is_paid()), "claim {number} was acknowledged");
    }
    let balance = AccountId::new(AccountKind::Payer(payer(1)), &usd());
    let debits = books.account(&balance).await.unwrap().unwrap().debits.units();
    assert_eq!(debits, u128::from(verification.payments), "one unit for each");
    for state in [PaymentState::Claimed, PaymentState::Posted, PaymentState::Delivered] {
        let filter = farthing_books::PaymentFilter { state: Some(state), ..Default::default() };
        assert!(books.payments(filter).await.unwrap().is_empty(), "nothing is left half done");
    }
    books.close().await.unwrap();
}

#[test]
#[ignore = "the body of a child process"]
fn child_claims_until_killed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let books = named(Sharing::Exclusive);
        let first: u32 = std::env::var(FIRST).unwrap().parse().unwrap();
        books.submit(grant(1, 1, u128::from(u64::MAX))).await.unwrap();
        let tasks: Vec<_> = (0..16).map(|task| tokio::spawn(claim_on(books.clone(), first + task))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn claim_on(books: Books, first: u32) {
    for number in (first..).step_by(16) {
        let new = prepaid(number, 1, 1);
        let payment = new.id;
        let outcome = books.claim(new).await.unwrap();
        assert!(matches!(outcome, ClaimOutcome::Won(_)), "{outcome:?}");
        println!("claimed {number}");
        books.submit_later(Command::Deliver { payment, status: 200, at: at(1) }).unwrap();
        books.submit_later(Command::Close { payment, response: None, at: at(2) }).unwrap();
    }
}

async fn a_statement_and_its_cursor_survive_kill_together(place: Place) {
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let pause = Duration::from_millis(u64::from(round * 53 % 240));
        let child = child("child_reconciles_until_killed", &place, round * 1_000_000);
        acknowledged.extend(acknowledged_until_killed(child, 2, pause));
        check_statement(&place, &acknowledged).await;
    }
}

/// Every acknowledged payment is matched, and what is confirmed is what the statement showed, once.
async fn check_statement(place: &Place, acknowledged: &BTreeSet<u32>) {
    let books = place.open(Sharing::Exclusive);
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
    for number in acknowledged {
        let row = books.movement(&ProofKey::new(format!("tx/{number}"))).await.unwrap().unwrap();
        assert_eq!((row.payment, row.suspended), (Some(external(*number, 1).id), false));
        assert!(row.seen.is_some(), "step {number} was acknowledged");
    }
    let suspense = books.suspense(u32::MAX).await.unwrap().len();
    let not_seen = books.not_seen(at(1_000), u32::MAX).await.unwrap().len();
    assert!(not_seen <= usize::try_from(ROUNDS).unwrap(), "only what a kill cut off is not matched");
    let confirmed = AccountId::new(AccountKind::Confirmed("evm".to_owned()), &usd());
    let confirmed = books.account(&confirmed).await.unwrap().unwrap().debits.units();
    let posted = books.verify().await.unwrap().payments - u64::try_from(not_seen).unwrap();
    let claimed_only = PaymentFilter { state: Some(PaymentState::Claimed), limit: u32::MAX, ..Default::default() };
    let unsettled = u64::try_from(books.payments(claimed_only).await.unwrap().len()).unwrap();
    let suspense = u64::try_from(suspense).unwrap();
    assert_eq!(confirmed, u128::from(posted - unsettled + suspense), "one unit for each movement");
    books.close().await.unwrap();
}

#[test]
#[ignore = "the body of a child process"]
fn child_reconciles_until_killed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let books = named(Sharing::Exclusive);
        let first: u32 = std::env::var(FIRST).unwrap().parse().unwrap();
        for number in first.. {
            let (new, key) = (external(number, 1), format!("tx/{number}"));
            let payment = new.id;
            books.claim(new).await.unwrap();
            let settle =
                Command::Settle { payment, settled: settled_by("0xabc", &[&key]), confirm_at: None, at: at(5) };
            // The statement shows the payment, a stranger's money, and the payment before once more.
            let lines =
                [key.clone(), format!("stranger/{number}"), format!("tx/{}", number.saturating_sub(1).max(first))];
            let after = books.cursor("evm/charge USD").await.unwrap();
            let reconcile = page(&after.0, &number.to_string(), lines.map(|key| movement(&key, 1)).into());
            assert!(matches!(books.submit(settle).await.unwrap(), Outcome::Payment(_)));
            assert!(matches!(books.submit(reconcile).await.unwrap(), Outcome::Reconciled(_)));
            println!("claimed {number}");
        }
    });
}

async fn g_07_an_acknowledged_voucher_survives_kill_and_what_was_held_is_let_go_of(place: Place) {
    let mut last = 0;
    for round in 0..ROUNDS {
        let pause = Duration::from_millis(u64::from(round * 37 % 120));
        let draws = acknowledged_until_killed(child("child_draws_until_killed", &place, last + 1), AT_LEAST, pause);
        last = *draws.last().unwrap();
        check_session(&place, last).await;
    }
}

/// What was signed for is there; what was delivered is at most that; nothing is held for the dead.
async fn check_session(place: &Place, acknowledged: u32) {
    let books = place.open(Sharing::Exclusive);
    place.until_the_dead_are_seen(&books).await;
    books.submit(Command::Recover { deadline: at(9), at: at(8) }).await.unwrap();
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
    let session = books.session(sessions::id(0)).await.unwrap().unwrap();
    assert!(session.accepted.units() >= u128::from(acknowledged), "{acknowledged} was acknowledged: {session:?}");
    assert!(session.spent <= session.accepted && session.held.is_zero(), "{session:?}");
    books.close().await.unwrap();
}

#[test]
#[ignore = "the body of a child process"]
fn child_draws_until_killed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let books = named(Sharing::Exclusive);
        let first: u32 = std::env::var(FIRST).unwrap().parse().unwrap();
        books.submit(grant(1, 0, u128::from(u64::MAX))).await.unwrap();
        let open = SessionCommand::Open(Box::new(sessions::opening(0, u128::from(u64::MAX))));
        books.change_session(open).await.unwrap();
        for total in first.. {
            // A process before may have been killed after a draw and before it said so.
            let voucher = Some(Box::new(sessions::voucher(0, u128::from(total))));
            let (none, one) = (Amount::ZERO, Amount::new(1));
            let drawn = books.draw(sessions::id(0), sessions::tender(0), voucher, none, one, at(1)).await.unwrap();
            assert!(matches!(drawn, Drawn::Held(_)), "{drawn:?}");
            println!("claimed {total}");
            books.submit_later(Command::Session(sessions::deliver(0, 1, 1))).unwrap();
        }
    });
}

async fn processes_that_share_a_budget_never_exceed_it(place: Place) {
    let children: Vec<_> = (0..10).map(|child_number| child("child_reserves", &place, child_number * 1_000)).collect();
    let mut reserved = 0;
    for mut child in children {
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        reserved += lines.map_while(Result::ok).filter_map(|line| number(&line)).count();
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(reserved, 100, "the cap has room for exactly so many");
    let books = place.open(Sharing::ReadOnly);
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
    assert_eq!(books.reservations("agent", 1_000).await.unwrap().len(), 100);
}

#[test]
#[ignore = "the body of a child process"]
fn child_reserves() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let books = named(Sharing::Shared);
        let first: u32 = std::env::var(FIRST).unwrap().parse().unwrap();
        let reserve = async |number| books.reserve(reservation(number, 10, &[("agent/total", 1_000)])).await.unwrap();
        for number in first..first + 20 {
            match reserve(number).await {
                ReserveOutcome::Reserved => println!("reserved {number}"),
                ReserveOutcome::Exceeded { .. } => {}
                other => panic!("{number}: {other:?}"),
            }
        }
    });
}

fn child(test: &str, books: &Place, first: u32) -> std::process::Child {
    Process::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(BOOKS, books.address())
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The books that a child was told of.
fn named(sharing: Sharing) -> Books {
    let place: Location = std::env::var(BOOKS).unwrap().parse().unwrap();
    Books::open(place, sharing).unwrap()
}

/// The number of a whole line `claimed 17`; a line cut off by the kill says nothing.
fn number(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("claimed ").or_else(|| line.split_once("reserved "))?;
    rest.parse().ok()
}
