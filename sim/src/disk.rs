//! The store of a process: real books and real SQL, written when the dice say.

use std::sync::Arc;
use std::time::Duration;

use farthing_store::{BEAT, Books, Engine, Fate, StoreError};
use tokio::time::Instant;

use crate::faults::Fault;
use crate::world::{Life, Node, World};

/// The longest that a slow disk takes.
const SLOW: Duration = Duration::from_secs(3);
/// How long a batch waits for a store that is not reached, before it is refused.
const PATIENCE: Duration = Duration::from_secs(7);

/// Opens the books of this name for one life of a process. What it did not make durable dies with it.
pub fn open(world: &Arc<World>, life: &Life, name: &str) -> Result<Books, StoreError> {
    let (books, engine) = Books::by_hand(name)?;
    tokio::spawn(Disk::new(world, life, engine).work(None));
    Ok(books)
}

/// Opens the gateways' books of this name for one life of one of them. Somebody else sees what becomes durable.
pub fn open_as_node(world: &Arc<World>, life: &Life, name: &str, seen: Books) -> Result<Books, StoreError> {
    let is_shared = world.scenario.gateways > 1;
    let time = world.now(Node::Store);
    let (books, engine) = if is_shared { Books::by_hand_among_others(name, time)? } else { Books::by_hand(name)? };
    let disk = Disk {
        standing: is_shared.then(|| Standing { next: Instant::now() + BEAT, node: engine.node() }),
        ..Disk::new(world, life, engine)
    };
    tokio::spawn(disk.work(Some(seen)));
    Ok(books)
}

/// What one life of a process writes with.
struct Disk {
    world: Arc<World>,
    life: Life,
    engine: Engine,
    /// Where several processes share the books.
    standing: Option<Standing>,
}

/// One of several processes that share books.
#[derive(Clone, Copy)]
struct Standing {
    /// When it shows again that it lives.
    next: Instant,
    /// The number that it is known by.
    node: i64,
}

impl Disk {
    fn new(world: &Arc<World>, life: &Life, engine: Engine) -> Self {
        Self { world: Arc::clone(world), life: life.clone(), engine, standing: None }
    }

    async fn work(mut self, seen: Option<Books>) {
        loop {
            let next = self.standing.map(|standing| standing.next);
            let beat = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = beat => self.beat().await,
                waits = self.engine.wait() => match waits {
                    true => self.commit(seen.as_ref()).await,
                    false => return,
                }
            }
        }
    }

    /// Shows that it lives, where the store is reached.
    async fn beat(&mut self) {
        self.life.gate().await;
        if self.world.parted_until(self.life.node, Node::Store).is_some() {
            self.life.is_cut_off();
        } else {
            self.engine.beat(self.world.now(Node::Store));
        }
        self.recognise();
        if let Some(standing) = &mut self.standing {
            standing.next = Instant::now() + BEAT;
        }
    }

    /// Notes when it finds itself a stranger among those that share the books.
    fn recognise(&mut self) {
        let node = self.engine.node();
        let Some(standing) = self.standing.as_mut().filter(|standing| standing.node != node) else { return };
        standing.node = node;
        self.world.fault(self.life.node, Fault::TakenForDead);
        self.world.note(self.life.node, format_args!("goes on as another, number {node}"));
    }

    async fn commit(&mut self, seen: Option<&Books>) {
        let slow = self.world.strikes(|weather| weather.slow_disk);
        let longest = if slow { SLOW } else { self.world.scenario.disk };
        if slow {
            self.world.fault(self.life.node, Fault::SlowDisk);
        }
        // Not even for nothing: a timer of no length rings a millisecond later.
        let takes = self.world.dice.up_to(longest);
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        self.world.effect(&self.life, "commits").await;
        let fate = self.fate().await;
        let size = self.engine.commit(fate);
        self.world.note(self.life.node, format_args!("{size} commands: {fate:?}"));
        self.recognise();
        if let Some(books) = seen {
            look(&self.world, books).await;
        }
        // What was made durable is in the books, and nobody hears of it.
        self.world.may_die(&self.life);
        self.life.gate().await;
    }

    async fn fate(&mut self) -> Fate {
        if let Some(healed) = self.reached_again() {
            let given_up = Instant::now() + PATIENCE;
            tokio::time::sleep_until(healed.min(given_up)).await;
            self.life.gate().await;
            if healed > given_up {
                return Fate::Lost;
            }
        }
        if !self.world.strikes(|weather| weather.commit) {
            return Fate::Durable;
        }
        let (fault, fate) = match self.world.dice.below(2) {
            0 => (Fault::CommitLost, Fate::Lost),
            _ => (Fault::CommitUnanswered, Fate::Unanswered),
        };
        self.world.fault(self.life.node, fault);
        fate
    }

    /// When a shared store is reached again; nothing when it is.
    fn reached_again(&self) -> Option<Instant> {
        self.standing?;
        let healed = self.world.parted_until(self.life.node, Node::Store)?;
        self.life.is_cut_off();
        Some(healed)
    }
}

/// Shows the auditor what is new in the ledger.
pub async fn look(world: &World, books: &Books) {
    let after = world.audit(|auditor| auditor.ledger.read_to());
    match books.transfers(after, u32::MAX).await {
        Ok(transfers) => world.audit(|auditor| auditor.posted(&transfers)),
        Err(error) => world.audit(|auditor| auditor.found(format!("the ledger cannot be read: {error}"))),
    }
}
