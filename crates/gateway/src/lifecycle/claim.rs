//! From a verified credential to money in the ledger.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{ClaimOutcome, Command, NewPayment, Outcome, PaymentRecord};
use farthing_protocol::{ProblemType, Timestamp};
use farthing_rail::{Acceptor, Answer, Fault, Settlement, Unknown};
use farthing_store::{Life, StoreError};
use http::{Response, StatusCode};
use tracing::Instrument;

use super::confirm::first_question;
use super::obligation::{Obligation, entitling};
use super::unheard;
use crate::answer;
use crate::denial::Denial;
use crate::failpoint::reach;
use crate::proxy::Body;
use crate::route::{Offer, SharedRoute};
use crate::seller::Seller;

/// What to ask a client for whose payment is in doubt.
const SAME_CREDENTIAL: &str = "It is not yet known whether the payment went through. Repeat this request with the same \
                               credential; do not pay again.";

/// How far a payment came.
pub(super) enum Progress {
    /// Paid; the delivery is owed to this request.
    Owed(Obligation),
    /// Claimed before; this is where it stands.
    Standing(Box<PaymentRecord>),
    /// Refused, with nothing taken.
    Refused(Denial),
    /// Answered without a challenge: the money may be on its way, or the books did not answer.
    Elsewhere(Box<Response<Body>>),
}

impl Progress {
    /// The books did not answer: nothing is served, and the same credential stays good.
    pub(super) fn store_down(seller: &Seller, error: &StoreError) -> Self {
        Self::Elsewhere(Box::new(store_down(seller, error)))
    }
}

/// The answer when the books did not answer.
pub(crate) fn store_down(seller: &Seller, error: &StoreError) -> Response<Body> {
    seller.books_failed(error, "nothing is served");
    let detail =
        "Payments cannot be recorded just now. Repeat this request with the same credential; do not pay again.";
    answer::retry_after(answer::plain(StatusCode::SERVICE_UNAVAILABLE, detail), Duration::from_secs(2))
}

/// The answer while nobody knows whether the money moved.
pub(crate) fn in_doubt(ask_again: Duration) -> Response<Body> {
    answer::retry_after(answer::plain(StatusCode::SERVICE_UNAVAILABLE, SAME_CREDENTIAL), ask_again)
}

/// Claims, settles and posts in a task that outlives the client.
pub(super) async fn claim_and_settle(
    seller: &Arc<Seller>,
    route: &SharedRoute,
    offer: &Offer,
    new: NewPayment,
) -> Progress {
    let (shared, route, patience) = (Arc::clone(seller), Arc::clone(route), offer.settle_timeout);
    let acceptor = offer.acceptor.clone();
    let span = tracing::debug_span!("claim", payment = %new.id, method = new.method);
    let claiming = matches!(acceptor, Acceptor::External(_)).then(|| seller.claiming.set(new.id));
    let task = async move {
        let progress = run(shared, route, patience, acceptor, new).await;
        drop(claiming);
        progress
    };
    let task = seller.spawn(task.instrument(span));
    match task.await {
        Ok(progress) => progress,
        Err(error) => {
            tracing::error!(%error, "a payment's task ended early; the resolver finds out what became of the payment");
            Progress::Elsewhere(Box::new(in_doubt(Duration::from_secs(2))))
        }
    }
}

async fn run(
    seller: Arc<Seller>,
    route: SharedRoute,
    patience: Duration,
    acceptor: Acceptor,
    new: NewPayment,
) -> Progress {
    #[cfg(feature = "planted-bugs")]
    if let Some(progress) = super::planted::settled_first(&seller, &route, patience, &acceptor, &new).await {
        return progress;
    }
    let life = seller.books.life();
    let record = match claim(&seller, &route, new).await {
        Ok(record) => record,
        Err(progress) => return progress,
    };
    match acceptor {
        Acceptor::Prepaid(_) => {
            reach("after-post");
            Progress::Owed(Obligation::new(seller, route, record, life))
        }
        // What its vouchers cover is drawn from a session; nothing is claimed for one request.
        Acceptor::Session(..) => {
            let detail = "A session is paid with vouchers; answer its challenge with one.";
            Progress::Refused(Denial::new(ProblemType::InvalidPayload, detail))
        }
        Acceptor::External(settler) => {
            let span = tracing::info_span!("settle", payment = %record.id, method = record.method);
            let claim = record.claim();
            let asking = Asking { seller: &seller, route: &route, patience, life };
            let settlement = asking.ask(|| settler.settle(&claim)).instrument(span).await;
            let confirm_at = first_question(settler.terms(), seller.now());
            post(seller, route, record, settlement, confirm_at, life).await
        }
    }
}

