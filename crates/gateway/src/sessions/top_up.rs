//! Adding to a session.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::session::PendingDeposit;
use farthing_books::{SessionCommand, SessionOutcome, SessionRecord};
use farthing_rail::{Addition, DepositClaim, Deposited, Deposits, Escrow};
use tokio::time::timeout;
use tracing::Instrument;

use super::Bought;
use super::books::{carry_out, record_of};
use super::deposit::{find_out, put_in, right};
use super::manage::Managed;
use super::present::Read;
use super::stop::Stop;
use crate::denial::Denial;
use crate::failpoint::reach;
use crate::lifecycle::Sale;
use crate::quote::nothing_to_pay_by;
use crate::route::SessionTerms;
use crate::seller::Seller;

/// Puts more money into a session, once per credential, and says how it stands then.
pub(super) async fn top_up(sale: Sale<'_>, read: &Read<'_>, addition: Addition) -> Result<Bought, Stop> {
    let about = |stop: Stop| stop.about(&read.challenge);
    let Some(record) = record_of(sale.seller, addition.session).await? else { return Err(Stop::not_found()) };
    let tender = &read.terms.tender;
    if record.rail != tender.rail || record.asset != tender.asset {
        return Err(Stop::not_found());
    }
    let is_new = record.pending.as_ref().is_none_or(|pending| pending.key != addition.key);
    if is_new && read.offer.readiness().is_err() {
        return Err(Stop::Elsewhere(Box::new(nothing_to_pay_by())));
    }
    let (seller, terms, patience) = (Arc::clone(sale.seller), Arc::clone(read.terms), read.offer.settle_timeout);
    let span = tracing::info_span!("top up", session = %record.id);
    let task = async move { run(&seller, &terms, patience, record, addition).await };
    let added = sale.seller.spawn(task.instrument(span)).await;
    let added = added.unwrap_or_else(|error| {
        tracing::error!(%error, "a deposit's task ended early; what became of it is looked up");
        Err(Stop::in_doubt(Duration::from_secs(2)))
    });
    let record = added.map_err(about)?;
    Ok(Bought::Nothing(Box::new(Managed::of(sale, read, &record))))
}

/// Whether an addition that is no longer on its way was put in; why not, otherwise.
async fn is_in(escrow: &dyn Escrow, patience: Duration, claimed: &DepositClaim) -> Result<(), Stop> {
    match timeout(patience, escrow.lookup_deposit(claimed)).await {
        Ok(Deposited::Held(_)) => Ok(()),
        Ok(Deposited::Rejected(rejected)) => Err(Denial::of(rejected.refusal).into()),
        Ok(Deposited::Unknown(unknown)) => Err(Stop::in_doubt(unknown.ask_again)),
        Err(_) => Err(Stop::in_doubt(Duration::from_secs(2))),
    }
}

async fn run(
    seller: &Arc<Seller>,
    terms: &SessionTerms,
    patience: Duration,
    record: SessionRecord,
    addition: Addition,
) -> Result<Box<SessionRecord>, Stop> {
    let (session, at) = (addition.session, seller.now());
    let Some(right) = right(seller, session) else { return Err(Stop::in_doubt(Duration::from_secs(1))) };
    let claimed = DepositClaim {
        session,
        payer: record.payer,
        amount: addition.deposit,
        key: addition.key.clone(),
        deposit_kept: addition.deposit_kept.clone(),
        session_kept: record.kept,
        claimed_at: at,
    };
    let deposit = Box::new(PendingDeposit {
        key: addition.key,
        amount: addition.deposit,
        kept: addition.deposit_kept,
        claimed_at: at,
        ask_at: None,
    });
    reach("before-top-up");
    let outcome = carry_out(seller, SessionCommand::TopUp { session, payer: addition.payer, deposit, at }).await?;
    reach("after-top-up");
    let escrow = match &terms.deposits {
        Deposits::InBooks => None,
        Deposits::InEscrow(escrow) => Some(escrow.as_ref()),
    };
    match (outcome, escrow) {
        (SessionOutcome::Done(_), Some(escrow)) => put_in(&right, escrow, patience, claimed).await,
        (SessionOutcome::Again(record), Some(escrow)) if record.pending.is_some() => {
            drop(right);
            find_out(seller, escrow, session).await
        }
        // Claimed before and over: it was put in, or refused, and only the rail knows which.
        (SessionOutcome::Again(record), Some(escrow)) => {
            drop(right);
            is_in(escrow, patience, &claimed).await?;
            Ok(record)
        }
        (SessionOutcome::Done(record) | SessionOutcome::Again(record), _) => {
            seller.sessions.arrivals.announce(session);
            Ok(record)
        }
        (SessionOutcome::Refused(refusal, _), _) => Err(Stop::of(&refusal, terms)),
        (SessionOutcome::NotFound, _) => Err(Stop::not_found()),
        (outcome, _) => {
            tracing::error!(?outcome, "the books answered an addition with something else");
            Err(Stop::fault())
        }
    }
}
