//! The store of a process: real books and real SQL, written when the dice say.

use std::sync::Arc;
use std::time::Duration;

use farthing_store::{Books, Engine, Fate, StoreError};

use crate::faults::Fault;
use crate::world::{Life, Node, World};

/// The longest that a slow disk takes.
const SLOW: Duration = Duration::from_secs(3);

/// Opens the books of this name for one life of a process. What it did not make durable dies with it.
pub fn open(world: &Arc<World>, life: &Life, name: &str, seen: Option<Books>) -> Result<Books, StoreError> {
    let (books, engine) = Books::by_hand(name)?;
    tokio::spawn(work(Arc::clone(world), life.clone(), engine, seen));
    Ok(books)
}

async fn work(world: Arc<World>, life: Life, mut engine: Engine, seen: Option<Books>) {
    while engine.wait().await {
        let slow = world.strikes(|weather| weather.slow_disk);
        let longest = if slow { SLOW } else { world.scenario.disk };
        if slow {
            world.fault(life.node, Fault::SlowDisk);
        }
        // Not even for nothing: a timer of no length rings a millisecond later.
        let takes = world.dice.up_to(longest);
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        world.effect(&life, "commits").await;
        let fate = fate(&world, life.node);
        let size = engine.commit(fate);
        world.note(life.node, format_args!("{size} commands: {fate:?}"));
        if let Some(books) = &seen {
            look(&world, books).await;
        }
        // What was made durable is in the books, and nobody hears of it.
        world.may_die(&life);
        life.gate().await;
    }
}

fn fate(world: &World, node: Node) -> Fate {
    if !world.strikes(|weather| weather.commit) {
        return Fate::Durable;
    }
    let (fault, fate) = match world.dice.below(2) {
        0 => (Fault::CommitLost, Fate::Lost),
        _ => (Fault::CommitUnanswered, Fate::Unanswered),
    };
    world.fault(node, fault);
    fate
}

/// Shows the auditor what is new in the ledger.
pub async fn look(world: &World, books: &Books) {
    let after = world.audit(|auditor| auditor.ledger.read_to());
    match books.transfers(after, u32::MAX).await {
        Ok(transfers) => world.audit(|auditor| auditor.posted(&transfers)),
        Err(error) => world.audit(|auditor| auditor.found(format!("the ledger cannot be read: {error}"))),
    }
}
