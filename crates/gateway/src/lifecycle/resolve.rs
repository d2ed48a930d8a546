//! Finding out what became of a payment.

use std::time::Duration;

use farthing_books::{Command, Outcome, PaymentRecord, PaymentState};
use farthing_rail::{PaymentId, Settlement, Settler};
use farthing_store::StoreError;
use std::sync::Arc;

use super::confirm::first_question;
use crate::route::Paid;
use crate::seller::Seller;

/// How long a rail may take to say what became of a payment.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
const DEFAULT_TERM: Duration = Duration::from_secs(3600);
/// When a payment is surely not being settled any more, whatever route it was for.
const DEFAULT_SETTLE_TIMEOUT: Duration = Duration::from_secs(60);

/// What was found out about an unknown settlement.
pub(crate) enum Resolution {
    /// It was paid: the delivery is owed to whoever presents the credential next.
    Entitled(Box<PaymentRecord>),
    /// It was paid, and nothing is delivered for it: it topped up a balance, or opened a period.
    Closed(Box<PaymentRecord>),
    /// It was not paid and will not be.
    Rejected,
    /// The rail still does not say; ask again after a while.
    StillUnknown(Duration),
    /// Somebody else is asking, or the payment moved on.
    Busy,
}

/// Asks the rail what became of an unknown settlement, or of a claim whose task is gone.
///
/// A settled payment becomes an entitlement and not a delivery, so that of all the presenters who
/// wait for it exactly one wins. One asker at a time per payment.
pub(crate) async fn resolve(seller: &Seller, payment: PaymentId) -> Result<Resolution, StoreError> {
    let Some(_right) = seller.resolve(payment) else { return Ok(Resolution::Busy) };
    let Some((record, is_here)) = seller.books.payment_here(payment).await? else { return Ok(Resolution::Busy) };
    match record.state {
        PaymentState::Unknown => {}
        // Another gateway's claim is in its hands for as long as it lives; what it leaves becomes unknown.
        PaymentState::Claimed if !seller.claiming.has(payment) && is_here => {}
        PaymentState::Entitled => return Ok(Resolution::Entitled(Box::new(record))),
        PaymentState::Closed if record.owes_no_delivery() => return Ok(Resolution::Closed(Box::new(record))),
        PaymentState::Rejected => return Ok(Resolution::Rejected),
        _ => return Ok(Resolution::Busy),
    }
    let Some(settler) = settler_of(seller, &record) else {
        tracing::error!(%payment, method = record.method, "no configured payment method can look this payment up");
        return Ok(Resolution::StillUnknown(Duration::from_secs(60)));
    };
    let claim = record.claim();
    let wait = Duration::from_secs(2);
    let settlement = match tokio::time::timeout(PATIENCE, settler.lookup(&claim)).await {
        Ok(settlement) => settlement,
        Err(_) => return Ok(Resolution::StillUnknown(wait)),
    };
    let asking = seller.asked.begin(payment, seller.now());
    let at = asking.at;
    match settlement {
        Settlement::Settled(settled) => {
            seller.metrics.resolved.increment(1);
            let confirm_at = first_question(settler.terms(), at);
            let settle = Command::Settle { payment, settled, confirm_at, at };
            let deadline = at.after(term_of(seller, &record));
            let reason = "settled after its outcome was unknown".to_owned();
            let entitle = Command::Entitle { payment, reason, status: None, deadline, at };
            let posted = seller.books.submit(settle).await.inspect_err(|_| {
                // It may be in the books all the same, posted, with nobody to deliver it.
                if record.tops_up.is_none() {
                    seller.later(entitle.clone());
                }
            });
            match posted? {
                Outcome::MovementUsed { by, .. } => {
                    tracing::warn!(%payment, %by, "its transfer already paid for another payment");
                    return Ok(Resolution::Rejected);
                }
                Outcome::Payment(record) if record.owes_no_delivery() => return Ok(Resolution::Closed(record)),
                Outcome::Payment(record) if record.updated_at == at => {}
                // Another asker was sooner, and it may be on its way to be delivered.
                _ => return Ok(Resolution::Busy),
            }
            match seller.books.submit(entitle.clone()).await {
                Ok(Outcome::Payment(record)) => Ok(Resolution::Entitled(record)),
                Ok(_) => Ok(Resolution::Busy),
                Err(error) => {
                    seller.later(entitle);
                    Err(error)
                }
            }
        }
        Settlement::Rejected(rejected) => {
            seller.metrics.resolved.increment(1);
            match seller.books.submit(Command::Reject { payment, rejected, at }).await? {
                Outcome::Payment(_) => Ok(Resolution::Rejected),
                _ => Ok(Resolution::Busy),
            }
        }
        Settlement::Unknown(unknown) => {
            let wait = unknown.ask_again;
            seller.books.submit(Command::Doubt { payment, unknown, at }).await?;
            Ok(Resolution::StillUnknown(wait))
        }
    }
}

