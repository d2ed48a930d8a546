use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use farthing_money::{Amount, Asset};
use farthing_protocol::JsonObject;

use crate::{
    Claim, Cursor, Deposits, Hold, Order, Presented, Proof, RailStatement, Refund, Refusal, SessionMethod, Settled,
    Settlement, Standing, Subscriptions, Terms, Webhook,
};

/// What an asynchronous rail call returns.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The seller's half of a payment method that needs no I/O: what to ask for, and whether what is
/// presented is it.
pub trait Method: Send + Sync {
    /// What it is and what it costs.
    fn terms(&self) -> &Terms;

    /// The `request` of a challenge for this order. Prepared once per route and price.
    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable>;

    /// Checks a credential's payload against the request it answers, signature included. No state
    /// is touched: the same credential verifies as often as it is shown, and the claim in the
    /// books decides that it counts once.
    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal>;

    /// Whether it can be paid by now, or why not, for the operator: what it depends on may be away. An
    /// offer that is not ready is not made.
    fn readiness(&self) -> Result<(), NotReady> {
        Ok(())
    }

    /// Whether a name is that of somebody who could pay by this method: a mistyped one owns nothing.
    fn knows_payer(&self, name: &str) -> bool {
        let _ = name;
        true
    }

    /// The asset of the balance that a payment of this method tops up, where it does not pay for a request. The request
    /// is paid out of that balance at once, and [`Proof::payer`] is whose it is.
    fn tops_up(&self) -> Option<&Asset> {
        None
    }

    /// What this method's receipts say beside what every receipt does, such as the chain.
    fn receipt_members(&self) -> JsonObject {
        JsonObject::new()
    }
}

/// A method whose money is out in the world, and who can ask the rail to move it.
///
/// Each call names one payment. `settle` is called at most once per payment, ever; after an
/// [`Settlement::Unknown`] or a crash only `lookup` is.
pub trait Settler: Method {
    /// The accounts that it sends from by itself, numbering what it sends: nobody else may send from one at the same time.
    /// Each by a name that means it everywhere, such as `eip155:8453:0x...`.
    fn sends_from(&self) -> Vec<String> {
        Vec::new()
    }

    /// Moves the money.
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement>;

    /// Asks the rail whether the money could be moved now; nothing moves. Where [`crate::Capture::Actual`]
    /// holds it comes before the service, and [`Settler::capture`] after it.
    fn hold<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Hold> {
        let _ = claim;
        Box::pin(std::future::ready(Hold::Held))
    }

    /// Moves what was used of a held payment, at most the claim's amount; nothing used moves nothing
    /// and is settled. Called at most once per payment, ever, as `settle` is.
    fn capture<'a>(&'a self, claim: &'a Claim, amount: Amount) -> Answer<'a, Settlement> {
        let _ = amount;
        self.settle(claim)
    }

    /// What became of a payment whose settlement was asked for, or may have been.
    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement>;

    /// Sends money back; idempotent per payment and amount.
    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement>;

    /// Whether a settled payment still stands. Asked from time to time until it is final.
    fn confirm<'a>(&'a self, claim: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        let _ = (claim, settled);
        Box::pin(std::future::ready(Standing::Final))
    }

    /// Where the rail tells by itself what happened, if it does.
    fn webhook(&self) -> Option<&dyn Webhook> {
        None
    }

    /// Where a payment begins a subscription, what becomes of that.
    fn subscriptions(&self) -> Option<&dyn Subscriptions> {
        None
    }

    /// What the rail itself says happened after the cursor; an empty cursor is the beginning.
    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>>;
}

/// A payment method as a gateway holds it. Where the money sits is part of its type: money in the
/// seller's own books settles in the same commit as the claim, and there is no rail to ask.
#[derive(Clone)]
pub enum Acceptor {
    /// The seller's books hold the payer's money.
    Prepaid(Arc<dyn Method>),
    /// A rail holds it.
    External(Arc<dyn Settler>),
    /// A deposit is drawn from, voucher by voucher.
    Session(Arc<dyn SessionMethod>, Deposits),
}

impl Acceptor {
    /// The half without I/O.
    pub fn method(&self) -> &dyn Method {
        match self {
            Self::Prepaid(method) => method.as_ref(),
            Self::External(settler) => settler.as_ref(),
            Self::Session(method, _) => method.as_ref(),
        }
    }

    /// What it is and what it costs.
    pub fn terms(&self) -> &Terms {
        self.method().terms()
    }
}

/// Why a method cannot be paid by just now, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotReady(pub String);

/// A price that this method cannot carry, in words for whoever wrote the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unpriceable(pub String);

/// A rail that could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RailError(pub String);
