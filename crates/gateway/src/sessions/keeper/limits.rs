//! The limits of what the seller carries, before every draw.

use farthing_books::session::Credit;
use farthing_money::Amount;
use farthing_rail::{Deposits, SessionId};
use farthing_store::StoreError;

use super::rails::Policy;
use super::risk::Limit;
use crate::route::SessionTerms;
use crate::seller::Seller;

/// Why a hold is not even asked for.
#[derive(Debug)]
pub(crate) enum Barred {
    /// It would break this limit.
    By(Limit),
    /// The books did not say whose session it is.
    Unknown(StoreError),
}

/// Whether so much more may be carried of a session. What it holds then counts at once.
pub(crate) async fn admit(
    seller: &Seller,
    terms: &SessionTerms,
    session: SessionId,
    hold: Amount,
) -> Result<(), Barred> {
    let Some(policy) = policy_of(seller, terms).filter(|_| !hold.is_zero()) else { return Ok(()) };
    let risk = &seller.sessions.risk;
    if !risk.knows(session) {
        // Once per session: the books say from then on how it stands, draw by draw.
        match seller.books.session(session).await.map_err(Barred::Unknown)? {
            Some(record) => risk.stands(&record, seller.now()),
            None => return Ok(()),
        }
    }
    risk.admit(session, hold, &policy, seller.now()).map_err(|limit| {
        let owed_by = if limit == Limit::Payer { "its payer" } else { "all payers of its rail" };
        tracing::warn!(%session, owed_by, "nothing is served from a session: too much is delivered and not collected");
        Barred::By(limit)
    })
}

/// Counts what the books said after a draw.
pub(crate) fn drawn(seller: &Seller, terms: &SessionTerms, session: SessionId, credit: Credit) {
    if let Some(policy) = policy_of(seller, terms) {
        seller.sessions.risk.drawn(session, credit, &policy, seller.now());
    }
}

/// Nothing for deposits in the books: there is nothing to be collected.
fn policy_of(seller: &Seller, terms: &SessionTerms) -> Option<Policy> {
    if matches!(terms.deposits, Deposits::InBooks) {
        return None;
    }
    let site = seller.site.load();
    let own = site.session_rails.iter().find(|rail| rail.tender == *terms.tender);
    own.map(|rail| rail.policy)
}
