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
pub(crate) struct Deliveries(Mutex<HashMap<SessionId, Vec<Delivery>>>);

/// What became of so much of a hold.
pub(super) struct Delivery {
    pub(super) route: SharedRoute,
    pub(super) held: Amount,
    pub(super) delivered: Amount,
    pub(super) units: u64,
}

impl Deliveries {
    /// Writes a delivery down in a moment, together with the others of that moment.
    pub(super) fn add(seller: &Arc<Seller>, session: SessionId, delivery: Delivery) {
        let is_first = {
            let mut waiting = seller.sessions.deliveries.0.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = waiting.is_empty();
            join(waiting.entry(session).or_default(), delivery);
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
            tokio::time::sleep(MOMENT).await;
            shared.sessions.deliveries.write_all(&shared);
        });
    }

    /// How many units wait to be written down.
    pub(super) fn units(&self, session: SessionId) -> u64 {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get(&session).into_iter().flatten().map(|delivery| delivery.units).sum()
    }

    /// Writes down at once what waits of one session.
    pub(super) fn write(&self, seller: &Seller, session: SessionId) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
        hand_over(seller, session, waiting.unwrap_or_default());
    }

    fn write_all(&self, seller: &Seller) {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (session, deliveries) in waiting {
            hand_over(seller, session, deliveries);
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

fn hand_over(seller: &Seller, session: SessionId, deliveries: Vec<Delivery>) {
    for Delivery { route, held, delivered, units } in deliveries {
        reach("before-spend");
        let (route, at) = (route.name.clone(), seller.now());
        seller.later(Command::Session(SessionCommand::Deliver { session, held, delivered, units, route, at }));
        reach("after-spend");
    }
}
