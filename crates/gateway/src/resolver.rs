//! The background task that leaves no payment half done.
//!
//! Unknown settlements are asked about, and so are claims whose task is gone and payments that their
//! rail may still take back; entitlements past their deadline are paid back. It looks once a second at
//! what is due, asks several rails at a time, and stops when the gateway drains. Of several gateways that share the
//! books one does this, and each looks after its own claims; what one that died was at is taken up by the others.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use farthing_books::{Command, Outcome, PaymentRecord, PaymentState};
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use farthing_store::StoreError;
use futures_util::stream::{self, StreamExt as _};
use tokio::sync::watch;

use crate::lifecycle::{Resolution, SentBack, confirm, resolve, send_back, settle_timeout_of};
use crate::seller::Seller;

const PERIOD: Duration = Duration::from_secs(1);
const PER_ROUND: u32 = 64;
/// So many payments are asked about at a time: one slow rail does not hold up the others.
const AT_A_TIME: usize = 16;
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How long the payer of a payment found after a crash may come back for its delivery.
const AFTER_A_CRASH: Duration = Duration::from_secs(3600);

/// How much longer than its route's settlement may take a claim is left alone.
const MARGIN: Duration = Duration::from_secs(10);

/// When a payment that gave no result is looked at again: each time after twice as long.
#[derive(Default)]
struct Pauses(HashMap<PaymentId, (Timestamp, Duration)>);

/// Turns what a dead process left behind into entitlements and questions to rails.
pub(crate) async fn recover(seller: &Seller) -> Result<(), StoreError> {
    let at = seller.now();
    let outcome = seller.books.submit(Command::Recover { deadline: at.after(AFTER_A_CRASH), at }).await?;
    if let Outcome::Recovered { entitled, unknown } = outcome
        && entitled + unknown > 0
    {
        tracing::warn!(entitled, unknown, "recovered payments that an earlier process left half done");
    }
    Ok(())
}

/// Runs until `stop` turns true.
pub(crate) async fn run(seller: Arc<Seller>, mut stop: watch::Receiver<bool>) {
    let mut pauses = Pauses::default();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        seller.metrics.upkeep();
        seller.compare_clocks();
        if let Err(error) = round(&seller, &mut pauses, &stop).await {
            seller.books_failed(&error, "no payment is looked after");
        }
    }
}

async fn round(seller: &Seller, pauses: &mut Pauses, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
    if seller.books.has_left_behind() {
        recover(seller).await?;
    }
    let now = seller.now();
    // What pauses is due too: it must not keep the rest out of the round.
    let limit = PER_ROUND.saturating_add(pauses.len());
    let mut due = abandoned(seller, now, limit).await?;
    let mut provisional = Vec::new();
    if seller.books.leads() {
        due.extend(seller.books.due(now, limit).await?);
        // A payment may be due twice over: first its rail says whether it stands.
        provisional = seller.books.to_confirm(now, limit).await?;
    }
    let ids: HashSet<PaymentId> = provisional.iter().map(|record| record.id).collect();
    due.retain(|record| !ids.contains(&record.id));
    let due: Vec<Due> = provisional.into_iter().map(Due::Confirm).chain(due.into_iter().map(Due::Step)).collect();
    pauses.forget_all_but(&due);
    let awake = due.into_iter().filter(|due| !pauses.holds(due.record().id, now)).collect::<Vec<_>>();
    let failed = OnceLock::new();
    let goes_on = |due: &Due| failed.get().is_none() && !*stop.borrow() && (due.is_own() || seller.books.leads());
    let mut asked = stream::iter(awake)
        .take_while(|due| std::future::ready(goes_on(due)))
        .map(|due| async move { (due.record().id, due.settle(seller).await) })
        .buffer_unordered(AT_A_TIME);
    // What was begun is ended even where the books failed another: they may have taken a step that nobody goes on from.
    while let Some((payment, done)) = asked.next().await {
        match done {
            Ok(true) => {}
            Ok(false) => pauses.extend(payment, now),
            Err(error) => drop(failed.set(error)),
        }
    }
    drop(asked);
    failed.into_inner().map_or(Ok(()), Err)
}

/// Something to be done about a payment.
enum Due {
    /// Its rail must say whether it still stands.
    Confirm(PaymentRecord),
    /// It stands where it cannot stay.
    Step(PaymentRecord),
}

impl Due {
    fn record(&self) -> &PaymentRecord {
        match self {
            Self::Confirm(record) | Self::Step(record) => record,
        }
    }

    /// Whether it is a claim of this process, which nobody else looks after.
    fn is_own(&self) -> bool {
        matches!(self, Self::Step(record) if record.state == PaymentState::Claimed)
    }

    /// Whether it is done; otherwise it is tried again after a pause.
    async fn settle(&self, seller: &Seller) -> Result<bool, StoreError> {
        let record = match self {
            Self::Confirm(record) => return confirm(seller, record.id).await,
            Self::Step(record) => record,
        };
        match record.state {
            PaymentState::Unknown | PaymentState::Claimed => Ok(matches!(
                resolve(seller, record.id).await?,
                Resolution::Entitled(_) | Resolution::Closed(_) | Resolution::Rejected
            )),
            PaymentState::Entitled => refund(seller, record, "not delivered before its deadline").await,
            PaymentState::Refunding => refund(seller, record, "being paid back").await,
            _ => Ok(true),
        }
    }
}

/// Claims that nobody in this process is at any more.
async fn abandoned(seller: &Seller, now: Timestamp, limit: u32) -> Result<Vec<PaymentRecord>, StoreError> {
    let claimed = seller.books.claimed_before(now, limit).await?;
    let is_over = |record: &PaymentRecord| record.claimed_at.after(settle_timeout_of(seller, record) + MARGIN) <= now;
    Ok(claimed.into_iter().filter(|record| is_over(record) && !seller.claiming.has(record.id)).collect())
}

async fn refund(seller: &Seller, record: &PaymentRecord, reason: &str) -> Result<bool, StoreError> {
    let refunded = matches!(send_back(seller, record.id, reason).await?, SentBack::Done(_));
    if refunded {
        tracing::info!(payment = %record.id, reason, "paid back");
    }
    Ok(refunded)
}

impl Pauses {
    fn holds(&self, payment: PaymentId, now: Timestamp) -> bool {
        self.0.get(&payment).is_some_and(|(until, _)| now < *until)
    }

    fn extend(&mut self, payment: PaymentId, now: Timestamp) {
        let last = self.0.get(&payment).map_or(PERIOD, |(_, last)| *last);
        let next = (last * 2).min(LONGEST_PAUSE);
        self.0.insert(payment, (now.after(last), next));
    }

    fn len(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn forget_all_but(&mut self, due: &[Due]) {
        let due: HashSet<PaymentId> = due.iter().map(|due| due.record().id).collect();
        self.0.retain(|payment, _| due.contains(payment));
    }
}
