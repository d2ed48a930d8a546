//! A process that dies at every step of a session: deposits are made once, what was signed for is kept, nobody is
//! charged for more than was delivered, and nothing is collected twice.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;

use std::time::Duration;

use farthing_books::{AccountId, AccountKind, Command, SessionRecord, SessionState, TransferId};
use farthing_gateway::failpoint::SESSION_STEPS;
use farthing_gateway::{Config, Gateway};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::PayerId;
use farthing_rail::simulated::Script;
use farthing_store::{Books, Sharing};
use http::{Method, StatusCode};

use crate::support::payer::Payer;
use crate::support::session::{CHANNEL, PURSE, Vault, session_of};
use crate::support::{Answer, Client, TestClock, Upstream, configuration, prepaid, rails, with_sessions};
use crate::{PATH, PRICE, ROUTES};

const DIRECTORY: &str = "FARTHING_CRASH_DIRECTORY";
const BALANCE: u128 = 1_000;
/// What a deposit in the books, and its collection, never reaches.
const ESCROW_ONLY: [&str; 6] =
    ["before-deposit", "after-deposit", "after-deposited", "before-collect", "after-collect", "after-collected"];

/// The gateway that dies: this very program, told to be one.
#[expect(clippy::disallowed_methods, reason = "what the parent tells its child")]
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_its_own() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let config = Config::load(&directory.join("farthing.toml"), Arc::new(|_: &str| None)).unwrap();
    let books = Books::open(&directory.join("books.db"), Sharing::Exclusive).unwrap();
    let grant = Command::Grant {
        id: TransferId([7; 16]),
        payer: PayerId::new("alice"),
        asset: prepaid::asset(),
        amount: Amount::new(BALANCE),
        at: Timestamp::from_unix_millis(0),
    };
    books.submit(grant).await.unwrap();
    let rails = rails(Script::honest(), Arc::default(), Arc::default(), TestClock::default());
    let rails = with_sessions(rails, Arc::new(Vault::kept_in(&directory.join("vault.txt"))));
    let running = Gateway::start(config, rails, books).await.unwrap();
    println!("\nlistening {}", running.addresses().public);
    std::future::pending::<()>().await;
}

/// A process that is killed when it goes out of sight.
struct Node {
    child: Child,
    address: SocketAddr,
}

impl Node {
    fn start(directory: &Path, dies_at: Option<&str>) -> Self {
        let mut process = Process::new(std::env::current_exe().unwrap());
        process.args(["--exact", "crash::a_gateway_of_its_own", "--nocapture"]).env(DIRECTORY, directory);
        process.env("FARTHING_FAILPOINT", dies_at.unwrap_or("none")).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = process.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.into_iter().find_map(|line| line.strip_prefix("listening ").map(str::to_owned));
        Self { child, address: address.unwrap().parse().unwrap() }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A payer that meets one crash and goes on with whoever comes next.
struct Persistent<'a> {
    directory: &'a Path,
    node: Node,
    has_crashed: bool,
}

impl Persistent<'_> {
    /// Sends until the outcome is known; after the crash, to the next process.
    async fn send(&mut self, method: Method, credential: &str) -> Answer {
        for _ in 0..600 {
            let client = Client::new(self.node.address, "alice");
            match client.try_send(method.clone(), PATH, &[("authorization", credential)], "").await {
                Ok(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE => return answer,
                Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(reason) => {
                    assert!(!self.has_crashed, "it dies once: {reason}");
                    self.has_crashed = true;
                    self.node.child.wait().unwrap();
                    self.node = Node::start(self.directory, None);
                }
            }
        }
        panic!("the outcome stays unknown")
    }

    async fn get(&mut self, credential: &str) -> StatusCode {
        self.send(Method::GET, credential).await.status
    }

    async fn bring(&mut self, credential: &str) -> StatusCode {
        self.send(Method::POST, credential).await.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g_07_a_session_survives_a_crash_at_every_step() {
    for method in [PURSE, CHANNEL] {
        for step in SESSION_STEPS.iter().chain(["before-upstream", "after-upstream"].iter()) {
            if method == CHANNEL || !ESCROW_ONLY.contains(step) {
                crash_and_go_on(method, step).await;
            }
        }
    }
}

async fn crash_and_go_on(method: &str, step: &str) {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let text = configuration("", ROUTES, upstream.address);
    std::fs::write(directory.path().join("farthing.toml"), text).unwrap();
    let node = Node::start(directory.path(), Some(step));
    let payer = Payer::asking(Client::new(node.address, "alice"), PATH, method, "alice", "c1").await;
    let mut persistent = Persistent { directory: directory.path(), node, has_crashed: false };

    let opened = persistent.get(&payer.open(100, PRICE)).await;
    if opened == StatusCode::PAYMENT_REQUIRED {
        // Claimed, and not asked for before the end of the process: the rail says that it is not there.
        assert!(method == CHANNEL && ["after-open", "before-deposit"].contains(&step), "{method} {step}");
        drop(persistent);
        assert_eq!(Vault::kept_in(&directory.path().join("vault.txt")).times("deposit"), 0);
        return;
    }
    assert_eq!(opened, StatusCode::OK, "{method} {step}");
    assert_eq!(persistent.get(&payer.voucher(40)).await, StatusCode::OK, "{method} {step}");
    let added = persistent.bring(&payer.top_up(50, "k")).await;
    let not_put_in = method == CHANNEL && step == "after-top-up";
    assert_eq!(
        added,
        if not_put_in { StatusCode::PAYMENT_REQUIRED } else { StatusCode::NO_CONTENT },
        "{method} {step}"
    );
    assert_eq!(persistent.get(&payer.voucher(60)).await, StatusCode::OK, "{method} {step}");
    assert_eq!(persistent.bring(&payer.close(60)).await, StatusCode::NO_CONTENT, "{method} {step}");
    assert!(persistent.has_crashed, "{method} {step}: nothing passes here");
    drop(persistent);

    let books = Books::open(&directory.path().join("books.db"), Sharing::Exclusive).unwrap();
    let record = books.session(session_of(method, "c1")).await.unwrap().unwrap();
    judge(&record, step, upstream.hits());
    assert!(books.verify().await.unwrap().findings.is_empty(), "{method} {step}");
    if method == PURSE {
        let id = AccountId { kind: AccountKind::Payer(PayerId::new("alice")), asset: prepaid::asset() };
        let account = books.account(&id).await.unwrap().unwrap();
        let balance = account.credits.units() - account.debits.units();
        assert_eq!(balance, BALANCE - record.spent.units(), "{step}: the rest came back");
        return;
    }
    let vault = Vault::kept_in(&directory.path().join("vault.txt"));
    let standing = vault.standing_of("c1").unwrap();
    assert_eq!((standing.settled, standing.closed), (record.spent, true), "{step}");
    assert_eq!(standing.deposit.units(), if not_put_in { 100 } else { 150 }, "{step}: each deposit is made once");
    assert_eq!(vault.times("settle"), 1, "{step}: collected once");
}

/// Three requests were answered. The one that the process died in was perhaps served twice, and what went out in its
/// last moment is charged to nobody.
fn judge(record: &SessionRecord, step: &str, hits: usize) {
    assert_eq!(record.state, SessionState::Closed, "{step}");
    assert!([0, 20, 40, 60].contains(&record.spent.units()), "{step}: {record:?}");
    assert!((3..=4).contains(&hits), "{step}: {hits}");
    assert!(record.held.is_zero() && record.spent <= record.accepted && record.accepted <= record.deposit, "{step}");
}
