use std::sync::Arc;

use alloy_primitives::Address;
use farthing_protocol::JsonObject;
use farthing_rail::{
    Answer, Claim, Cursor, Method, Order, Presented, Proof, RailError, RailStatement, Refund, Refusal, Settled,
    Settlement, Settler, Standing, Terms, Unpriceable,
};

use super::ChainSettler;

/// A method together with the chain that its money is on.
#[derive(Debug)]
pub struct Settling<M> {
    method: M,
    /// The method's, but that money is only sent back where the chain's signer is the account that
    /// is paid.
    terms: Terms,
    chain: Arc<ChainSettler>,
    till: Till,
}

/// Where the money arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Till {
    /// The account.
    pub recipient: Address,
}

impl<M: Method> Settling<M> {
    /// Lets a method settle on a chain.
    pub fn new(method: M, chain: Arc<ChainSettler>, till: Till) -> Self {
        let mut terms = method.terms().clone();
        terms.refundable &= chain.can_send_back(till.recipient);
        Self { method, terms, chain, till }
    }
}

impl<M: Method> Method for Settling<M> {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        self.method.request(order)
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        self.method.verify(presented)
    }

    fn receipt_members(&self) -> JsonObject {
        self.method.receipt_members()
    }
}

impl<M: Method> Settler for Settling<M> {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.chain.settle(claim))
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.chain.lookup(claim))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement> {
        Box::pin(self.chain.send_back(refund, self.till.recipient))
    }

    fn confirm<'a>(&'a self, claim: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        Box::pin(self.chain.confirm(claim, settled))
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        Box::pin(self.chain.transfers_to(self.till.recipient, &self.method.terms().asset, after))
    }
}
