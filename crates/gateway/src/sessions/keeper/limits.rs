//! The limits of what the seller carries, before every draw.

use farthing_books::SessionOutcome;
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{Deposits, SessionId};
use farthing_store::StoreError;

use super::rails::Policy;
use super::risk::{Limit, Risk};
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

/// A hold that counts as carried before the books are asked for it; no longer when this is dropped without their
/// answer.
#[derive(Debug)]
pub(crate) struct Admitted<'a> {
    risk: &'a Risk,
    session: SessionId,
    hold: Amount,
    /// Nothing where nothing is carried: the deposit is in the books.
    policy: Option<Policy>,
    now: Timestamp,
}

/// Whether so much more may be carried of a session.
pub(crate) async fn admit<'a>(
    seller: &'a Seller,
    terms: &SessionTerms,
    session: SessionId,
    hold: Amount,
) -> Result<Admitted<'a>, Barred> {
    let (risk, now, policy) = (&seller.sessions.risk, seller.now(), policy_of(seller, terms));
    let admitted = Admitted { risk, session, hold, policy, now };
    let Some(policy) = policy.filter(|_| !hold.is_zero()) else {
        return Ok(Admitted { hold: Amount::ZERO, ..admitted });
    };
    if !risk.knows(session) {
        // Once per session: the books say from then on how it stands, draw by draw.
        match seller.books.session(session).await.map_err(Barred::Unknown)? {
            Some(record) => risk.stands(&record, now),
            None => return Ok(Admitted { hold: Amount::ZERO, ..admitted }),
        }
    }
    match risk.admit(session, hold, &policy, now) {
        Ok(()) => Ok(admitted),
        Err(limit) => {
            let owed_by = if limit == Limit::Payer { "its payer" } else { "all payers of its rail" };
            tracing::warn!(%session, owed_by, "nothing is served from a session: too much is delivered and not collected");
            Err(Barred::By(limit))
        }
    }
}

impl Admitted<'_> {
    /// Counts the session as the books say that it stands now, whether or not they held anything.
    pub(crate) fn answered(mut self, outcome: &SessionOutcome) {
        let (SessionOutcome::Drawn(credit) | SessionOutcome::Refused(_, Some(credit))) = outcome else { return };
        if let Some(policy) = &self.policy {
            let hold = std::mem::take(&mut self.hold);
            self.risk.drawn(self.session, hold, *credit, policy, self.now);
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if !self.hold.is_zero() {
            self.risk.release(self.session, self.hold, self.now);
        }
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
