//! Taking what a request costs from what is signed for.

use farthing_books::session::Credit;
use farthing_books::{SessionCommand, SessionOutcome, SessionRefusal};
use farthing_money::Amount;
use farthing_rail::Voucher;

use super::books::carry_out;
use super::keeper::admit;
use super::present::Read;
use super::stop::Stop;
use crate::failpoint::reach;
use crate::seller::Seller;

/// Accepts a voucher and holds so much for what is about to be served: one durable write. Holding nothing only
/// accepts.
pub(super) async fn draw(
    seller: &Seller,
    read: &Read<'_>,
    voucher: Box<Voucher>,
    hold: Amount,
) -> Result<Credit, Stop> {
    let (session, signer) = (voucher.session, voucher.signer.clone());
    let admitted = admit(seller, read.terms, session, hold).await;
    let admitted = admitted.map_err(|barred| Stop::barred(seller, barred))?;
    #[cfg(feature = "planted-bugs")]
    if let Some(credit) = super::planted::served_first(seller, read, &voucher, hold).await? {
        return Ok(credit);
    }
    reach("before-draw");
    let outcome = carry_out(
        seller,
        SessionCommand::Draw {
            session,
            tender: read.terms.tender.clone(),
            voucher: Some(voucher),
            least_delta: read.terms.least_delta,
            hold,
            at: seller.now(),
        },
    );
    let outcome = outcome.await?;
    admitted.answered(&outcome);
    reach("after-draw");
    if matches!(outcome, SessionOutcome::Drawn(_) | SessionOutcome::Refused(SessionRefusal::Uncovered { .. }, _)) {
        // Also one that did not cover this may cover what waits elsewhere.
        seller.sessions.arrivals.announce(session);
    }
    let stop = match drawn(outcome) {
        Ok(credit) => return Ok(credit),
        Err(Undrawn::Refused(refusal)) => Stop::of(&refusal, read.terms).about(&read.challenge),
        Err(Undrawn::NotFound) => return Err(Stop::not_found()),
        Err(Undrawn::Fault) => return Err(Stop::fault()),
    };
    Err(stop.telling(&signer, seller, read.terms, session).await)
}

/// Why nothing was held.
#[derive(Debug)]
pub(super) enum Undrawn {
    /// The session does not cover it, or serves nothing.
    Refused(SessionRefusal),
    /// There is no such session.
    NotFound,
    /// The books answered something else.
    Fault,
}

/// What a draw came to.
pub(super) fn drawn(outcome: SessionOutcome) -> Result<Credit, Undrawn> {
    match outcome {
        SessionOutcome::Drawn(credit) => Ok(credit),
        SessionOutcome::Refused(refusal, _) => Err(Undrawn::Refused(refusal)),
        SessionOutcome::NotFound => Err(Undrawn::NotFound),
        outcome => {
            tracing::error!(?outcome, "the books answered a draw with something else");
            Err(Undrawn::Fault)
        }
    }
}
