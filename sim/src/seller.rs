//! Gateways: real ones, that die and start again.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use farthing_books::{Command, TransferId};
use farthing_gateway::config::RailFactory;
use farthing_gateway::serve::{Peer, Speaks};
use farthing_gateway::{Clock, Config, Embedded, Gateway};
use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::{Acceptor, Deposits, PayerId};
use farthing_rail_balance::{Balance, BalanceSession};
use farthing_store::Books;

use crate::network::{self, End};
use crate::rail::{Rail, Truth};
use crate::upstream::Way;
use crate::world::{Life, Node, World};
use crate::{Broken, disk};

/// The longest that a dead gateway stays dead.
const RESTART: Duration = Duration::from_secs(5);
/// Where clients connect.
pub const ORIGIN: &str = "http://127.0.0.1:8402";

/// What the gateways bind their challenges with.
pub const SECRET: &str = "a secret of a simulation, which binds nothing real";

const CONFIGURATION: &str = r#"
[gateway]
listen = "127.0.0.1:8402"
realm = "127.0.0.1"
development = true
secret = { env = "SECRET" }
reconcile = "10s"
[rails.balance]
asset = "USD"
[rails.simulated]

[[route]]
match = "GET /prepaid/{number}"
upstream = "http://127.0.0.1:9"
price = "0.001 USD"
accept = ["balance/charge"]
timeout = "5s"
entitlement = "60s"

[[route]]
match = "GET /charged/{number}"
upstream = "http://127.0.0.1:9"
price = "0.003 USD"
accept = ["simulated/charge"]
timeout = "5s"
settle_timeout = "10s"
entitlement = "60s"

[[route]]
match = "GET /drawn/{number}"
upstream = "http://127.0.0.1:9"
price = "0.0005 USD"
accept = ["balance/session"]
timeout = "5s"
"#;

/// The gateways of a run, on one store.
pub struct Sellers {
    world: Arc<World>,
    truth: Arc<Truth>,
    upstream: Life,
    /// What the store is called in this process.
    store: String,
    /// Sees what is durable, and changes nothing.
    eye: Books,
    open: Mutex<Vec<Option<Serving>>>,
}

/// A gateway that serves: its life, and what it writes with.
type Serving = (Life, Arc<Embedded>, Books);

struct NodeClock {
    world: Arc<World>,
    node: Node,
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        self.world.now(self.node)
    }
}

impl Sellers {
    /// The gateways of this world; none runs yet.
    pub fn new(world: &Arc<World>, store: &str, eye: Books) -> Arc<Self> {
        let open = (0..world.scenario.gateways).map(|_| None).collect();
        Arc::new(Self {
            world: Arc::clone(world),
            truth: Arc::default(),
            upstream: world.born(Node::Upstream),
            store: store.to_owned(),
            eye,
            open: Mutex::new(open),
        })
    }

    /// Starts a gateway, and starts it again whenever it dies.
    pub async fn keep(self: Arc<Self>, number: usize) -> Result<(), Broken> {
        loop {
            let life = self.world.born(Node::Gateway(number));
            let started = tokio::select! {
                biased;
                () = life.ended() => None,
                started = self.start(&life) => Some(started?),
            };
            if let Some((gateway, books)) = started.flatten() {
                self.world.note(life.node, "serves");
                self.put(number, Some((life.clone(), Arc::new(gateway), books)));
                life.ended().await;
                self.put(number, None);
            }
            self.world.kill(&life);
            tokio::time::sleep(self.world.dice.up_to(RESTART)).await;
        }
    }

    /// A gateway, or nothing when its store did not answer.
    async fn start(&self, life: &Life) -> Result<Option<(Embedded, Books)>, Broken> {
        let broken = |error: &dyn std::fmt::Display| Broken(format!("a gateway cannot start: {error}"));
        let books = disk::open_as_node(&self.world, life, &self.store, self.eye.clone()).map_err(|it| broken(&it))?;
        let config = Config::from_text(CONFIGURATION, "simulation", Path::new("."), &|name| {
            (name == "SECRET").then(|| SECRET.to_owned())
        });
        let config = config.map_err(|error| broken(&error))?;
        let clock = NodeClock { world: Arc::clone(&self.world), node: life.node };
        let way = Way { world: Arc::clone(&self.world), life: life.clone(), upstream: self.upstream.clone() };
        let gateway = Gateway::new(config, self.rails(life), books.clone()).clock(Arc::new(clock)).dial(Arc::new(way));
        match gateway.embed().await {
            Ok(gateway) => Ok(Some((gateway, books))),
            Err(farthing_gateway::StartError::Store(error)) => {
                self.world.note(life.node, format_args!("does not start: {error}"));
                Ok(None)
            }
            Err(error) => Err(broken(&error)),
        }
    }

    fn rails(&self, life: &Life) -> RailFactory {
        let (world, truth, life) = (Arc::clone(&self.world), Arc::clone(&self.truth), life.clone());
        Arc::new(move |name, table, context| match name {
            "balance" => {
                let balance = Balance::from_table(table, context.realm.as_str()).map_err(|it| it.to_string())?;
                let session = BalanceSession::on(&balance).map_err(|it| it.to_string())?;
                let session = Acceptor::Session(Arc::new(session), Deposits::InBooks);
                Ok(vec![Acceptor::Prepaid(Arc::new(balance)), session])
            }
            "simulated" => Ok(vec![Acceptor::External(Arc::new(Rail::new(&world, &life, &truth)?))]),
            other => Err(format!("there is no payment method \"{other}\"")),
        })
    }

    fn put(&self, number: usize, gateway: Option<Serving>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = open.get_mut(number) {
            *place = gateway;
        }
    }

    /// Connects a client to one of the gateways.
    pub fn connect(&self, client: &Life) -> std::io::Result<End> {
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let (life, gateway, _) = self.any().ok_or_else(refused)?;
        let (near, far) = network::connect(&self.world, client, &life)?;
        let peer = Peer::new(([10, 0, 0, 1], 4000).into(), false);
        tokio::spawn(async move { gateway.serve(far, Speaks::Http1, peer).await });
        Ok(near)
    }

    /// One of the gateways, if it serves.
    fn any(&self) -> Option<Serving> {
        let count = u64::try_from(self.world.scenario.gateways).unwrap_or(1);
        let number = usize::try_from(self.world.dice.below(count)).unwrap_or(0);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(number).cloned().flatten()
    }

    /// Adds to a balance, through one of the gateways, until one has said that it is done.
    pub async fn top_up(&self, transfer: TransferId, payer: PayerId, asset: Asset, amount: Amount) {
        loop {
            if let Some((life, _, books)) = self.any() {
                let (payer, asset, at) = (payer.clone(), asset.clone(), self.world.now(life.node));
                let asked = books.submit(Command::Grant { id: transfer, payer, asset, amount, at });
                // One that dies never answers.
                let done = tokio::select! {
                    biased;
                    () = life.ended() => false,
                    done = asked => done.is_ok(),
                };
                if done {
                    self.world.note(life.node, format_args!("adds {amount} to a balance"));
                    return self.world.audit(|auditor| auditor.topped_up(transfer));
                }
            }
            tokio::time::sleep(self.world.dice.up_to(RESTART)).await;
        }
    }

    /// Sees what is durable.
    pub fn eye(&self) -> &Books {
        &self.eye
    }
}