/// Claims a payment for this process, or says where it stands instead.
pub(super) async fn claim(
    seller: &Arc<Seller>,
    route: &SharedRoute,
    mut new: NewPayment,
) -> Result<Box<PaymentRecord>, Progress> {
    let challenge = new.challenge.clone();
    let (price, amount) = (new.proof.asset.clone(), new.proof.amount);
    let asking = new.prepaid.then(|| seller.asked.begin(new.id, new.at));
    new.at = asking.as_ref().map_or(new.at, |asking| asking.at);
    reach("before-claim");
    let outcome = match seller.books.claim(new).await {
        Ok(outcome) => outcome,
        Err(error) => {
            if let Some(asking) = asking {
                unheard::look_after(seller, route, asking);
            }
            return Err(Progress::store_down(seller, &error));
        }
    };
    reach("after-claim");
    let refused = |denial: Denial| Progress::Refused(denial.about(&challenge));
    Err(match outcome {
        ClaimOutcome::Won(record) => return Ok(record),
        ClaimOutcome::Lost(record) => Progress::Standing(record),
        ClaimOutcome::ProofUsed(_) | ClaimOutcome::Deposited(_) => {
            let detail = "This proof of payment was used for another challenge; pay the fresh one.";
            refused(Denial::new(ProblemType::InvalidChallenge, detail).because(Fault::Used))
        }
        ClaimOutcome::KeyUsed(_) => Progress::Elsewhere(Box::new(answer::problem_with_status(
            StatusCode::CONFLICT,
            ProblemType::BadRequest,
            "This idempotency key was used with another credential; nothing was charged. Repeat the first credential, \
             or use a new key.",
        ))),
        ClaimOutcome::Insufficient { available } => {
            route.meters.insufficient.increment(1);
            let missing = amount.checked_sub(available).unwrap_or(amount);
            let detail = format!(
                "The balance holds {} and the request costs {}; add {} and pay the fresh challenge.",
                price.display(available),
                price.display(amount),
                price.display(missing)
            );
            refused(Denial::new(ProblemType::PaymentInsufficient, detail).because(Fault::Balance))
        }
    })
}

/// Who asks a rail to move money for a claim.
pub(super) struct Asking<'a> {
    pub(super) seller: &'a Seller,
    pub(super) route: &'a SharedRoute,
    /// How long the rail may take.
    pub(super) patience: Duration,
    /// As whom this process claimed it.
    pub(super) life: Life,
}

impl Asking<'_> {
    /// Asks the rail, once. A time-out is "unknown", never "failed".
    ///
    /// A process that was held up since its claim may have been taken for dead, and somebody else have heard from the
    /// rail that it was never asked: then it must not be.
    pub(super) async fn ask<'a>(self, moving: impl FnOnce() -> Answer<'a, Settlement>) -> Settlement {
        let Self { seller, route, patience, life } = self;
        let unknown = |reason| Settlement::Unknown(Unknown { reason, ask_again: Duration::from_secs(2) });
        reach("before-settle");
        if !seller.books.surely_lives(life) {
            return unknown("the gateway was held up before it asked the rail, and did not ask".to_owned());
        }
        let started = tokio::time::Instant::now();
        let settlement = match tokio::time::timeout(patience, moving()).await {
            Ok(settlement) => settlement,
            Err(_) => unknown(format!("the rail did not answer within {patience:?}")),
        };
        route.meters.settle_seconds.record(started.elapsed().as_secs_f64());
        reach("after-settle");
        settlement
    }
}

/// Writes down what the rail said. When the books do not answer, it is written down as soon as they
/// do: nobody asks the rail a second time for what it has said.
pub(super) async fn post(
    seller: Arc<Seller>,
    route: SharedRoute,
    record: Box<PaymentRecord>,
    settlement: Settlement,
    confirm_at: Option<Timestamp>,
    life: Life,
) -> Progress {
    let asking = seller.asked.begin(record.id, seller.now());
    let (payment, at) = (record.id, asking.at);
    let span = tracing::info_span!("post");
    #[cfg(feature = "planted-bugs")]
    let settlement = super::planted::misread(settlement);
    let (command, otherwise) = match settlement {
        Settlement::Settled(settled) => (Command::Settle { payment, settled, confirm_at, at }, None),
        Settlement::Rejected(rejected) => {
            route.meters.rejected.increment(1);
            tracing::info!(parent: &span, reason = rejected.reason, "the rail rejected the payment");
            let denial = Denial::of(rejected.refusal.clone()).by_rail(&record);
            (Command::Reject { payment, rejected, at }, Some(Progress::Refused(denial)))
        }
        Settlement::Unknown(unknown) => {
            route.meters.unknown.increment(1);
            tracing::warn!(parent: &span, reason = unknown.reason, "the rail's answer is unknown");
            let wait = unknown.ask_again;
            (Command::Doubt { payment, unknown, at }, Some(Progress::Elsewhere(Box::new(in_doubt(wait)))))
        }
    };
    #[cfg(feature = "planted-bugs")]
    if let Some(progress) = super::planted::owed_at_once(&seller, &route, &record, &command) {
        return progress;
    }
    match (seller.books.submit(command.clone()).instrument(span).await, otherwise) {
        (Ok(Outcome::Payment(_)), Some(otherwise)) => otherwise,
        (Ok(Outcome::Payment(record)), None) => {
            reach("after-post");
            // Posted at another instant: somebody else had it posted meanwhile, and is at it.
            if record.owes_no_delivery() || record.updated_at != at {
                return Progress::Standing(record);
            }
            Progress::Owed(Obligation::new(seller, route, record, life))
        }
        (Ok(Outcome::MovementUsed { payment, by }), _) => {
            route.meters.rejected.increment(1);
            tracing::warn!(payment = %payment.id, %by, "its transfer already paid for another payment");
            let detail = "This transfer already paid for another request; pay the fresh challenge.";
            let denial = Denial::new(ProblemType::VerificationFailed, detail).because(Fault::Used);
            Progress::Refused(denial.by_rail(&payment))
        }
        (Ok(outcome), _) => {
            tracing::warn!(?outcome, "the payment went on without this gateway, which was held up");
            Progress::Elsewhere(Box::new(in_doubt(Duration::from_secs(2))))
        }
        (Err(error), _) => {
            let is_settled = matches!(command, Command::Settle { .. });
            seller.later(command);
            if is_settled && !record.owes_no_delivery() {
                let reason = "the books did not answer when it was settled";
                seller.later(entitling(&seller, &route, &record, reason, None).0);
                route.meters.entitled.increment(1);
            }
            Progress::store_down(&seller, &error)
        }
    }
}
