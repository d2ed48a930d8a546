//! The payment for a period: the one that began the subscription, or one that the rail collected by itself.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{ClaimOutcome, Command, NewPayment, Outcome, PaymentRecord, PaymentState, renewal};
use farthing_rail::{Begun, PaidPeriod, PaymentId, Proof, Renewal, Settlement, Settler, Unknown};
use farthing_store::StoreError;
use tokio::time::timeout;

use crate::failpoint::reach;
use crate::lifecycle::confirm::first_question;
use crate::lifecycle::resolve::{Resolution, resolve, settler_of};
use crate::seller::Seller;

/// How long a rail may take to say what was paid.
const PATIENCE: Duration = Duration::from_secs(15);
const SOON: Duration = Duration::from_secs(2);
/// So many periods that nobody asked for are written down at a time.
const AT_A_TIME: usize = 32;

/// How the present period of a subscription stands.
pub(super) enum PeriodStanding {
    /// By this payment.
    Paid(Box<PaymentRecord>),
    Unpaid,
    InDoubt(Duration),
}

/// What may be had of a subscription now.
pub(super) async fn period_of(seller: &Seller, began: &PaymentRecord) -> Result<PeriodStanding, StoreError> {
    let Some((settler, period)) = present(seller, began) else { return Ok(by_its_own_state(began)) };
    if period.index == 0 {
        return Ok(by_its_own_state(began));
    }
    paid_for(seller, &settler, began, period.index).await
}

/// Writes down every period that the rail collected for and that the books do not know: of a subscription that
/// nobody used, too.
pub(crate) async fn renew_what_is_due(seller: &Seller, payment: PaymentId) -> Result<(), StoreError> {
    let Some(began) = seller.books.payment(payment).await?.filter(|record| !record.renews()) else { return Ok(()) };
    let Some((settler, period)) = present(seller, &began) else { return Ok(()) };
    for index in (1..=period.index).rev().take(AT_A_TIME) {
        let Ok(challenge) = renewal(began.id, index) else { break };
        let id = PaymentId::of(&challenge);
        if seller.books.payment(id).await?.is_some() {
            break;
        }
        seller.visits.forget_unpaid(id);
        paid_for(seller, &settler, &began, index).await?;
    }
    Ok(())
}

/// The settler of a subscription that is paid for, and the period that is now.
fn present(seller: &Seller, began: &PaymentRecord) -> Option<(Arc<dyn Settler>, PaidPeriod)> {
    let settler = settler_of(seller, began)?;
    let (claim, settled) = (began.claim(), began.settled()?);
    let period = settler.subscriptions()?.period_at(Begun { claim: &claim, settled: &settled }, seller.now())?;
    Some((settler, period))
}

/// What a payment on record is worth.
fn by_its_own_state(record: &PaymentRecord) -> PeriodStanding {
    match record.state {
        PaymentState::Posted | PaymentState::Delivered | PaymentState::Closed | PaymentState::Entitled => {
            PeriodStanding::Paid(Box::new(record.clone()))
        }
        PaymentState::Claimed | PaymentState::Unknown => PeriodStanding::InDoubt(SOON),
        PaymentState::Rejected | PaymentState::Refunding | PaymentState::Refunded | PaymentState::Reversed => {
            PeriodStanding::Unpaid
        }
    }
}

/// A later period: on record, or asked for and written down.
async fn paid_for(
    seller: &Seller,
    settler: &Arc<dyn Settler>,
    began: &PaymentRecord,
    index: u32,
) -> Result<PeriodStanding, StoreError> {
    let Ok(challenge) = renewal(began.id, index) else { return Ok(PeriodStanding::Unpaid) };
    let id = PaymentId::of(&challenge);
    if let Some(known) = seller.books.payment(id).await? {
        return known_to_be(seller, &known).await;
    }
    if seller.visits.was_unpaid(id, seller.now()) {
        return Ok(PeriodStanding::Unpaid);
    }
    let proof = match ask(settler.as_ref(), began, index).await {
        Renewal::Paid(proof) => proof,
        Renewal::Unpaid(reason) => {
            tracing::info!(subscription = %began.id, index, reason, "a period of a subscription is not paid");
            seller.visits.note_unpaid(id, seller.now());
            return Ok(PeriodStanding::Unpaid);
        }
        Renewal::Unknown(unknown) => return Ok(PeriodStanding::InDoubt(unknown.ask_again)),
    };
    write_down(seller, settler.as_ref(), NewPayment { id, challenge, ..of_period(seller, began, index, proof) }).await
}

