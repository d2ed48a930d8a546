//! Mistakes that the simulation must find, where they would be made. See [`farthing_rail::planted`].

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{Command, NewPayment, PaymentRecord};
use farthing_protocol::ProblemType;
use farthing_rail::planted::{Bug, is_planted};
use farthing_rail::{Acceptor, Claim, Refusal, Rejected, Settlement};

use super::claim::{Progress, claim, post};
use super::obligation::Obligation;
use crate::route::SharedRoute;
use crate::seller::Seller;

/// Asks the rail, and claims afterwards; nothing when that is not planted.
pub(super) async fn settled_first(
    seller: &Arc<Seller>,
    route: &SharedRoute,
    patience: Duration,
    acceptor: &Acceptor,
    new: &NewPayment,
) -> Option<Progress> {
    let Acceptor::External(settler) = acceptor else { return None };
    if !is_planted(Bug::ClaimAfterSettle) {
        return None;
    }
    let asked = Claim { payment: new.id, proof: new.proof.clone(), claimed_at: new.at };
    let settlement = tokio::time::timeout(patience, settler.settle(&asked)).await.ok()?;
    let life = seller.books.life();
    Some(match claim(seller, route, new.clone()).await {
        Ok(record) => post(Arc::clone(seller), Arc::clone(route), record, settlement, None, life).await,
        Err(progress) => progress,
    })
}

/// Takes a settlement without an answer for a refusal.
pub(super) fn misread(settlement: Settlement) -> Settlement {
    match settlement {
        Settlement::Unknown(unknown) if is_planted(Bug::UnknownAsFailed) => {
            let refusal = Refusal::new(ProblemType::VerificationFailed, "The rail did not answer.");
            Settlement::Rejected(Rejected { reason: unknown.reason, refusal })
        }
        settlement => settlement,
    }
}

/// Goes on before a settlement is in the ledger; nothing when that is not planted.
pub(super) fn owed_at_once(
    seller: &Arc<Seller>,
    route: &SharedRoute,
    record: &PaymentRecord,
    command: &Command,
) -> Option<Progress> {
    if !is_planted(Bug::ReceiptBeforePost) || !matches!(command, Command::Settle { .. }) {
        return None;
    }
    seller.later(command.clone());
    let (life, record) = (seller.books.life(), Box::new(record.clone()));
    Some(Progress::Owed(Obligation::new(Arc::clone(seller), Arc::clone(route), record, life)))
}
