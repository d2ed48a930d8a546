//! A gateway, its upstream and its clients in one process: real sockets, real books on disk.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test file uses its own part")]

pub mod chain;
pub mod client;
pub mod faulty;
pub mod payer;
pub mod prepaid;
pub mod session;
pub mod upstream;
pub mod vault;
pub mod x402;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farthing_books::{AccountId, AccountKind, Command, Outcome, PaymentRecord, TransferId};
use farthing_gateway::config::{RailFactory, SignerFactory};
use farthing_gateway::{Clock, Config, Gateway, Running};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::simulated::{Memory, Script, SimulatedRail, Surroundings};
use farthing_rail::{Acceptor, PayerId};
use farthing_store::{Books, Sharing};
use tempfile::TempDir;

pub use client::{Answer, Client};

pub use faulty::Faults;
use faulty::Faulty;
pub use upstream::{Reply, Upstream, feed};

/// A clock that tests move.
#[derive(Clone, Default)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub fn turn_back(&self, by: Duration) {
        self.0.fetch_sub(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Everything a test needs.
pub struct World {
    pub directory: TempDir,
    pub upstream: Upstream,
    pub books: Books,
    pub running: Running,
    pub clock: TestClock,
    pub memory: Arc<Memory>,
    pub faults: Arc<Faults>,
    pub chain: Arc<chain::Chain>,
    pub vault: Arc<session::Vault>,
}

/// How a world is set up.
pub struct Setup {
    /// Routes and more, appended to the `[gateway]` and `[rails]` tables.
    pub routes: String,
    pub gateway: String,
    pub script: Script,
    pub signers: Option<SignerFactory>,
}

pub const PAID: &str = r#"
[[route]]
match = "GET,POST /paid/{name}"
upstream = "UPSTREAM"
price = "0.001 USD"
accept = ["double/charge", "simulated/charge"]
"#;

pub const SECRET: &str = "a binding secret for tests, long enough to bind";

impl Setup {
    pub fn with_routes(routes: &str) -> Self {
        Self { routes: routes.to_owned(), gateway: String::new(), script: Script::honest(), signers: None }
    }

    pub async fn start(self) -> World {
        self.try_start().await.unwrap()
    }

    /// Starts, or says why not.
    pub async fn try_start(self) -> Result<World, String> {
        let directory = tempfile::tempdir().unwrap();
        let upstream = Upstream::start().await;
        let text = configuration(&self.gateway, &self.routes, upstream.address);
        let path = directory.path().join("farthing.toml");
        std::fs::write(&path, text).unwrap();
        let books = Books::open(&directory.path().join("books.db"), Sharing::Exclusive).unwrap();
        let clock = TestClock(Arc::new(AtomicI64::new(1_800_000_000_000)));
        let memory = Arc::new(Memory::default());
        let faults = Arc::new(Faults::default());
        let chain = Arc::new(chain::Chain::default());
        let rails = rails(self.script, Arc::clone(&memory), Arc::clone(&faults), clock.clone());
        let rails = with_chain(rails, Arc::clone(&chain), clock.clone());
        let vault = Arc::new(session::Vault::default());
        let rails = with_sessions(rails, Arc::clone(&vault));
        let config = Config::load(&path, Arc::new(|_: &str| None)).map_err(|error| error.to_string())?;
        let mut gateway = Gateway::new(config, rails, books.clone()).clock(Arc::new(clock.clone()));
        if let Some(signers) = self.signers {
            gateway = gateway.signers(signers);
        }
        let running = gateway.run().await.map_err(|error| error.to_string())?;
        Ok(World { directory, upstream, books, running, clock, memory, faults, chain, vault })
    }
}

pub fn configuration(gateway: &str, routes: &str, upstream: SocketAddr) -> String {
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nrealm = \"test\"\ndevelopment = true\n\
         secret = \"{SECRET}\"\ndrain = \"2s\"\n{gateway}\n[rails.double]\n[rails.simulated]\n{routes}\n"
    );
    text.replace("UPSTREAM", &format!("http://{upstream}"))
}

