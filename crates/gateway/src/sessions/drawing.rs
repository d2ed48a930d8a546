//! What a request may take from a session while it is served.

use std::sync::Arc;

use farthing_books::session::Credit;
use farthing_books::{Command, SessionCommand, SessionOutcome, SessionRefusal};
use farthing_money::Amount;
use farthing_protocol::{ChallengeId, Receipt};
use farthing_rail::SessionId;
use tokio::runtime::Handle;

use super::arrivals::Waiter;
use super::books::carry_out;
use super::deliveries::{Deliveries, Delivery, hand_over};
use super::draw::{Undrawn, drawn};
use super::keeper::{Barred, admit};
use super::receipt;
use super::repeats::Turn;
use crate::metering::Run;
use crate::route::{SessionTerms, SharedRoute};
use crate::seller::Seller;

/// A session's money, held for one request: what is held is durable before the bytes that it pays for go out. What
/// is not delivered when this is dropped is let go of.
pub(crate) struct Drawing {
    seller: Arc<Seller>,
    route: SharedRoute,
    terms: Arc<SessionTerms>,
    session: SessionId,
    channel: String,
    challenge: ChallengeId,
    /// Held and not yet delivered.
    held: Amount,
    /// Delivered, and still held as far as the books know: how much, and how many units.
    due: Amount,
    due_units: u64,
    /// The request's name, where its client gave it one.
    turn: Option<Arc<Turn>>,
    /// As the books said last. All that is held for this request is committed in it.
    credit: Credit,
}

/// Who draws, and for what.
pub(super) struct Drawer {
    pub(super) seller: Arc<Seller>,
    pub(super) route: SharedRoute,
    pub(super) terms: Arc<SessionTerms>,
    pub(super) session: SessionId,
    pub(super) channel: String,
    pub(super) challenge: ChallengeId,
}

/// An answer that cost more than is signed for, and was not given.
pub(super) struct Short {
    pub(super) terms: Arc<SessionTerms>,
    pub(super) session: SessionId,
    pub(super) challenge: ChallengeId,
    /// What must be signed for in all.
    pub(super) required: Amount,
}

/// Why nothing more is held.
#[derive(Debug)]
pub(crate) enum NoMore {
    /// What is signed for is spent. A voucher may come; see [`Drawing::waiter`].
    Uncovered,
    /// The session serves nothing more: it is closed or being closed.
    Ended,
    /// The books did not answer. Nothing more may be given.
    Unknown,
}

impl Drawing {
    /// What the books hold for a request from here on.
    pub(super) fn new(drawer: Drawer, held: Amount, credit: Credit) -> Self {
        let Drawer { seller, route, terms, session, channel, challenge } = drawer;
        seller.metrics.in_flight.increment(1.0);
        Self {
            seller,
            route,
            terms,
            session,
            channel,
            challenge,
            held,
            due: Amount::ZERO,
            due_units: 0,
            turn: None,
            credit,
        }
    }

    /// For a request under a name, which is charged once.
    pub(super) fn under(mut self, turn: Option<Arc<Turn>>) -> Self {
        self.turn = turn;
        self
    }

    /// The request's name, where it has one.
    pub(super) fn turn(&self) -> Option<Arc<Turn>> {
        self.turn.clone()
    }

    /// What the route asks of sessions.
    pub(crate) fn terms(&self) -> &SessionTerms {
        &self.terms
    }

    /// Its name on the wire.
    pub(crate) fn channel(&self) -> &str {
        &self.channel
    }

    /// What is held and not delivered.
    pub(crate) fn held(&self) -> Amount {
        self.held
    }

    /// How the session stood when something was last held.
    pub(crate) fn credit(&self) -> Credit {
        self.credit
    }

    /// Holds more of what is signed for, durably.
    pub(crate) async fn hold(&mut self, amount: Amount) -> Result<Credit, NoMore> {
        let seller = Arc::clone(&self.seller);
        let admitted = admit(&seller, &self.terms, self.session, amount).await.map_err(|barred| match barred {
            Barred::By(_) => NoMore::Ended,
            Barred::Unknown(_) => NoMore::Unknown,
        })?;
        let command = SessionCommand::Draw {
            session: self.session,
            tender: Arc::clone(&self.terms.tender),
            voucher: None,
            least_delta: Amount::ZERO,
            hold: amount,
            at: self.seller.now(),
        };
        let outcome = carry_out(&self.seller, command).await.map_err(|_| NoMore::Unknown)?;
        admitted.answered(&outcome);
        if let SessionOutcome::Refused(_, Some(credit)) = &outcome {
            self.learn(*credit);
        }
        // After an answer of the books: what was handed over before it has left by now.
        self.spend();
        match drawn(outcome) {
            Ok(credit) => {
                self.learn(credit);
                self.held = self.held.checked_add(amount).ok_or(NoMore::Unknown)?;
                Ok(credit)
            }
            Err(Undrawn::Refused(SessionRefusal::Uncovered { .. })) => Err(NoMore::Uncovered),
            Err(Undrawn::Refused(_) | Undrawn::NotFound) => Err(NoMore::Ended),
            Err(Undrawn::Fault) => Err(NoMore::Unknown),
        }
    }

