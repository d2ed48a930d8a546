//! One session, step by step, until nothing is to be done about it now.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{SessionCommand, SessionOutcome, SessionRecord};
use farthing_rail::{ChannelStanding, Escrow, SessionId};
use farthing_store::StoreError;
use tokio::time::timeout;

use super::policy::{Known, Step, next};
use super::rails::{self, SessionRail};
use crate::seller::Seller;
use crate::sessions::collect::{Collected, collect};
use crate::sessions::ending::end;
use crate::sessions::{deposit, stop};

/// How long a rail may take to say how a session stands.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between an answer that less is there than was, and the question whether that is so.
const SECOND_LOOK: Duration = Duration::from_secs(2);
/// How long a rail may take to collect.
const COLLECTING: Duration = Duration::from_secs(60);
/// A session is looked at, closed and ended in one go; more than that and it waits its turn.
const STEPS: usize = 5;

/// How far a session came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Went {
    /// There is nothing more to do now.
    Well,
    /// Something could not be done: it is tried again after a pause.
    Badly,
}

/// Does what is to be done about a session now. `posted` says, and is told, when it was last posted.
pub(super) async fn visit(
    seller: &Arc<Seller>,
    rails: &[SessionRail],
    session: SessionRecord,
    known: Known,
) -> Result<(Went, bool), StoreError> {
    let Some(rail) = rails::of(rails, &session) else {
        tracing::error!(session = %session.id, method = session.method, "no configured payment method keeps this session");
        return Ok((Went::Badly, false));
    };
    let (mut session, mut known, mut posted, mut came) = (session, known, false, Went::Well);
    for _ in 0..STEPS {
        seller.sessions.risk.stands(&session, seller.now());
        let Some(step) = next(&session, known, &rail.policy, seller.now()) else { break };
        let went = take(seller, rail, &session, step).await?;
        if step == Step::FindDeposit {
            (known.deposit_asked, came) = (true, went);
        } else if went == Went::Badly {
            return Ok((Went::Badly, posted));
        }
        posted |= matches!(step, Step::Post);
        if posted {
            known.posted_at = seller.now();
        }
        if step == Step::Collect {
            known.pressed = false;
            // So that what was collected no longer counts as owed.
            look(seller, rail, &session).await?;
        }
        match seller.books.session(session.id).await? {
            Some(record) => session = record,
            None => break,
        }
    }
    seller.sessions.risk.stands(&session, seller.now());
    Ok((came, posted))
}

async fn take(
    seller: &Arc<Seller>,
    rail: &SessionRail,
    session: &SessionRecord,
    step: Step,
) -> Result<Went, StoreError> {
    tracing::debug!(session = %session.id, ?step, "a session is seen to");
    match step {
        Step::FindDeposit => {
            let Some(escrow) = rail.escrow() else { return Ok(Went::Badly) };
            // What the rail said is written down either way.
            let found = deposit::find_out(seller, escrow.as_ref(), session.id).await;
            Ok(if matches!(found, Err(stop::Stop::Elsewhere(_))) { Went::Badly } else { Went::Well })
        }
        Step::Look => look(seller, rail, session).await,
        Step::Close(reason) => close(seller, session.id, reason).await,
        Step::Collect => settle(seller, rail, session).await,
        Step::End => {
            let ended = end(seller, &rail.deposits, session.id, COLLECTING).await;
            Ok(if ended.is_ok() { Went::Well } else { Went::Badly })
        }
        Step::Post => {
            let post = SessionCommand::Post { session: session.id, at: seller.now() };
            seller.books.change_session(post).await?;
            Ok(Went::Well)
        }
    }
}

/// Lets the rail say how a session stands.
async fn look(seller: &Arc<Seller>, rail: &SessionRail, session: &SessionRecord) -> Result<Went, StoreError> {
    let Some(escrow) = rail.escrow() else { return Ok(Went::Well) };
    // While a deposit comes in, an answer from before it would look as if it were gone.
    let Some(_right) = deposit::right(seller, session.id) else { return Ok(Went::Badly) };
    let Some(session) = seller.books.session(session.id).await? else { return Ok(Went::Badly) };
    let Some(mut standing) = standing_of(escrow.as_ref(), &session).await else { return Ok(Went::Badly) };
    if standing.closed || standing.deposit < session.deposit {
        // A node that lags behind, or a chain that is just making up its mind, says something else a moment later.
        tokio::time::sleep(SECOND_LOOK).await;
        let Some(again) = standing_of(escrow.as_ref(), &session).await else { return Ok(Went::Badly) };
        standing = again;
    }
    let requested = standing.close_requested_at.is_some() && session.close_requested_at.is_none();
    if requested {
        tracing::warn!(session = %session.id, "a payer asks to close a session by force; it is collected now");
    }
    let observe = SessionCommand::Observe { session: session.id, standing, at: seller.now() };
    let outcome = seller.books.change_session(observe).await?;
    if requested {
        seller.sessions.arrivals.announce(session.id);
    }
    Ok(if matches!(outcome, SessionOutcome::Done(_)) { Went::Well } else { Went::Badly })
}

async fn standing_of(escrow: &dyn Escrow, session: &SessionRecord) -> Option<ChannelStanding> {
    match timeout(PATIENCE, escrow.standing(&session.kept)).await {
        Ok(Ok(standing)) => return Some(standing),
        Ok(Err(error)) => {
            tracing::warn!(session = %session.id, %error, "the rail does not say how a session stands");
        }
        Err(_) => tracing::warn!(session = %session.id, "the rail did not say in time how a session stands"),
    }
    None
}

/// Serves nothing more from a session.
pub(super) async fn close(seller: &Arc<Seller>, session: SessionId, reason: &str) -> Result<Went, StoreError> {
    tracing::info!(%session, reason, "a session is closed");
    let close = SessionCommand::Close { session, voucher: None, reason: reason.to_owned(), at: seller.now() };
    let outcome = seller.books.change_session(close).await?;
    seller.sessions.arrivals.announce(session);
    Ok(if matches!(outcome, SessionOutcome::Refused(..)) { Went::Badly } else { Went::Well })
}

/// Collects what was delivered. A session that the rail refuses to be collected from serves nothing more.
pub(super) async fn settle(
    seller: &Arc<Seller>,
    rail: &SessionRail,
    session: &SessionRecord,
) -> Result<Went, StoreError> {
    let Some(escrow) = rail.escrow() else { return Ok(Went::Well) };
    match collect(seller, escrow.as_ref(), session, false, COLLECTING).await? {
        Collected::Done(reference) => {
            tracing::info!(session = %session.id, reference, "a session was collected from");
            Ok(Went::Well)
        }
        Collected::UnderWay(_) => Ok(Went::Badly),
        Collected::Not(reason) => {
            tracing::error!(session = %session.id, reason, "a session cannot be collected from; it serves nothing more");
            close(seller, session.id, "its vouchers were not collected").await?;
            Ok(Went::Badly)
        }
    }
}