/// The rail of a payment, in the present configuration.
pub(super) fn settler_of(seller: &Seller, record: &PaymentRecord) -> Option<Arc<dyn Settler>> {
    rail_of(&seller.site.load().rails, record).cloned()
}

/// The table that a payment was offered by, or the one that is like it where that has another name now.
/// Of several that are like it none is guessed: their money is on different accounts.
fn rail_of<'a>(rails: &'a [(String, Arc<dyn Settler>)], record: &PaymentRecord) -> Option<&'a Arc<dyn Settler>> {
    let is_alike = |(_, settler): &&(String, Arc<dyn Settler>)| {
        let terms = settler.terms();
        let names = (terms.method.as_str(), terms.intent.as_str());
        names == (&*record.method, &*record.intent) && terms.asset == record.asset
    };
    let mut alike = rails.iter().filter(is_alike);
    let named = alike.clone().find(|(name, _)| *name == record.rail);
    let only = alike.next().filter(|_| alike.next().is_none());
    named.or(only).map(|(_, settler)| settler)
}

/// How long the task that claimed a payment may take until the rail has answered.
pub(crate) fn settle_timeout_of(seller: &Seller, record: &PaymentRecord) -> Duration {
    let longest = |paid: &Paid| paid.offers.iter().map(|offer| offer.settle_timeout).max();
    of_route(seller, record, longest).flatten().unwrap_or(DEFAULT_SETTLE_TIMEOUT)
}

/// How long the route of a payment lets an entitlement stand.
fn term_of(seller: &Seller, record: &PaymentRecord) -> Duration {
    of_route(seller, record, |paid| paid.entitlement).unwrap_or(DEFAULT_TERM)
}

/// Something of the route that a payment was for, if that is still sold.
fn of_route<T>(seller: &Seller, record: &PaymentRecord, read: impl Fn(&Paid) -> T) -> Option<T> {
    let site = seller.site.load();
    let route = site.table.routes().iter().find(|route| route.name == record.route)?;
    route.paid.as_ref().map(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_books::NewPayment;
    use farthing_books::testing::MemoryStore;
    use farthing_books::testing::samples::external;
    use farthing_protocol::Timestamp;
    use farthing_rail::simulated::{Script, SimulatedRail, Surroundings};

    fn rails(names: &[&str]) -> Vec<(String, Arc<dyn Settler>)> {
        let rail = |name: &&str| {
            let surroundings = Surroundings {
                now: Box::new(|| Timestamp::from_unix_millis(0)),
                sleep: Box::new(|_| Box::pin(std::future::ready(()))),
                late_by: Duration::ZERO,
            };
            let rail = SimulatedRail::new(Script::honest(), Arc::default(), surroundings).unwrap();
            ((*name).to_owned(), Arc::new(rail) as Arc<dyn Settler>)
        };
        names.iter().map(rail).collect()
    }

    /// A payment that the table `eu` of two alike was offered by.
    fn record() -> PaymentRecord {
        let mut new = external(1, 100);
        new.proof.asset = "USD.6@account:simulated".parse().unwrap();
        let new = NewPayment { method: "simulated".to_owned(), rail: "eu".to_owned(), ..new };
        let (id, mut books) = (new.id, MemoryStore::default());
        books.batch(&[Command::Claim(Box::new(new))]).unwrap();
        books.payments[&id].clone()
    }

    #[test]
    fn the_table_that_offered_a_payment_is_asked_about_it_and_none_is_guessed() {
        let found = |names: &[&str]| {
            let rails = rails(names);
            let found = rail_of(&rails, &record())?;
            rails.iter().position(|(_, rail)| Arc::ptr_eq(rail, found))
        };
        assert_eq!(found(&["us", "eu"]), Some(1));
        assert_eq!(found(&["renamed"]), Some(0));
        assert_eq!(found(&["us", "renamed"]), None);
        let mut other = record();
        other.method = "evm".to_owned();
        assert!(rail_of(&rails(&["eu"]), &other).is_none(), "a table of that name with another method");
    }
}
