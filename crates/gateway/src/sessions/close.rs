//! Closing a session on its payer's word.

use farthing_books::{SessionCommand, SessionOutcome, SessionState};
use farthing_protocol::ProblemType;
use farthing_rail::Voucher;

use super::Bought;
use super::books::{carry_out, record_of};
use super::ending::{Ended, end};
use super::manage::Managed;
use super::present::Read;
use super::stop::Stop;
use crate::failpoint::reach;
use crate::lifecycle::Sale;

/// Why a session closes, for the operator.
const ASKED: &str = "its payer closed it";

/// Serves nothing more, collects what was delivered and gives back the rest. The payer gets its receipt when that is
/// known to have happened; until then the same credential asks again, and the keeper goes on without it.
pub(super) async fn close(sale: Sale<'_>, read: &Read<'_>, voucher: Voucher) -> Result<Bought, Stop> {
    let (seller, session, signer, total) = (sale.seller, voucher.session, voucher.signer.clone(), voucher.cumulative);
    let Some(record) = record_of(seller, session).await? else { return Err(Stop::not_found()) };
    let tender = &read.terms.tender;
    if record.rail != tender.rail || record.asset != tender.asset {
        return Err(Stop::not_found());
    }
    if record.signer != signer {
        let detail = "The channel is not this signer's to close.";
        return Err(Stop::denied(ProblemType::SessionSignerMismatch, detail).about(&read.challenge));
    }
    // What went out a moment ago is charged before anything is added up.
    seller.sessions.deliveries.write(seller, session);
    reach("before-session-close");
    let command =
        SessionCommand::Close { session, voucher: Some(Box::new(voucher)), reason: ASKED.to_owned(), at: seller.now() };
    let outcome = carry_out(seller, command).await?;
    reach("after-session-close");
    seller.sessions.arrivals.announce(session);
    match outcome {
        SessionOutcome::Done(record) | SessionOutcome::Again(record) if record.state == SessionState::Refused => {
            let detail = format!("The channel {} was never opened: its deposit was refused.", record.channel);
            return Err(Stop::denied(ProblemType::SessionChannelNotFound, detail));
        }
        SessionOutcome::Done(_) | SessionOutcome::Again(_) => {}
        SessionOutcome::Refused(refusal, _) => {
            let stop = Stop::of(&refusal, read.terms).about(&read.challenge);
            return Err(stop.telling(&signer, seller, read.terms, session).await);
        }
        SessionOutcome::NotFound => return Err(Stop::not_found()),
        outcome => {
            tracing::error!(%session, ?outcome, "the books answered a close with something else");
            return Err(Stop::fault());
        }
    }
    let Ended { record, transaction } = end(seller, &read.terms.deposits, session, read.offer.settle_timeout).await?;
    Ok(Bought::Nothing(Box::new(Managed::closed(sale, read, &record, total, transaction.as_deref()))))
}
