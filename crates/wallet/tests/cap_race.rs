//! The cap, raced for: ten processes over one home try two hundred payments where there is room for a hundred, and
//! half of them are killed, at a step of a payment or wherever they happen to be. What was signed stays within
//! the cap, always; and afterwards the log of decisions says what the counters say.
//!
//! Twenty rounds over all rails; `cargo xtask nightly` runs a thousand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, helpers of the tests included")]
#![allow(clippy::disallowed_methods, reason = "its child processes are told what to do by their environment")]

mod double;
mod session_double;
mod x402_double;

use std::collections::BTreeSet;
use std::hash::BuildHasher as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use farthing_wallet::{Outcome, PayingClient};

const RAIL: &str = "FARTHING_TEST_RAIL";
const HOME: &str = "FARTHING_TEST_HOME";
const URL: &str = "FARTHING_TEST_URL";
const CALLS: &str = "FARTHING_TEST_CALLS";
/// How many rounds in all, over all rails.
const ROUNDS: &str = "FARTHING_ROUNDS";

/// What every payment costs, in millionths, and how many of them the cap has room for.
const PRICE: u64 = 1_000;
const CAP: u64 = 100 * PRICE;
/// `total` and what a session may hold: one payment's worth, so that sessions are opened and added to in a race, too.
const POLICY: &str = "total = \"0.1 USD\"\nper_payment = \"0.001 USD\"\nsession_deposit = \"0.01 USD\"";

fn client(rail: &str, home: &Path) -> PayingClient {
    match rail {
        "balance" => double::client(home),
        "x402" => x402_double::client(home).0,
        _ => session_double::client(home),
    }
}

/// Not a test: what the processes started by the tests below do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paying_process() {
    let variable = |name| std::env::var(name).ok();
    let (Some(rail), Some(home), Some(url), Some(calls)) =
        (variable(RAIL), variable(HOME), variable(URL), variable(CALLS))
    else {
        return;
    };
    let client = client(&rail, Path::new(&home));
    let calls = (0..calls.parse::<usize>().unwrap()).map(|_| {
        let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
        let client = client.clone();
        // What becomes of a call is not asked here: others are killed beside it, in the middle of anything.
        tokio::spawn(async move { matches!(client.pay(request, None).await, Ok(Outcome::Paid { .. })) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

/// One process that makes so many calls at once.
fn start(rail: &str, home: &Path, url: &str, calls: u32, failpoint: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "paying_process"]).env(RAIL, rail).env(HOME, home).env(URL, url);
    if let Some(failpoint) = failpoint {
        command.env("FARTHING_FAILPOINT", failpoint);
    }
    command.env(CALLS, calls.to_string()).env("RUST_BACKTRACE", "0");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Something else each time.
fn random(below: u64) -> u64 {
    std::collections::hash_map::RandomState::new().hash_one(0) % below
}

/// Ten processes with twenty calls each: some die at a step (where steps are built in), some are killed at a
/// random moment, the others come to their end.
async fn race(rail: &'static str, home: &Path, url: &str, steps: &'static [&'static str]) {
    let processes: Vec<_> = (0..10_u64)
        .map(|number| {
            let step = (number % 4 == 1).then(|| steps[usize::try_from(random(steps.len() as u64)).unwrap()]);
            let mut child = start(rail, home, url, 20, step);
            tokio::task::spawn_blocking(move || {
                if number % 4 == 3 {
                    std::thread::sleep(Duration::from_millis(random(1_500)));
                    child.kill().unwrap();
                }
                child.wait().unwrap();
            })
        })
        .collect();
    for process in processes {
        process.await.unwrap();
    }
}

/// What must hold of the wallet afterwards, whatever happened: given what the seller saw signed, in millionths.
async fn check(rail: &str, home: &Path, signed: u64) {
    let client = client(rail, home);
    let (spent, reserved) = double::counted(client.wallet()).await;
    assert!(signed <= CAP && spent + reserved <= CAP, "{rail}: {signed} signed, {spent} spent, {reserved} reserved");
    assert!(signed <= spent + reserved, "{rail}: {signed} signed, {spent} spent, {reserved} reserved");
    let found = double::wallets(home).verify_audit(None).await.unwrap();
    assert_eq!(found.findings, Vec::<String>::new(), "{rail}");
    assert!(found.records > 0);
}

/// One round over one rail.
async fn round(rail: &'static str) {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    double::create(&home, Some(POLICY));
    let signed = match rail {
        "balance" => {
            const STEPS: &[&str] =
                &["wallet-after-reserve", "wallet-after-sign", "wallet-after-send", "wallet-before-confirm"];
            let seller = double::Seller::start().await;
            race(rail, &home, seller.url("/same").as_str(), STEPS).await;
            seller.credentials() as u64 * PRICE
        }
        "x402" => {
            const STEPS: &[&str] =
                &["wallet-after-reserve", "wallet-after-sign", "wallet-after-keep", "wallet-after-send"];
            let shop =
                x402_double::Shop::honest(|origin| x402_double::list(origin, vec![x402_double::entry("1000")])).await;
            race(rail, &home, shop.get("/report").url().as_str(), STEPS).await;
            shop.headers().into_iter().collect::<BTreeSet<_>>().len() as u64 * PRICE
        }
        _ => {
            const STEPS: &[&str] = &[
                "wallet-after-deposit-reserve",
                "wallet-after-open-sign",
                "wallet-after-open-keep",
                "wallet-after-voucher-sign",
                "wallet-after-voucher-keep",
            ];
            let shop = session_double::Shop::start().await;
            race(rail, &home, &format!("{}/same", shop.origin), STEPS).await;
            let channels = shop.channels();
            assert!(channels.iter().all(|channel| channel.spent <= channel.deposit), "{channels:?}");
            channels.iter().map(|channel| u64::try_from(channel.deposit).unwrap()).sum()
        }
    };
    check(rail, &home, signed).await;
}

/// So many of the rounds as fall to one of the rails.
async fn rounds(rail: &'static str, share: u32) {
    let all: u32 = std::env::var(ROUNDS).map_or(20, |rounds| rounds.parse().unwrap());
    for _ in 0..(all * share).div_ceil(20) {
        round(rail).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_25_ten_processes_that_are_killed_never_sign_beyond_the_cap_over_prepaid_balances() {
    rounds("balance", 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_25_ten_processes_that_are_killed_never_sign_beyond_the_cap_by_x402() {
    rounds("x402", 7).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_25_ten_processes_that_are_killed_never_deposit_beyond_the_cap_in_sessions() {
    rounds("sessions", 6).await;
}
