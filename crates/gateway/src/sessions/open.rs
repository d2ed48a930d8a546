//! Opening a session.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::session::PendingDeposit;
use farthing_books::{NewSession, SessionCommand, SessionOutcome, SessionRecord};
use farthing_protocol::ProblemType;
use farthing_rail::{DepositClaim, Deposits, Escrow, Opening, Voucher};
use tracing::Instrument;

use super::books::{carry_out, record_of};
use super::deposit::{put_in, right, standing};
use super::present::Read;
use super::stop::Stop;
use crate::denial::Denial;
use crate::failpoint::reach;
use crate::lifecycle::Sale;
use crate::quote::nothing_to_pay_by;
use crate::route::SessionTerms;
use crate::seller::Seller;

/// Opens a session, or finds that it is open: the same credential opens it once, however often it comes. What comes
/// back is its voucher, to be drawn on.
pub(super) async fn open(sale: Sale<'_>, read: &Read<'_>, opening: Opening) -> Result<Box<Voucher>, Stop> {
    let (session, key) = (opening.voucher.session, opening.key.clone());
    if let Err(stop) = admissible(read, &opening) {
        // What was opened before is open, whatever has become of the offer since.
        if record_of(sale.seller, session).await?.is_none() {
            return Err(stop);
        }
    }
    let voucher = Box::new(opening.voucher.clone());
    let about = |stop: Stop| stop.about(&read.challenge);
    let new = new_session(sale, read, opening);
    let (seller, terms, patience) = (Arc::clone(sale.seller), Arc::clone(read.terms), read.offer.settle_timeout);
    match &read.terms.deposits {
        Deposits::InBooks => claim(&seller, &terms, None, new).await.map_err(about)?,
        Deposits::InEscrow(escrow) => {
            let span = tracing::info_span!("open", %session, method = terms.tender.method);
            let escrow = Arc::clone(escrow);
            let task = async move {
                let claimed = DepositClaim {
                    session,
                    payer: new.payer.clone(),
                    amount: new.deposit.amount,
                    key,
                    deposit_kept: new.deposit.kept.clone(),
                    session_kept: new.kept.clone(),
                    claimed_at: new.at,
                };
                let asking = Asking { escrow, patience, claimed };
                claim(&seller, &terms, Some(asking), new).await
            };
            let opened = sale.seller.spawn(task.instrument(span)).await;
            opened
                .unwrap_or_else(|error| {
                    tracing::error!(%error, %session, "a deposit's task ended early; what became of it is looked up");
                    Err(Stop::in_doubt(Duration::from_secs(2)))
                })
                .map_err(about)?
        }
    };
    Ok(voucher)
}

/// What of an opening cannot be let in now, though it is authentic.
fn admissible(read: &Read<'_>, opening: &Opening) -> Result<(), Stop> {
    if read.expired {
        let detail = "The challenge has expired; answer the fresh one.";
        return Err(Denial::new(ProblemType::PaymentExpired, detail).about(&read.challenge).into());
    }
    if opening.deposit < read.terms.least_deposit {
        let least = read.terms.tender.asset.display(read.terms.least_deposit);
        let detail = format!("A channel here is opened with at least {least}; deposit more.");
        return Err(Denial::new(ProblemType::PaymentInsufficient, detail).about(&read.challenge).into());
    }
    if read.offer.readiness().is_err() {
        return Err(Stop::Elsewhere(Box::new(nothing_to_pay_by())));
    }
    Ok(())
}

fn new_session(sale: Sale<'_>, read: &Read<'_>, opening: Opening) -> NewSession {
    let at = sale.seller.now();
    let tender = &read.terms.tender;
    NewSession {
        id: opening.voucher.session,
        channel: opening.voucher.channel.clone(),
        payer: opening.payer,
        signer: opening.signer,
        asset: opening.asset,
        prepaid: matches!(read.terms.deposits, Deposits::InBooks),
        method: tender.method.clone(),
        rail: tender.rail.clone(),
        deposit: PendingDeposit {
            key: opening.key,
            amount: opening.deposit,
            kept: opening.deposit_kept,
            claimed_at: at,
            ask_at: None,
        },
        kept: opening.session_kept,
        voucher: opening.voucher,
        at,
    }
}

/// What is to be asked of the escrow once the session is claimed.
struct Asking {
    escrow: Arc<dyn Escrow>,
    patience: Duration,
    claimed: DepositClaim,
}

async fn claim(
    seller: &Arc<Seller>,
    terms: &SessionTerms,
    asking: Option<Asking>,
    new: NewSession,
) -> Result<Box<SessionRecord>, Stop> {
    let Some(right) = right(seller, new.id) else { return Err(Stop::in_doubt(Duration::from_secs(1))) };
    reach("before-open");
    let outcome = carry_out(seller, SessionCommand::Open(Box::new(new))).await?;
    reach("after-open");
    match (outcome, asking) {
        (SessionOutcome::Done(record), None) => Ok(record),
        (SessionOutcome::Done(_), Some(Asking { escrow, patience, claimed })) => {
            put_in(&right, escrow.as_ref(), patience, claimed).await
        }
        (SessionOutcome::Again(record), asking) => {
            drop(right);
            standing(seller, asking.as_ref().map(|asking| asking.escrow.as_ref()), record).await
        }
        (SessionOutcome::Refused(refusal, _), _) => Err(Stop::of(&refusal, terms)),
        (outcome, _) => {
            tracing::error!(?outcome, "the books answered an opening with something else");
            Err(Stop::fault())
        }
    }
}
