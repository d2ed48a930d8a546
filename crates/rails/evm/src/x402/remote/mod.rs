//! x402 payments that a facilitator of somebody else's settles.
//!
//! It is asked once, and what it says is kept for the operator. Whether the money moved is read from our
//! own nodes alone: a facilitator may be wrong, slow, or lie, and whatever is no plain answer leaves the
//! payment unknown until the chain tells.

mod asking;
mod facilitator;
mod readiness;
mod request;
mod upto;

use std::sync::Arc;
use std::time::Duration;

use farthing_dialects::x402::{Network, Version};
use farthing_protocol::{JsonObject, ProblemType};
use farthing_rail::{
    Answer, Claim, Cursor, Method, NotReady, Order, Presented, Proof, RailError, RailStatement, Refund, Refusal,
    Settled, Settlement, Settler, Standing, Terms, Unpriceable,
};

pub use facilitator::{Facilitator, FacilitatorError};
pub use upto::RemoteUpto;

use super::{EXACT, UPTO, X402Exact};
use crate::settle::{ChainSettler, Settling, Till};
use readiness::Readiness;

/// The scheme `exact`, settled by a facilitator and seen on our own nodes.
pub struct Remote {
    /// The method, and what our nodes say of its payments.
    seen: Settling<X402Exact>,
    method: X402Exact,
    desk: Desk,
}

/// Where one scheme's payments are handed to a facilitator, and looked for on our own nodes.
struct Desk {
    chain: Arc<ChainSettler>,
    facilitator: Facilitator,
    readiness: Readiness,
    network: Network,
}

/// How long a facilitator that says that it is not done is left before it is asked again, once.
const PAUSE: Duration = Duration::from_secs(1);

impl Remote {
    /// Lets a facilitator settle a seller's payments. Of a chain without a signer: nothing is sent from here.
    /// Asks at once, in the background, whether it settles them; until it has said so nothing is offered.
    pub fn new(method: X402Exact, chain: Arc<ChainSettler>, till: Till, facilitator: Facilitator) -> Self {
        let seen = Settling::new(method.clone(), Arc::clone(&chain), till);
        Self { seen, method, desk: Desk::new(EXACT, chain, facilitator) }
    }
}

impl Desk {
    fn new(scheme: &'static str, chain: Arc<ChainSettler>, facilitator: Facilitator) -> Self {
        let network = Network::evm(chain.number());
        let readiness = Readiness::new(facilitator.clone(), scheme, network.clone());
        // The first question is on its way before the first buyer comes.
        let _ = readiness.current();
        Self { chain, facilitator, readiness, network }
    }

    /// The version in which the facilitator settles this, the newer first.
    fn version(&self) -> Version {
        self.readiness.version().unwrap_or(Version::V2)
    }
}

impl Method for Remote {
    fn terms(&self) -> &Terms {
        self.seen.terms()
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        self.seen.request(order)
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        self.seen.verify(presented)
    }

    fn readiness(&self) -> Result<(), NotReady> {
        self.desk.readiness.current()
    }

    fn receipt_members(&self) -> JsonObject {
        self.seen.receipt_members()
    }
}

impl Settler for Remote {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        let (offer, asked) = (self.method.offer_of(claim.proof.amount), claim.proof.amount);
        Box::pin(self.desk.have_settled(claim, offer, asked))
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.desk.chain.look_elsewhere(claim))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement> {
        self.seen.refund(refund)
    }

    fn confirm<'a>(&'a self, claim: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        self.seen.confirm(claim, settled)
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        self.seen.statement(after)
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Remote").field("facilitator", &self.desk.facilitator).finish_non_exhaustive()
    }
}

/// The seller cannot have payments settled just now; the payer has lost nothing.
fn unable(reason: String) -> Settlement {
    let detail = "the seller cannot have payments settled just now; nothing was taken, pay another way";
    let refusal = Refusal::new(ProblemType::VerificationFailed, detail);
    Settlement::Rejected(farthing_rail::Rejected { reason, refusal })
}
