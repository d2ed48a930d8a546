//! Collecting from an escrow what was delivered, by a payment of the intent `session`.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::session::INTENT;
use farthing_books::{Command, NewPayment, Outcome, PaymentState, SessionCommand, SessionOutcome, SessionRecord};
use farthing_protocol::ChallengeId;
use farthing_protocol::challenge::ChallengeError;
use farthing_rail::{Claim, Collection, Escrow, PaymentId, ProofKey, RailError, Settlement, Unknown};
use farthing_store::StoreError;
use tokio::time::timeout;

use crate::failpoint::reach;
use crate::lifecycle::first_question;
use crate::seller::Seller;

/// What became of collecting from a session.
#[derive(Debug)]
pub(super) enum Collected {
    /// The rail says that it is done, under this name.
    Done(String),
    /// It is under way; the resolver finds out what becomes of it.
    UnderWay(Duration),
    /// It was not done, and may be tried again.
    Not(String),
}

/// When to ask again for what another task is at.
const SOON: Duration = Duration::from_secs(1);

/// Collects all that was delivered, once; with `closes` the session ends with it and the rest goes back. Takes at
/// most what the highest voucher covers, whatever is still being served.
pub(super) async fn collect(
    seller: &Arc<Seller>,
    escrow: &dyn Escrow,
    record: &SessionRecord,
    closes: bool,
    patience: Duration,
) -> Result<Collected, StoreError> {
    if let Some(payment) = record.collecting {
        return standing_of(seller, payment).await;
    }
    let new = match payment(seller, escrow, record, closes) {
        Ok(new) => new,
        Err(reason) => return Ok(Collected::Not(reason)),
    };
    let (id, session) = (new.id, record.id);
    // Before the claim: the resolver leaves alone what a task of this process is at.
    let claiming = seller.claiming.set(id);
    let claim = Claim { payment: id, proof: new.proof.clone(), claimed_at: new.at };
    reach("before-collect");
    let outcome = seller.books.change_session(SessionCommand::Collect { session, payment: Box::new(new) }).await?;
    reach("after-collect");
    match outcome {
        SessionOutcome::Done(_) => {}
        SessionOutcome::Again(_) | SessionOutcome::Refused(..) => return Ok(Collected::UnderWay(SOON)),
        outcome => return Ok(Collected::Not(format!("the books answered a collection with {outcome:?}"))),
    }
    let settlement = timeout(patience, escrow.settle(&claim)).await.unwrap_or_else(|_| {
        let reason = format!("the rail did not answer within {patience:?}");
        Settlement::Unknown(Unknown { reason, ask_again: Duration::from_secs(2) })
    });
    reach("after-collected");
    let collected = write_down(seller, escrow, id, settlement).await;
    drop(claiming);
    collected
}

/// The payment that collects: named after the session and the number of its attempts, so that an attempt is claimed
/// once and one that came to nothing can be made again.
fn payment(seller: &Seller, escrow: &dyn Escrow, record: &SessionRecord, closes: bool) -> Result<NewPayment, String> {
    let proof = escrow.collection(&Collection {
        session: record.id,
        channel: &record.channel,
        payer: &record.payer,
        session_kept: &record.kept,
        voucher: record.voucher.as_deref().map(|kept| (record.accepted, kept)),
        settled: record.settled,
        capture: record.spent.max(record.settled),
        closes,
    });
    let mut proof = proof.map_err(|RailError(reason)| reason)?;
    if record.collections > 0 {
        proof.key = ProofKey::new(format!("{}#{}", proof.key.as_str(), record.collections));
    }
    let challenge = attempt(record, record.collections).map_err(|error| error.to_string())?;
    Ok(NewPayment {
        id: PaymentId::of(&challenge),
        challenge,
        proof,
        prepaid: false,
        method: record.method.clone(),
        intent: INTENT.to_owned(),
        rail: record.rail.clone(),
        route: String::new(),
        request: format!("session {}", record.channel),
        idempotency: None,
        tops_up: None,
        at: seller.now(),
    })
}

/// The name of one attempt to collect from a session.
fn attempt(record: &SessionRecord, number: u64) -> Result<ChallengeId, ChallengeError> {
    ChallengeId::read(&format!("{}/{number}", record.id))
}

/// The rail's name of the last collection from a session, if that was made.
pub(super) async fn last_reference(seller: &Seller, record: &SessionRecord) -> Option<String> {
    let last = attempt(record, record.collections.checked_sub(1)?).ok()?;
    let payment = seller.books.payment(PaymentId::of(&last)).await.ok()??;
    (payment.state == PaymentState::Closed).then_some(payment.reference).flatten()
}

/// Writes down what the rail said; if the books do not answer, as soon as they do.
async fn write_down(
    seller: &Arc<Seller>,
    escrow: &dyn Escrow,
    payment: PaymentId,
    settlement: Settlement,
) -> Result<Collected, StoreError> {
    let at = seller.now();
    let (command, collected) = match settlement {
        Settlement::Settled(settled) => {
            let reference = settled.reference.clone();
            let confirm_at = first_question(escrow.terms(), at);
            (Command::Settle { payment, settled, confirm_at, at }, Collected::Done(reference))
        }
        Settlement::Rejected(rejected) => {
            tracing::error!(%payment, reason = rejected.reason, "the rail refused to collect what vouchers are worth");
            let reason = rejected.reason.clone();
            (Command::Reject { payment, rejected, at }, Collected::Not(reason))
        }
        Settlement::Unknown(unknown) => {
            tracing::warn!(%payment, reason = unknown.reason, "it is unknown whether a session was collected");
            let wait = unknown.ask_again;
            (Command::Doubt { payment, unknown, at }, Collected::UnderWay(wait))
        }
    };
    match seller.books.submit(command.clone()).await {
        Ok(Outcome::Payment(_)) => Ok(collected),
        Ok(outcome) => {
            tracing::error!(%payment, ?outcome, "the books refused what the rail said of a collection");
            Ok(Collected::UnderWay(SOON))
        }
        Err(error) => {
            seller.later(command);
            Err(error)
        }
    }
}

/// How far a collection is that was claimed before.
async fn standing_of(seller: &Seller, payment: PaymentId) -> Result<Collected, StoreError> {
    let known = seller.books.payment(payment).await?;
    Ok(match known {
        Some(known) if known.state == PaymentState::Closed => {
            Collected::Done(known.reference.unwrap_or_else(|| payment.to_string()))
        }
        _ => Collected::UnderWay(SOON),
    })
}
