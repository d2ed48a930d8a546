//! Processes that pay out of one wallet: real clients over real budgets, that die and start again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farthing_rail::simulated::SimulatedPayer;
use farthing_rail::{Answer, Approved, NotPayable, Offer, Payer, PaymentId, Quote, SignError, Signed};
use farthing_rail_balance::{BalancePayer, BalanceSessionPayer};
use farthing_wallet::client::{NotPaid, Settings, Unconfirmed};
use farthing_wallet::{Ambient, PayingClient, PayingLayer, Wallet};
use http_body_util::Full;
use tokio::task::JoinSet;
use tower::{Layer as _, ServiceExt as _};

use crate::audit::Outcome;
use crate::line::Line;
use crate::purse::{Purse, end_sessions};
use crate::scenario::{Goods, Order};
use crate::seller::{ORIGIN, Sellers};
use crate::world::{Life, Node, World};
use crate::{Broken, disk};

/// The longest that a dead process stays dead, and that a buyer waits before the same call again.
const RESTART: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(10);

/// The processes of a run that pay.
pub struct Buyers {
    /// Where it happens.
    pub world: Arc<World>,
    /// Who is paid.
    pub sellers: Arc<Sellers>,
    /// Out of what.
    pub wallet: Wallet,
    /// What the budgets' store is called in this process.
    pub budgets: String,
}

impl Buyers {
    /// Buys everything that a process is to buy, over all its lives.
    pub async fn run(self: Arc<Self>, number: usize, orders: Vec<Order>) -> Result<(), Broken> {
        let mut open = orders;
        while !open.is_empty() {
            let life = self.world.born(Node::Wallet(number));
            let client = self.client(&life)?;
            let mut calls = JoinSet::new();
            if self.world.scenario.at_once {
                for order in open.clone() {
                    calls.spawn(Self::buy_all(Arc::clone(&self), life.clone(), client.clone(), vec![order]));
                }
            } else {
                calls.spawn(Self::buy_all(Arc::clone(&self), life.clone(), client.clone(), open.clone()));
            }
            loop {
                tokio::select! {
                    biased;
                    () = life.ended() => break,
                    called = calls.join_next() => if called.is_none() { break },
                }
            }
            let is_done = self.world.audit(|auditor| open.iter().all(|order| !auditor.is_open(order.number)));
            if is_done && self.world.scenario.ends_sessions && !life.is_over() {
                let line = self.line(&life);
                tokio::select! {
                    biased;
                    () = life.ended() => {}
                    () = end_sessions(&client, &line) => {}
                }
            }
            // The locks of what it was about end with it.
            calls.shutdown().await;
            self.world.kill(&life);
            open.retain(|order| self.world.audit(|auditor| auditor.is_open(order.number)));
            if !open.is_empty() {
                tokio::time::sleep(self.world.dice.up_to(RESTART)).await;
            }
        }
        Ok(())
    }

    fn line(&self, life: &Life) -> Line {
        Line { world: Arc::clone(&self.world), life: life.clone(), sellers: Arc::clone(&self.sellers) }
    }

    fn client(&self, life: &Life) -> Result<PayingClient, Broken> {
        let broken = |error: &dyn std::fmt::Display| Broken(format!("a wallet cannot be opened: {error}"));
        let books = disk::open(&self.world, life, &self.budgets).map_err(|error| broken(&error))?;
        let (clock, chance, node) = (Arc::clone(&self.world), Arc::clone(&self.world), life.node);
        let ambient = Ambient::new(move || clock.now(node)).with_randomness(move |bytes| chance.dice.fill(bytes));
        let wallet = self.wallet.beside(books, ambient);
        let watched = |inner| Arc::new(Watched { world: Arc::clone(&self.world), life: life.clone(), inner }) as Arc<_>;
        let payers = vec![
            watched(Arc::new(BalancePayer::new(wallet.signer())) as Arc<dyn Payer>),
            watched(Arc::new(SimulatedPayer)),
        ];
        let settings = Settings {
            attempts: 4,
            longest_wait: Duration::from_secs(4),
            silence: Duration::from_secs(12),
            ..Settings::default()
        };
        let inner = BalanceSessionPayer::new(wallet.signer());
        let purse = Arc::new(Purse { world: Arc::clone(&self.world), life: life.clone(), inner });
        let client = PayingClient::with_settings(wallet, payers, settings).map_err(|error| broken(&error))?;
        Ok(client.with_session_payers(vec![purse]))
    }

    async fn buy_all(self: Arc<Self>, life: Life, client: PayingClient, orders: Vec<Order>) {
        for order in orders {
            while self.world.audit(|auditor| auditor.is_open(order.number)) {
                match self.buy(&life, &client, order).await {
                    Some(outcome) => {
                        self.world.note(life.node, format_args!("order {}: {outcome:?}", order.number));
                        self.world.audit(|auditor| auditor.concluded(order.number, outcome));
                    }
                    None => tokio::time::sleep(self.world.dice.up_to(AGAIN)).await,
                }
            }
        }
    }

    /// Makes the call once; nothing when the same call must be made again.
    async fn buy(&self, life: &Life, client: &PayingClient, order: Order) -> Option<Outcome> {
        let line = self.line(life);
        let uri = format!("{ORIGIN}/{}/{}", order.goods.path(), order.number);
        let request = http::Request::get(uri).body(Full::new(Bytes::new())).ok()?;
        let called = PayingLayer::without_redirects(client.clone()).layer(line).oneshot(request).await;
        life.gate().await;
        match called {
            Ok(response) if response.extensions().get::<Unconfirmed>().is_none() && response.status().is_success() => {
                Some(Outcome::Bought)
            }
            Ok(response) => {
                self.world.note(life.node, format_args!("order {} failed with {}", order.number, response.status()));
                None
            }
            Err(error) => {
                self.world.note(life.node, format_args!("order {} failed: {error}", order.number));
                match error.downcast_ref::<NotPaid>()? {
                    NotPaid::Refused { rule: Some(_), .. } => Some(Outcome::Denied),
                    NotPaid::NoOffer { .. } => Some(Outcome::Unpayable),
                    NotPaid::Unknown { repeatable: false, .. } => Some(Outcome::GivenUp),
                    // A deposit is more than what is left.
                    NotPaid::Refused { .. } if order.goods == Goods::Drawn && self.world.is_calm() => {
                        Some(Outcome::Unpayable)
                    }
                    _ => None,
                }
            }
        }
    }
}

/// A payer whose key is watched.
struct Watched {
    world: Arc<World>,
    life: Life,
    inner: Arc<dyn Payer>,
}

impl Payer for Watched {
    fn pays(&self) -> (&str, &str) {
        self.inner.pays()
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        self.inner.quote(offer)
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(async move {
            let quote = approved.get();
            let (payment, cost) = (PaymentId::answering(&quote.challenge), quote.cost.millionths());
            self.world.effect(&self.life, format!("signs {payment} for {cost}")).await;
            self.world.audit(|auditor| auditor.signed(payment, cost));
            self.inner.sign(approved).await
        })
    }
}
