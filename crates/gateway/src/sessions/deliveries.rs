//! Writing down what was delivered, a moment after it went out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farthing_books::{Command, SessionCommand};
use farthing_money::Amount;
use farthing_rail::SessionId;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::failpoint::reach;
use crate::route::SharedRoute;
use crate::seller::Seller;

/// Between the last byte and the charge. Bytes that were handed over may not have left yet; a process that dies in
/// between has charged nothing for them, and what one session was given in that time is one write.
const MOMENT: Duration = Duration::from_millis(50);

/// How long a session's units are known here after its last delivery: a slow disk may take so long to tell the books.
const REMEMBERED: Duration = Duration::from_secs(30);

/// What became of holds a short while ago.
#[derive(Default)]
pub(crate) struct Deliveries(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    sessions: HashMap<SessionId, Recent>,
    /// Whether a task writes down what waits.
    is_writing: bool,
}

/// A session that something was delivered of a short while ago.
struct Recent {
    waiting: Vec<Delivery>,
    /// All units ever delivered, those included that the books were not told of.
    units: u64,
    last: Instant,
}

/// What became of so much of a hold.
pub(super) struct Delivery {
    pub(super) route: SharedRoute,
    pub(super) held: Amount,
    pub(super) delivered: Amount,
    pub(super) units: u64,
}

impl Deliveries {
    /// Writes a delivery down in a moment, together with the others of that moment. `before` is how many units the
    /// books knew of.
    pub(super) fn add(seller: &Arc<Seller>, session: SessionId, before: u64, delivery: Delivery) {
        let was_writing = {
            let mut memory = seller.sessions.deliveries.lock();
            let none = || Recent { waiting: Vec::new(), units: 0, last: Instant::now() };
            let recent = memory.sessions.entry(session).or_insert_with(none);
            recent.units = recent.units.max(before).saturating_add(delivery.units);
            recent.last = Instant::now();
            join(&mut recent.waiting, delivery);
            std::mem::replace(&mut memory.is_writing, true)
        };
        if was_writing {
            return;
        }
        if Handle::try_current().is_err() {
            while seller.sessions.deliveries.write_all(seller) {}
            return;
        }
        let shared = Arc::clone(seller);
        seller.spawn(async move {
            let is_any = || shared.sessions.deliveries.write_all(&shared);
            tokio::time::sleep(MOMENT).await;
            while is_any() {
                tokio::time::sleep(MOMENT).await;
            }
        });
    }

    /// How many units were ever delivered, where the books knew of so many.
    pub(super) fn units(&self, session: SessionId, before: u64) -> u64 {
        self.lock().sessions.get(&session).map_or(before, |recent| recent.units.max(before))
    }

    /// Writes down at once what waits of one session.
    pub(super) fn write(&self, seller: &Seller, session: SessionId) {
        let waiting = self.lock().sessions.get_mut(&session).map(|recent| std::mem::take(&mut recent.waiting));
        hand_over(seller, session, waiting.unwrap_or_default());
    }

    /// Writes everything down, and forgets what is long over. False, and the task's last time, where nothing waited.
    fn write_all(&self, seller: &Seller) -> bool {
        let mut due = Vec::new();
        let mut memory = self.lock();
        memory.sessions.retain(|session, recent| {
            let waiting = std::mem::take(&mut recent.waiting);
            let is_recent = !waiting.is_empty() || recent.last.elapsed() < REMEMBERED;
            due.extend((!waiting.is_empty()).then_some((*session, waiting)));
            is_recent
        });
        memory.is_writing = !due.is_empty();
        drop(memory);
        let is_any = !due.is_empty();
        for (session, waiting) in due {
            hand_over(seller, session, waiting);
        }
        is_any
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One entry per route, as long as the sums can be written.
fn join(waiting: &mut Vec<Delivery>, delivery: Delivery) {
    let same = waiting.iter_mut().find(|known| Arc::ptr_eq(&known.route, &delivery.route));
    if let Some(same) = same
        && let Some(held) = same.held.checked_add(delivery.held)
        && let Some(delivered) = same.delivered.checked_add(delivery.delivered)
        && let Some(units) = same.units.checked_add(delivery.units)
    {
        *same = Delivery { route: delivery.route, held, delivered, units };
        return;
    }
    waiting.push(delivery);
}

/// Writes deliveries down.
pub(super) fn hand_over(seller: &Seller, session: SessionId, deliveries: impl IntoIterator<Item = Delivery>) {
    for Delivery { route, held, delivered, units } in deliveries {
        reach("before-spend");
        let (route, at) = (route.name.clone(), seller.now());
        seller.later(Command::Session(SessionCommand::Deliver { session, held, delivered, units, route, at }));
        reach("after-spend");
    }
}
