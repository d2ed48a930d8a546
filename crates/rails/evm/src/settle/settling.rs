use std::future::ready;
use std::sync::Arc;

use alloy_primitives::{Address, U256};
use farthing_money::Amount;
use farthing_protocol::JsonObject;
use farthing_rail::{
    Answer, Claim, Cursor, Hold, Method, NotReady, Order, Presented, Proof, RailError, RailStatement, Refund, Refusal,
    Settled, Settlement, Settler, Standing, Terms, Unpriceable,
};

use super::ChainSettler;
use super::outcome::refused;
use crate::Payment;

/// A method together with the chain that its money is on.
#[derive(Debug)]
pub struct Settling<M> {
    method: M,
    /// The method's, but that money is only sent back where the chain's signer is the account that
    /// is paid.
    terms: Terms,
    chain: Arc<ChainSettler>,
    /// None where the money is other people's.
    till: Option<Till>,
    /// Whether it is this method that tells what its account got.
    tells: bool,
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
        Self { method, terms, chain, till: Some(till), tells: true }
    }

    /// Lets a method settle on a chain for whoever is paid: nothing is sent back, and there is no account
    /// of which to tell.
    pub fn for_anybody(method: M, chain: Arc<ChainSettler>) -> Self {
        let terms = Terms { refundable: false, ..method.terms().clone() };
        Self { method, terms, chain, till: None, tells: false }
    }

    /// Leaves it to another method with the same till to tell what the account got.
    #[must_use]
    pub fn without_statement(self) -> Self {
        Self { tells: false, ..self }
    }

    /// What of a payment goes straight to others.
    fn passed_on(&self, claim: &Claim) -> Amount {
        let Some(till) = &self.till else { return Amount::ZERO };
        let Ok(payment) = serde_json::from_slice::<Payment>(&claim.proof.kept) else { return Amount::ZERO };
        let others = payment.legs.iter().filter(|leg| leg.recipient != till.recipient);
        let sum = others.fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.amount));
        Amount::new(sum.saturating_to())
    }

    /// Says of a settled payment what others got.
    fn less_what_went_on(&self, claim: &Claim, settlement: Settlement) -> Settlement {
        match settlement {
            Settlement::Settled(settled) => {
                Settlement::Settled(Settled { passed_on: self.passed_on(claim), ..settled })
            }
            other => other,
        }
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

    fn readiness(&self) -> Result<(), NotReady> {
        self.method.readiness()?;
        self.chain.readiness()
    }

    fn receipt_members(&self) -> JsonObject {
        self.method.receipt_members()
    }
}

impl<M: Method> Settler for Settling<M> {
    fn sends_from(&self) -> Vec<String> {
        self.chain.sends_from()
    }

    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(async { self.less_what_went_on(claim, self.chain.settle(claim).await) })
    }

    fn hold<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Hold> {
        Box::pin(self.chain.hold(claim))
    }

    fn capture<'a>(&'a self, claim: &'a Claim, amount: Amount) -> Answer<'a, Settlement> {
        Box::pin(async move { self.less_what_went_on(claim, self.chain.capture(claim, amount).await) })
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(async { self.less_what_went_on(claim, self.chain.lookup(claim).await) })
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement> {
        match self.till {
            Some(till) => Box::pin(self.chain.send_back(refund, till.recipient)),
            None => Box::pin(ready(refused("the money went to somebody else, who alone can send it back"))),
        }
    }

    fn confirm<'a>(&'a self, claim: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        Box::pin(async {
            match self.chain.confirm(claim, settled).await {
                Standing::Moved(settled) => Standing::Moved(Settled { passed_on: self.passed_on(claim), ..settled }),
                standing => standing,
            }
        })
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        match self.till.filter(|_| self.tells) {
            Some(till) => Box::pin(self.chain.transfers_of(till.recipient, &self.method.terms().asset, after)),
            None => {
                let nothing = RailStatement { movements: Vec::new(), next: after.clone(), more: false };
                Box::pin(ready(Ok(nothing)))
            }
        }
    }
}