pub fn rails(script: Script, memory: Arc<Memory>, faults: Arc<Faults>, clock: TestClock) -> RailFactory {
    let script = Mutex::new(Some(script));
    let simulated: Mutex<Option<Arc<Faulty>>> = Mutex::new(None);
    Arc::new(move |name, _table, _context| match name {
        "double" => Ok(vec![Acceptor::Prepaid(Arc::new(prepaid::Prepaid::new()))]),
        "simulated" => {
            let mut built = simulated.lock().unwrap();
            let rail = built.get_or_insert_with(|| {
                let clock = clock.clone();
                let surroundings = Surroundings {
                    now: Box::new(move || clock.now()),
                    sleep: Box::new(|wait| Box::pin(tokio::time::sleep(wait))),
                    late_by: Duration::from_secs(2),
                };
                let script = script.lock().unwrap().take().unwrap();
                let rail = SimulatedRail::new(script, Arc::clone(&memory), surroundings).unwrap();
                Arc::new(Faulty { rail, faults: Arc::clone(&faults) })
            });
            Ok(vec![Acceptor::External(Arc::clone(rail) as Arc<_>)])
        }
        other => Err(format!("there is no payment method \"{other}\"")),
    })
}

/// The same, and the scripted chain as `evm`.
pub fn with_chain(rails: RailFactory, chain: Arc<chain::Chain>, clock: TestClock) -> RailFactory {
    Arc::new(move |name, table, context| match name {
        "evm" => Ok(chain::methods(&chain, &clock)),
        other => rails(other, table, context),
    })
}

/// The same, and the double's sessions as `channel` and `purse`.
pub fn with_sessions(rails: RailFactory, vault: Arc<session::Vault>) -> RailFactory {
    Arc::new(move |name, table, context| match name {
        session::CHANNEL | session::PURSE | session::LASTING => Ok(session::methods(name, &vault)),
        other => rails(other, table, context),
    })
}

impl World {
    pub async fn start() -> Self {
        Setup::with_routes(PAID).start().await
    }

    /// Now, by the gateway's clock.
    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Another gateway on the same books, with the same configuration.
    pub async fn another_node(&self) -> Running {
        let config = Config::load(&self.path().join("farthing.toml"), Arc::new(|_: &str| None)).unwrap();
        let rails = rails(Script::honest(), Arc::clone(&self.memory), Arc::clone(&self.faults), self.clock.clone());
        let rails = with_sessions(rails, Arc::clone(&self.vault));
        Gateway::new(config, rails, self.books.clone()).clock(Arc::new(self.clock.clone())).run().await.unwrap()
    }

    /// A client that pays from the prepaid double as this payer.
    pub fn client(&self, payer: &str) -> Client {
        Client::new(self.running.addresses().public, payer)
    }

    pub fn admin(&self) -> Client {
        Client::new(self.running.addresses().admin.unwrap(), "operator")
    }

    /// Puts millionths of a dollar into a payer's balance.
    pub async fn fund(&self, payer: &str, units: u128) {
        let mut id = [0; 16];
        rand::fill(&mut id[..]);
        let grant = Command::Grant {
            id: TransferId(id),
            payer: PayerId::new(payer),
            asset: prepaid::asset(),
            amount: Amount::new(units),
            at: self.clock.now(),
        };
        assert_eq!(self.books.submit(grant).await.unwrap(), Outcome::Transferred);
    }

    /// What a payer's balance holds.
    pub async fn balance(&self, payer: &str) -> u128 {
        let id = AccountId { kind: AccountKind::Payer(PayerId::new(payer)), asset: prepaid::asset() };
        let account = self.books.account(&id).await.unwrap();
        account.map_or(0, |account| account.credits.units() - account.debits.units())
    }

    /// The payment that answers a challenge.
    pub async fn payment(&self, answer: &Answer) -> Option<PaymentRecord> {
        self.books.payment_of(&answer.challenge()).await.unwrap()
    }

    /// Waits until a payment stands as wanted.
    pub async fn until(&self, answer: &Answer, wanted: farthing_books::PaymentState) -> PaymentRecord {
        for _ in 0..200 {
            if let Some(record) = self.payment(answer).await
                && record.state == wanted
            {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the payment is {:?}, not {wanted:?}", self.payment(answer).await.map(|record| record.state));
    }

    /// Makes every change of a payment fail, as on a full disk; new claims are still taken.
    pub fn break_books(&self) {
        self.beside("CREATE TRIGGER full BEFORE UPDATE ON payments BEGIN SELECT RAISE(ABORT, 'no room'); END;");
    }

    pub fn mend_books(&self) {
        self.beside("DROP TRIGGER full;");
    }

    /// Makes every change of a session fail.
    pub fn break_sessions(&self) {
        self.beside("CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'no room'); END;");
    }

    pub fn mend_sessions(&self) {
        self.mend_books();
    }

    fn beside(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path().join("books.db")).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// The books hold together.
    pub async fn verify(&self) {
        let verification = self.books.verify().await.unwrap();
        assert!(verification.findings.is_empty(), "{:?}", verification.findings);
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}
