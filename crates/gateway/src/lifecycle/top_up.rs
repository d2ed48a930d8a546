//! A payment that tops up a balance, and the request that is paid out of it at once.
//!
//! They are two payments in a row. The first goes over its rail and is closed once the balance has the money; the
//! second is a prepaid one like any other, named after the first, so that the same credential finds it again. When
//! something dies in between, the payer has the balance and nothing is served; the same credential then buys the
//! request.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{NewPayment, PaymentRecord, PaymentState};
use farthing_money::{Amount, Asset, Rounding};
use farthing_protocol::{ChallengeId, ProblemType};
use farthing_rail::{Fault, PaymentId, Proof, ProofKey};
use sha2::{Digest, Sha256};

use super::Sale;
use super::claim::{Progress, claim, claim_and_settle, in_doubt};
use super::idempotency::Key;
use super::obligation::Obligation;
use super::resolve::{Resolution, resolve};
use crate::denial::Denial;
use crate::route::Offer;

/// The method and the intent of the second payment.
const FROM: (&str, &str) = ("balance", "charge");

/// The two payments of one credential.
pub(super) struct ToppingUp<'a> {
    offer: &'a Offer,
    /// The payment over the rail.
    first: NewPayment,
    /// The request, out of the balance.
    second: NewPayment,
}

/// What became of them.
pub(super) struct ToppedUp {
    /// The payment over the rail, as far as it is known: what the receipt tells of.
    pub(super) record: Option<Box<PaymentRecord>>,
    pub(super) progress: Progress,
}

/// The two payments, where this is the offer of a top-up.
pub(super) fn topping_up<'a>(sale: Sale<'_>, offer: &'a Offer, new: NewPayment, key: Option<&Key>) -> Split<'a> {
    let Some(balance) = offer.acceptor.method().tops_up().cloned() else { return Split::Not(Box::new(new)) };
    let Some(amount) = price_in(sale, &balance) else { return Split::Not(Box::new(new)) };
    let Some(challenge) = challenge_of_the_request(&new.challenge) else { return Split::Not(Box::new(new)) };
    let proof = Proof {
        key: ProofKey::new(format!("{}/{}", FROM.0, challenge.as_str())),
        payer: new.proof.payer.clone(),
        amount,
        asset: balance.clone(),
        kept: Vec::new(),
    };
    let second = NewPayment {
        id: PaymentId::of(&challenge),
        challenge,
        proof,
        prepaid: true,
        method: FROM.0.to_owned(),
        intent: FROM.1.to_owned(),
        tops_up: None,
        ..new.clone()
    };
    // Its own, so that another credential under the client's name is refused before any money moves.
    let idempotency = key.map(|key| key.for_top_up(&sale.site.realm, new.proof.payer.as_ref()));
    let first = NewPayment { tops_up: Some(balance), idempotency, ..new };
    Split::Both(Box::new(ToppingUp { offer, first, second }))
}

/// Whether a credential makes one payment or two.
pub(super) enum Split<'a> {
    Not(Box<NewPayment>),
    Both(Box<ToppingUp<'a>>),
}

/// Tops up, and pays for the request.
pub(super) async fn serve(sale: Sale<'_>, topping: ToppingUp<'_>) -> ToppedUp {
    let ToppingUp { offer, first, second } = topping;
    let (seller, id, proof) = (sale.seller, first.id, first.proof.key.clone());
    let record = match claim_and_settle(seller, sale.route, offer, first).await {
        Progress::Standing(record) => record,
        progress => return ToppedUp { record: None, progress },
    };
    if record.key != proof {
        let progress = refused(&record, "This challenge was paid with another proof; pay the fresh one.");
        return ToppedUp { record: None, progress };
    }
    let is_in_doubt = match record.state {
        PaymentState::Unknown => true,
        PaymentState::Claimed => !seller.claiming.has(id),
        _ => false,
    };
    let record = if is_in_doubt { asked_again(sale, record).await } else { Ok(record) };
    let record = match record {
        Ok(record) => record,
        Err(progress) => return ToppedUp { record: None, progress },
    };
    // What came after it, such as a part that was paid back, is for the balance to say.
    let is_paid = matches!(record.state, PaymentState::Closed | PaymentState::Refunding | PaymentState::Refunded);
    if !is_paid {
        let progress = match record.state {
            PaymentState::Claimed => Progress::Elsewhere(Box::new(in_doubt(Duration::from_secs(1)))),
            _ => refused(&record, "The top-up was refused or taken back; pay the fresh challenge."),
        };
        return ToppedUp { record: None, progress };
    }
    // Whose balance it is was said by the payment that filled it.
    let proof = Proof { payer: record.payer.clone(), ..second.proof };
    let progress = buy(sale, NewPayment { proof, ..second }).await;
    ToppedUp { record: Some(record), progress }
}

/// Pays for the request out of the balance, in a task that outlives the client.
async fn buy(sale: Sale<'_>, second: NewPayment) -> Progress {
    let (seller, route) = (Arc::clone(sale.seller), Arc::clone(sale.route));
    let life = seller.books.life();
    let task = sale.seller.spawn(async move {
        match claim(&seller, &route, second).await {
            Ok(record) => Progress::Owed(Obligation::new(seller, route, record, life)),
            Err(progress) => progress,
        }
    });
    task.await.unwrap_or_else(|_| Progress::Elsewhere(Box::new(in_doubt(Duration::from_secs(2)))))
}

/// What the rail says of a top-up whose outcome was unknown.
async fn asked_again(sale: Sale<'_>, record: Box<PaymentRecord>) -> Result<Box<PaymentRecord>, Progress> {
    let (seller, id) = (Arc::clone(sale.seller), record.id);
    let task = sale.seller.spawn(async move { resolve(&seller, id).await });
    let wait = match task.await {
        Ok(Ok(Resolution::Closed(record))) => return Ok(record),
        Ok(Ok(Resolution::Rejected)) => {
            return Err(refused(&record, "The top-up was refused by the payment network; pay the fresh challenge."));
        }
        Ok(Ok(Resolution::StillUnknown(wait))) => wait,
        Ok(Err(error)) => return Err(Progress::store_down(sale.seller, &error)),
        Ok(Ok(Resolution::Entitled(_) | Resolution::Busy)) | Err(_) => Duration::from_secs(1),
    };
    Err(Progress::Elsewhere(Box::new(in_doubt(wait))))
}

fn refused(record: &PaymentRecord, detail: &str) -> Progress {
    let denial = Denial::new(ProblemType::VerificationFailed, detail).because(Fault::Used);
    Progress::Refused(denial.about(&record.challenge))
}

/// The route's price in the balance's asset.
fn price_in(sale: Sale<'_>, balance: &Asset) -> Option<Amount> {
    sale.paid.price.in_asset(balance, Rounding::Exact).ok().map(|exact| exact.amount)
}

/// The name of the request that a top-up's challenge also pays for.
fn challenge_of_the_request(challenge: &ChallengeId) -> Option<ChallengeId> {
    let hash: [u8; 32] =
        Sha256::new().chain_update(b"farthing/top-up-request/1\0").chain_update(challenge.as_str()).finalize().into();
    let name: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    ChallengeId::read(&name).ok()
}
