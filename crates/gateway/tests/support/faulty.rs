//! A simulated rail with two more faults: it can break while it settles, and be slow to pay back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use farthing_protocol::{JsonObject, Timestamp};
use farthing_rail::simulated::SimulatedRail;
use farthing_rail::{
    Answer, Claim, Cursor, Method, Order, Presented, Proof, RailError, RailStatement, Refund, Refusal, Settled,
    Settlement, Settler, Standing, Terms, Unknown, Unpriceable,
};

/// What goes wrong; nothing by default.
#[derive(Default)]
pub struct Faults {
    /// Settling takes the money and then panics.
    pub break_while_settling: AtomicBool,
    /// So many refunds are answered with "unknown".
    pub unknown_refunds: AtomicU32,
    /// Every look-up takes so many milliseconds.
    pub slow_lookups: AtomicU32,
    /// How often a refund was asked for.
    pub refunds_asked: AtomicU32,
}

pub struct Faulty {
    pub rail: SimulatedRail,
    pub faults: Arc<Faults>,
}

impl Method for Faulty {
    fn terms(&self) -> &Terms {
        self.rail.terms()
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        self.rail.request(order)
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        self.rail.verify(presented)
    }

    fn receipt_members(&self) -> JsonObject {
        JsonObject::from_iter([("network".to_owned(), "simulated".into())])
    }
}

impl Settler for Faulty {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(async move {
            let settlement = self.rail.settle(claim).await;
            assert!(!self.faults.break_while_settling.load(Ordering::SeqCst), "the rail's code is broken");
            settlement
        })
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(async move {
            let wait = self.faults.slow_lookups.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(wait.into())).await;
            self.rail.lookup(claim).await
        })
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement> {
        self.faults.refunds_asked.fetch_add(1, Ordering::SeqCst);
        let left = self.faults.unknown_refunds.load(Ordering::SeqCst);
        if left == 0 {
            return self.rail.refund(refund);
        }
        self.faults.unknown_refunds.store(left - 1, Ordering::SeqCst);
        let unknown = Unknown { reason: "no answer to the refund".to_owned(), ask_again: Duration::from_secs(1) };
        Box::pin(std::future::ready(Settlement::Unknown(unknown)))
    }

    fn confirm<'a>(&'a self, claim: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        self.rail.confirm(claim, settled)
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        self.rail.statement(after)
    }
}