async fn ask(settler: &dyn Settler, began: &PaymentRecord, index: u32) -> Renewal {
    let unknown = |reason: String| Renewal::Unknown(Unknown { reason, ask_again: SOON });
    let (Some(subscriptions), Some(settled)) = (settler.subscriptions(), began.settled()) else {
        return unknown("nobody can say what was paid for the period".to_owned());
    };
    let claim = began.claim();
    let asked = timeout(PATIENCE, subscriptions.renewal(Begun { claim: &claim, settled: &settled }, index)).await;
    asked.unwrap_or_else(|_| unknown(format!("the rail did not answer within {PATIENCE:?}")))
}

fn of_period(seller: &Seller, began: &PaymentRecord, index: u32, proof: Proof) -> NewPayment {
    NewPayment {
        id: began.id,
        challenge: began.challenge.clone(),
        proof,
        prepaid: false,
        method: began.method.clone(),
        intent: began.intent.clone(),
        rail: began.rail.clone(),
        route: began.route.clone(),
        request: format!("period {index} of {}", began.id),
        idempotency: None,
        tops_up: None,
        at: seller.now(),
    }
}

/// Claims what the rail collected, and posts it. Whoever does the same at once comes to the same.
async fn write_down(seller: &Seller, settler: &dyn Settler, new: NewPayment) -> Result<PeriodStanding, StoreError> {
    let payment = new.id;
    reach("before-renewal");
    let record = match seller.books.claim(new).await? {
        ClaimOutcome::Won(record) => record,
        ClaimOutcome::Lost(record) => return known_to_be(seller, &record).await,
        outcome => {
            tracing::error!(%payment, ?outcome, "what was paid for a period counts for something else already");
            return Ok(PeriodStanding::Unpaid);
        }
    };
    reach("after-renewal-claim");
    let settlement = timeout(PATIENCE, settler.settle(&record.claim())).await.unwrap_or_else(|_| {
        let reason = format!("the rail did not answer within {PATIENCE:?}");
        Settlement::Unknown(Unknown { reason, ask_again: SOON })
    });
    let at = seller.now();
    let command = match settlement {
        Settlement::Settled(settled) => {
            let confirm_at = first_question(settler.terms(), at);
            Command::Settle { payment, settled, confirm_at, at }
        }
        Settlement::Rejected(rejected) => Command::Reject { payment, rejected, at },
        Settlement::Unknown(unknown) => Command::Doubt { payment, unknown, at },
    };
    let outcome = seller.books.submit(command).await?;
    reach("after-renewal");
    match outcome {
        Outcome::Payment(record) => Ok(by_its_own_state(&record)),
        outcome => {
            tracing::error!(%payment, ?outcome, "the books refused what was paid for a period");
            Ok(PeriodStanding::Unpaid)
        }
    }
}

/// A later period on record; the rail is asked about one whose task is gone.
async fn known_to_be(seller: &Seller, known: &PaymentRecord) -> Result<PeriodStanding, StoreError> {
    if !matches!(known.state, PaymentState::Claimed | PaymentState::Unknown) {
        return Ok(by_its_own_state(known));
    }
    Ok(match resolve(seller, known.id).await? {
        Resolution::Closed(record) => PeriodStanding::Paid(record),
        Resolution::Rejected => PeriodStanding::Unpaid,
        Resolution::StillUnknown(wait) => PeriodStanding::InDoubt(wait),
        Resolution::Entitled(_) | Resolution::Busy => PeriodStanding::InDoubt(SOON),
    })
}
