//! The background task that leaves no payment half done.
//!
//! Unknown settlements are asked about; entitlements past their deadline are paid back. It looks
//! once a second at what is due and stops when the gateway drains.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use farthing_books::{Command, Outcome, PaymentRecord, PaymentState};
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use farthing_store::StoreError;
use tokio::sync::watch;

use crate::lifecycle::{Resolution, resolve, send_back};
use crate::seller::Seller;

const PERIOD: Duration = Duration::from_secs(1);
const PER_ROUND: u32 = 64;
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How long the payer of a payment found after a crash may come back for its delivery.
const AFTER_A_CRASH: Duration = Duration::from_secs(3600);

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
        if let Err(error) = round(&seller, &mut pauses, &stop).await {
            seller.metrics.store_errors.increment(1);
            tracing::error!(%error, "the resolver cannot read the books");
        }
    }
}

async fn round(seller: &Seller, pauses: &mut Pauses, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
    let now = seller.now();
    let due = seller.books.due(now, PER_ROUND).await?;
    pauses.forget_all_but(&due);
    for record in due {
        if *stop.borrow() {
            break;
        }
        if pauses.holds(record.id, now) {
            continue;
        }
        let done = match record.state {
            PaymentState::Unknown => {
                matches!(resolve(seller, record.id).await?, Resolution::Entitled(_) | Resolution::Rejected)
            }
            PaymentState::Entitled => refund(seller, &record, "not delivered before its deadline").await?,
            PaymentState::Refunding => refund(seller, &record, "being paid back").await?,
            _ => true,
        };
        if !done {
            pauses.extend(record.id, now);
        }
    }
    Ok(())
}

async fn refund(seller: &Seller, record: &PaymentRecord, reason: &str) -> Result<bool, StoreError> {
    let outcome = send_back(seller, record.id, reason).await?;
    let refunded = matches!(&outcome, Outcome::Payment(record) if record.state == PaymentState::Refunded);
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

    fn forget_all_but(&mut self, due: &[PaymentRecord]) {
        self.0.retain(|payment, _| due.iter().any(|record| record.id == *payment));
    }
}
