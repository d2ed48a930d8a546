//! The scheme `upto` through a facilitator: what was used is taken by its account, which the payer names.
//!
//! Whether the money could be moved is tried out on our own node, as that account. How much was moved is read
//! from the chain: a facilitator may take less than it is asked to, or more, up to what the payer permitted.

use std::sync::Arc;

use farthing_money::Amount;
use farthing_protocol::{JsonObject, ProblemType};
use farthing_rail::{
    Answer, Capture, Claim, Cursor, Fault, Hold, Method, NotReady, Order, Presented, Proof, RailError, RailStatement,
    Refund, Refusal, Rejected, Settled, Settlement, Settler, Standing, Terms, Unpriceable,
};

use super::readiness::Readiness;
use super::{Desk, Facilitator, UPTO};
use crate::Payment;
use crate::settle::{ChainSettler, Settling, Till};
use crate::x402::{X402Settings, X402Upto, refused};

/// The scheme `upto`, captured by a facilitator and seen on our own nodes.
pub struct RemoteUpto {
    /// The method, and what our nodes say of its payments.
    seen: Settling<Permitted>,
    settings: X402Settings,
    desk: Desk,
}

/// What is offered: the facilitator's account is named as it last said itself.
#[derive(Clone)]
struct Permitted {
    terms: Terms,
    settings: X402Settings,
    readiness: Readiness,
}

impl RemoteUpto {
    /// Lets a facilitator capture a seller's payments by Permit2, if these settings fit. As for `exact`, nothing is
    /// offered until it has said that it does. Another method with the same till tells what the account got.
    pub fn new(
        settings: X402Settings,
        chain: Arc<ChainSettler>,
        till: Till,
        facilitator: Facilitator,
    ) -> Result<Self, Unpriceable> {
        let terms = settings.terms(UPTO, Capture::Actual)?;
        let desk = Desk::new(UPTO, Arc::clone(&chain), facilitator);
        let method = Permitted { terms, settings: settings.clone(), readiness: desk.readiness.clone() };
        Ok(Self { seen: Settling::new(method, chain, till).without_statement(), settings, desk })
    }

    /// Takes so much, once; nothing is no question to anybody.
    async fn take(&self, claim: &Claim, asked: Amount) -> Settlement {
        let most = claim.proof.amount;
        if asked > most {
            return refused_more(asked, most);
        }
        if asked.is_zero() {
            return self.desk.chain.let_go(claim).await;
        }
        if self.desk.chain.is_let_go(claim).await {
            return self.desk.chain.look_elsewhere(claim).await;
        }
        let submitter = serde_json::from_slice::<Payment>(&claim.proof.kept).ok().and_then(|it| it.submitter());
        let method = submitter.and_then(|account| X402Upto::new(self.settings.clone(), account).ok());
        self.desk.have_settled(claim, method.and_then(|method| method.offer_of(most)), asked).await
    }
}

impl Permitted {
    fn method(&self) -> Result<X402Upto, Unpriceable> {
        let account = self.readiness.account();
        let account = account.ok_or_else(|| Unpriceable("the facilitator has not said who it is; ask later".into()))?;
        X402Upto::new(self.settings.clone(), account)
    }
}

impl Method for Permitted {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        self.method()?.request(order)
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        self.method().map_err(|error| refused(Fault::Submitter, error.0))?.verify(presented)
    }

    fn readiness(&self) -> Result<(), NotReady> {
        self.readiness.current()
    }

    fn receipt_members(&self) -> JsonObject {
        super::super::exact::receipt_members(&self.settings)
    }
}

impl Method for RemoteUpto {
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

impl Settler for RemoteUpto {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.take(claim, claim.proof.amount))
    }

    fn hold<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Hold> {
        Box::pin(self.desk.chain.hold_elsewhere(claim))
    }

    fn capture<'a>(&'a self, claim: &'a Claim, amount: Amount) -> Answer<'a, Settlement> {
        Box::pin(self.take(claim, amount))
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

impl std::fmt::Debug for RemoteUpto {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RemoteUpto").field("facilitator", &self.desk.facilitator).finish_non_exhaustive()
    }
}

fn refused_more(asked: Amount, most: Amount) -> Settlement {
    let reason = format!("{asked} base units are more than was signed for: {most}");
    let refusal = Refusal::new(ProblemType::VerificationFailed, reason.clone()).because(Fault::Amount);
    Settlement::Rejected(Rejected { reason, refusal })
}
