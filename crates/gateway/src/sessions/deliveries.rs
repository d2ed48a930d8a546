//! Writing down what was delivered, a moment after it went out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use farthing_books::{Command, SessionCommand};
use farthing_money::Amount;
use farthing_rail::SessionId;
use tokio::runtime::Handle;

use crate::failpoint::reach;
use crate::route::SharedRoute;
use crate::seller::Seller;

/// Between the last byte and the charge. Bytes that were handed over may not have left yet; a process that dies in
/// between has charged nothing for them, and what one session was given in that time is one write.
const MOMENT: Duration = Duration::from_millis(50);

/// What became of holds within the last moment.
#[derive(Default)]
pub(crate) struct Deliveries(Mutex<HashMap<SessionId, Recent>>);

/// A session that something was delivered of within the last two moments.
#[derive(Default)]
struct Recent {
    waiting: Vec<Delivery>,
    /// All units ever delivered, those included that the books were not told of.
    units: u64,
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
        let is_first = {
            let mut all = seller.sessions.deliveries.0.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = all.is_empty();
            let recent = all.entry(session).or_default();
            recent.units = recent.units.max(before).saturating_add(delivery.units);
            join(&mut recent.waiting, delivery);
            is_first
        };
        if !is_first {
            return;
        }
        if Handle::try_current().is_err() {
            return seller.sessions.deliveries.write_all(seller);
        }
        let shared = Arc::clone(seller);
        seller.spawn(async move {
            while !shared.sessions.deliveries.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                tokio::time::sleep(MOMENT).await;
                shared.sessions.deliveries.write_all(&shared);
            }
        });
    }

    /// How many units were ever delivered, where the books knew of so many.
    pub(super) fn units(&self, session: SessionId, before: u64) -> u64 {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&session).map_or(before, |recent| recent.units.max(before))
    }

    /// Writes down at once what waits of one session.
    pub(super) fn write(&self, seller: &Seller, session: SessionId) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = all.get_mut(&session).map(|recent| std::mem::take(&mut recent.waiting));
        drop(all);
        hand_over(seller, session, waiting.unwrap_or_default());
    }

    /// Writes everything down, and forgets what nothing happened to since the last time.
    fn write_all(&self, seller: &Seller) {
        let mut due = Vec::new();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|session, recent| {
            let waiting = std::mem::take(&mut recent.waiting);
            let is_recent = !waiting.is_empty();
            due.push((*session, waiting));
            is_recent
        });
        drop(all);
        for (session, waiting) in due {
            hand_over(seller, session, waiting);
        }
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
