//! Processes of several machines die, stop and lose the server in the middle of a session's opening: what they reserved is
//! let go of by another machine, and never what a living one is at.

#![cfg(feature = "failpoints")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, helpers of the tests included")]

mod double;
mod machines;
mod session_double;

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use double::{Seller, client};
use farthing_testing_postgres::shared;
use farthing_wallet::{Outcome, PayingClient};
use machines::Machines;
use rustix::process::{Pid, Signal, kill_process};
use session_double::Shop;

const HOME: &str = "FARTHING_TEST_HOME";
const URL: &str = "FARTHING_TEST_URL";
const POLICY: &str = "total = \"1 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.5 USD\"";
/// A deposit is counted, and nothing is signed yet.
const RESERVED: &str = "wallet-after-deposit-reserve";
const DEPOSIT: u64 = 10_000;

/// Not a test: what the processes started by the tests below do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paying_process() {
    let (Some(home), Some(url)) = (std::env::var_os(HOME), std::env::var_os(URL)) else { return };
    let url = url.into_string().unwrap().parse().unwrap();
    let client = session_double::client(&PathBuf::from(home));
    client.pay(reqwest::Request::new(reqwest::Method::GET, url), None).await.unwrap();
}

/// A process of a machine that opens a session with a shop.
struct Opening {
    child: Child,
    holds: PathBuf,
}

impl Opening {
    /// It waits where its deposit is counted, or dies there.
    fn start(home: &Path, shop: &Shop, dies: bool) -> Self {
        let holds = home.join("holds");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "paying_process", "--nocapture"]);
        command.env(HOME, home).env(URL, format!("{}/same", shop.origin)).env("RUST_BACKTRACE", "0");
        match dies {
            true => command.env("FARTHING_FAILPOINT", RESERVED),
            false => command.env("FARTHING_HOLD", format!("{RESERVED}={}", holds.display())),
        };
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, holds }
    }

    async fn comes_to_its_step(&mut self) {
        while !self.holds.exists() {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended before it came to its step");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    async fn goes_on(mut self) -> ExitStatus {
        std::fs::remove_file(&self.holds).unwrap();
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap()
    }

    async fn dies(mut self) {
        let status = tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap();
        assert!(status.signal().is_some(), "it did not die");
    }
}

/// A machine that pays on and looks after what others left, until so much is reserved in all.
async fn until_reserved(paying: &PayingClient, seller: &Seller, wanted: u64) {
    for _ in 0..6_000 {
        // On a busy machine the server may take longer over a batch than a wallet waits.
        let outcome = paying.pay(seller.get("/same"), None).await;
        assert!(matches!(outcome, Ok(Outcome::Paid { .. }) | Err(_)), "{outcome:?}");
        let (_, reserved) = double::counted(paying.wallet()).await;
        if reserved == wanted {
            return;
        }
        assert!(reserved > wanted, "what a living process reserved was let go of: {reserved}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("what the dead one reserved is never let go of");
}

fn deposited(shops: &[&Shop]) -> u128 {
    shops.iter().flat_map(|shop| shop.channels()).map(|channel| channel.deposit).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_43_what_a_dead_machine_reserved_is_let_go_of_and_not_what_a_living_or_a_stopped_one_did() {
    let machines = Machines::new(4, Some(POLICY));
    let (living, stopped, dead) = (Shop::start().await, Shop::start().await, Shop::start().await);
    let mut living_process = Opening::start(&machines.home(0), &living, false);
    let mut stopped_process = Opening::start(&machines.home(1), &stopped, false);
    living_process.comes_to_its_step().await;
    stopped_process.comes_to_its_step().await;
    stopped_process.signal(Signal::STOP);
    Opening::start(&machines.home(2), &dead, true).dies().await;
    let (paying, seller) = (client_that_looks(&machines.home(3)), Seller::start().await);
    assert_eq!(double::counted(paying.wallet()).await, (0, 3 * DEPOSIT));

    until_reserved(&paying, &seller, 2 * DEPOSIT).await;
    stopped_process.signal(Signal::CONT);
    assert!(stopped_process.goes_on().await.success());
    assert!(living_process.goes_on().await.success());
    let (_, reserved) = double::counted(paying.wallet()).await;
    assert_eq!((u128::from(reserved), deposited(&[&dead])), (deposited(&[&living, &stopped]), 0));
    assert_eq!(reserved, 2 * DEPOSIT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_43_a_process_that_was_taken_for_dead_sends_nothing_that_is_not_counted() {
    let machines = Machines::new(2, Some(POLICY));
    let (shop, seller) = (Shop::start().await, Seller::start().await);
    let mut late = Opening::start(&machines.home(0), &shop, false);
    late.comes_to_its_step().await;
    late.signal(Signal::STOP);
    // The server loses it, as when the network between them is gone for long.
    let pids = "SELECT count(pg_terminate_backend(backend::int)) FROM";
    let schema = machines.address.split_once("schema=").unwrap().1;
    assert_eq!(shared().run(&format!("{pids} {schema}.wallet_processes")).unwrap(), "1");
    let paying = client_that_looks(&machines.home(1));
    until_reserved(&paying, &seller, 0).await;

    late.signal(Signal::CONT);
    // It begins anew, or gives up: what it had begun is not its own any more.
    late.goes_on().await;
    let (_, reserved) = double::counted(paying.wallet()).await;
    assert!(deposited(&[&shop]) <= u128::from(reserved), "{:?}", shop.shown());
    assert!(shop.channels().len() <= 1, "{:?}", shop.shown());
}

/// One that pays by charges, and could by sessions: so it looks after those that others left.
fn client_that_looks(home: &Path) -> PayingClient {
    let sessions = farthing_rail_balance::BalanceSessionPayer::new(double::open(home).signer());
    client(home).with_session_payers(vec![std::sync::Arc::new(sessions)])
}
