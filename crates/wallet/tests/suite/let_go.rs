//! What was reserved is let go of by one process while another, that signs or dies, is at work on the same thing: sellers
//! never see more than is counted.

#![cfg(feature = "failpoints")]

use crate::double;
use crate::process::{self, Told, told};
use crate::session_double;

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::Duration;

use double::create;
use farthing_protocol::ProblemType;
use session_double::Shop;

const POLICY: &str = "total = \"0.1 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.1 USD\"";
const RELEASED: &str = "wallet-after-release";

/// Not a test: what the processes started by the tests below do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paying_process() {
    let Some(Told { home, url, .. }) = told() else { return };
    let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
    let by_session = session_double::client(&home);
    let client = if url.ends_with("/charge") { double::client(&home) } else { by_session };
    client.pay(request, None).await.unwrap();
}

/// A process that pays once, and where it waits and dies.
struct Payer {
    child: Child,
    holds: Option<PathBuf>,
}

impl Payer {
    fn start(home: &Path, url: &str, holds: Option<(&str, &str)>, dies: Option<&str>) -> Self {
        let mut command = process::itself("let_go::paying_process", home, url);
        let holds = holds.map(|(step, name)| {
            let file = home.with_file_name(name);
            command.env("FARTHING_HOLD", format!("{step}={}", file.display()));
            file
        });
        if let Some(step) = dies {
            command.env("FARTHING_FAILPOINT", step);
        }
        Self { child: command.spawn().unwrap(), holds }
    }

    /// Until it waits at its step.
    async fn comes(&mut self) {
        while !self.holds.as_ref().unwrap().exists() {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended before it came to its step");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn goes_on(&self) {
        std::fs::remove_file(self.holds.as_ref().unwrap()).unwrap();
    }

    async fn end(self) -> ExitStatus {
        process::end(self.child).await
    }
}

fn home() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    create(&home, Some(POLICY));
    (directory, home)
}

/// Counted, and what the deposits are that were taken.
async fn counted_and_deposited(home: &Path, shop: &Shop) -> (u64, u128) {
    let (spent, reserved) = double::counted(double::client(home).wallet()).await;
    (spent + reserved, shop.channels().iter().map(|channel| channel.deposit).sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_25_a_deposit_signed_since_it_was_looked_at_by_a_process_that_then_dies_stays_counted() {
    let (shop, (_directory, home)) = (Shop::start().await, home());
    let (one, two) = (format!("{}/one", shop.origin), format!("{}/two", shop.origin));
    let mut dying =
        Payer::start(&home, &one, Some(("wallet-after-deposit-reserve", "dying")), Some("wallet-after-send"));
    dying.comes().await;
    // It sees an opening that is not signed, and then nothing for a while.
    let mut other = Payer::start(&home, &two, Some(("wallet-after-unsigned-seen", "other")), None);
    other.comes().await;
    dying.goes_on();
    assert!(dying.end().await.signal().is_some(), "it did not die");
    assert_eq!(counted_and_deposited(&home, &shop).await, (10_000, 10_000), "the deposit was signed and taken");
    other.goes_on();
    assert!(other.end().await.success());
    assert_eq!(counted_and_deposited(&home, &shop).await, (10_000, 10_000), "{:?}", shop.shown());
    assert_eq!(shop.channel().spent, 2_000, "both were served: {:?}", shop.shown());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_25_a_deposit_that_was_refused_and_let_go_of_is_never_presented_again() {
    let (shop, (_directory, home)) = (Shop::start().await, home());
    let url = format!("{}/same", shop.origin);
    shop.will([session_double::Act::Refuse(ProblemType::PaymentInsufficient)]);
    assert!(Payer::start(&home, &url, None, Some(RELEASED)).end().await.signal().is_some(), "it did not die");
    assert_eq!(counted_and_deposited(&home, &shop).await, (0, 0));
    assert!(Payer::start(&home, &url, None, None).end().await.success());
    assert_eq!(counted_and_deposited(&home, &shop).await, (10_000, 10_000), "{:?}", shop.shown());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_25_a_payment_that_was_refused_and_let_go_of_is_never_presented_again() {
    let (seller, (_directory, home)) = (double::Seller::start().await, home());
    let url = seller.url("/charge").to_string();
    seller.will([double::Act::Refuse(ProblemType::PaymentInsufficient)]);
    assert!(Payer::start(&home, &url, None, Some(RELEASED)).end().await.signal().is_some(), "it did not die");
    assert_eq!(double::counted(double::client(&home).wallet()).await, (0, 0));
    assert!(Payer::start(&home, &url, None, None).end().await.success());
    assert_eq!((double::counted(double::client(&home).wallet()).await, seller.charges()), ((1_000, 0), 1));
}