    /// So much of what is held, at most all of it, was delivered. Written down once more was held, so that a stream is
    /// never further ahead of the books than two slices; else a moment after the last byte.
    pub(crate) fn deliver(&mut self, delivered: Amount, units: u64) {
        if let Some(turn) = &self.turn {
            turn.served();
        }
        let delivered = delivered.min(self.held);
        self.held = self.held.checked_sub(delivered).unwrap_or(Amount::ZERO);
        self.due = self.due.checked_add(delivered).unwrap_or(self.due);
        self.due_units = self.due_units.saturating_add(units);
    }

    /// Writes down what was delivered.
    fn spend(&mut self) {
        let Some(delivery) = self.take_due() else { return };
        self.credit.units = self.credit.units.saturating_add(delivery.units);
        hand_over(&self.seller, self.session, [delivery]);
    }

    fn take_due(&mut self) -> Option<Delivery> {
        let delivered = std::mem::replace(&mut self.due, Amount::ZERO);
        let units = std::mem::take(&mut self.due_units);
        let is_any = !delivered.is_zero() || units > 0;
        is_any.then(|| Delivery { route: Arc::clone(&self.route), held: delivered, delivered, units })
    }

    /// A place to wait for vouchers: taken before [`Self::hold`] is tried, it misses none.
    pub(crate) fn waiter(&self) -> Waiter {
        self.seller.sessions.arrivals.wait_for(self.session)
    }

    /// What goes on when nobody waits for it any more.
    pub(crate) fn unattended(&self) -> Run {
        let seller = Arc::clone(&self.seller);
        Box::new(move |task| {
            if Handle::try_current().is_ok() {
                seller.spawn(task);
            }
        })
    }

    /// The receipt of what was delivered and is held now, with this many units more.
    pub(crate) fn receipt(&self, units: u64) -> Receipt {
        self.receipt_for(self.held, units)
    }

    /// The receipt of what was delivered, and of so much of what is held, with this many units more.
    pub(crate) fn receipt_for(&self, amount: Amount, units: u64) -> Receipt {
        let before = self.seller.sessions.deliveries.units(self.session, self.credit.units);
        receipt::of(&receipt::Standing {
            terms: &self.terms,
            challenge: &self.challenge,
            channel: &self.channel,
            accepted: self.credit.accepted,
            spent: self.with(amount),
            units: before.saturating_add(self.due_units).saturating_add(units),
            transaction: None,
            at: self.seller.now(),
        })
    }

    /// What is lacking when an answer cost more than is signed for.
    pub(super) fn short_of(self, cost: Amount) -> Short {
        Short {
            terms: Arc::clone(&self.terms),
            session: self.session,
            challenge: self.challenge.clone(),
            required: self.with(cost),
        }
    }

    /// What is committed of the session, with this instead of what is held here.
    fn with(&self, amount: Amount) -> Amount {
        let before = self.credit.committed.checked_sub(self.held).unwrap_or(Amount::ZERO);
        before.checked_add(amount).unwrap_or(self.credit.committed)
    }

    /// How the books say that the session stands. Of what was delivered a moment ago they may not know yet.
    fn learn(&mut self, credit: Credit) {
        self.credit = Credit { units: credit.units.max(self.credit.units), ..credit };
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        self.seller.metrics.in_flight.decrement(1.0);
        if let Some(delivery) = self.take_due() {
            Deliveries::add(&self.seller, self.session, self.credit.units, delivery);
        }
        if self.held == Amount::ZERO {
            return;
        }
        // At once: whoever was not served may try again with the same voucher.
        self.seller.later(Command::Session(SessionCommand::Deliver {
            session: self.session,
            held: self.held,
            delivered: Amount::ZERO,
            units: 0,
            route: self.route.name.clone(),
            at: self.seller.now(),
        }));
    }
}
