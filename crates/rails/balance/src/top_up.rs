//! Topping up a balance over another rail, by the offer that a request meets (intent `topup`).
//!
//! A price that is below what a card or a chain can carry is paid out of a balance, and the balance is filled by a
//! payment that the rail can carry. Such an offer is the other rail's own charge, of a fixed amount, with one more
//! member in its `methodDetails`: `topUp` says whose books the balance is in, what it gets, and what the request
//! costs that is paid out of it at once. The credential's `source` names the payer's key. See
//! `docs/methods/topup.md`.

use std::sync::Arc;

use farthing_money::{Amount, Asset, Price, Rounding};
use farthing_protocol::{ChargeRequest, IntentName, JsonObject, ProblemType};
use farthing_rail::{
    Answer, Capture, Claim, Cursor, Method, NotReady, Order, PayerId, Presented, Proof, RailError, RailStatement,
    Refund, Refusal, Settled, Settlement, Settler, Standing, Terms, Unpriceable,
};

use crate::{Balance, NotACurrency, PayerKey, asset_of, identifier_of};

/// The intent's name on the wire.
pub const TOP_UP: &str = "topup";

/// The member of `methodDetails` that says it all.
const MEMBER: &str = "topUp";

/// The seller's half: another rail's settler, whose payments fill balances.
pub struct TopUp {
    rail: Arc<dyn Settler>,
    terms: Terms,
    amount: Price,
    issuer: String,
    balance: Asset,
}

/// What an offer to top up says beside what its rail's charge does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpDetails {
    /// Whose books the balance is in: the gateway's public URL or host.
    pub issuer: String,
    /// The balance's asset.
    pub asset: Asset,
    /// What the balance gets, in its base units.
    pub credits: Amount,
    /// What the request costs that is paid out of it at once, in the same units.
    pub price: Amount,
}

/// Why the details of a top-up cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotATopUp {
    /// The member is missing or is no object.
    #[error("the request says nothing of the balance that it tops up")]
    Missing,
    /// See [`NotACurrency`].
    #[error(transparent)]
    Currency(#[from] NotACurrency),
    /// A member of it is missing or cannot be read.
    #[error("the request's topUp has no readable {0}")]
    Member(&'static str),
    /// It costs more than it brings.
    #[error("the request costs more than the top-up brings")]
    TooSmall,
}

impl TopUpDetails {
    /// Out of the request of a challenge.
    pub fn read(request: &ChargeRequest) -> Result<Self, NotATopUp> {
        let details = request.method_details.get(MEMBER).and_then(|details| details.as_object());
        let details = details.ok_or(NotATopUp::Missing)?;
        let text = |name: &'static str| details.get(name).and_then(|text| text.as_str()).ok_or(NotATopUp::Member(name));
        let amount = |name: &'static str| text(name)?.parse::<Amount>().map_err(|_| NotATopUp::Member(name));
        let (issuer, asset) = (text("issuer")?.to_owned(), asset_of(text("currency")?)?);
        let (credits, price) = (amount("credits")?, amount("price")?);
        if price > credits {
            return Err(NotATopUp::TooSmall);
        }
        Ok(Self { issuer, asset, credits, price })
    }

    fn to_object(&self) -> JsonObject {
        let mut details = JsonObject::new();
        details.insert("issuer".into(), self.issuer.as_str().into());
        details.insert("currency".into(), identifier_of(&self.asset).into());
        details.insert("credits".into(), self.credits.to_string().into());
        details.insert("price".into(), self.price.to_string().into());
        details
    }
}

impl TopUp {
    /// Payments of this amount over this rail, into these balances.
    pub fn over(rail: Arc<dyn Settler>, amount: Price, balance: &Balance) -> Result<Self, Unpriceable> {
        let (terms, asset) = (rail.terms().clone(), balance.terms().asset.clone());
        if amount.currency().as_str() != asset.code() {
            let code = asset.code();
            return Err(Unpriceable(format!("a top-up of {amount} fills no balance in {code}; write it in {code}")));
        }
        let exact = amount.in_asset(&terms.asset, Rounding::Exact).map_err(|error| {
            Unpriceable(format!("{}/{} cannot carry a top-up of {amount}: {error}", terms.method, terms.intent))
        })?;
        if exact.amount < terms.floor {
            let floor = terms.asset.display(terms.floor);
            return Err(Unpriceable(format!("{} carries no less than {floor}; top up with that", terms.method)));
        }
        let intent = IntentName::new(TOP_UP).map_err(|error| Unpriceable(error.to_string()))?;
        let terms = Terms { intent, capture: Capture::Whole, ..terms };
        Ok(Self { rail, terms, amount, issuer: balance.issuer().to_owned(), balance: asset })
    }
}

impl Method for TopUp {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let in_balance = |price: Price| {
            let amount = price.in_asset(&self.balance, Rounding::Exact);
            amount.map(|exact| exact.amount).map_err(|error| Unpriceable(format!("{price}: {error}")))
        };
        let (credits, price) = (in_balance(self.amount)?, in_balance(order.price)?);
        if price > credits {
            let (amount, asked) = (self.amount, order.price);
            return Err(Unpriceable(format!("{asked} is more than a top-up of {amount} brings; top up with more")));
        }
        let details = TopUpDetails { issuer: self.issuer.clone(), asset: self.balance.clone(), credits, price };
        let mut request = self.rail.request(&Order { price: self.amount, ..order.clone() })?;
        let members = request.entry("methodDetails").or_insert_with(|| JsonObject::new().into());
        let Some(members) = members.as_object_mut() else {
            return Err(Unpriceable(format!("{} has no place for a top-up in its request", self.terms.method)));
        };
        members.insert(MEMBER.into(), details.to_object().into());
        Ok(request)
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let refused = |detail: &str| Refusal::new(ProblemType::InvalidPayload, detail);
        let source = presented.credential.source().and_then(|source| source.parse::<PayerKey>().ok());
        let source = source.ok_or_else(|| {
            refused("a top-up fills the balance of a key; name yours as the credential's source, did:key:z6Mk...")
        })?;
        let proof = self.rail.verify(presented)?;
        Ok(Proof { payer: Some(PayerId::new(source.to_string())), ..proof })
    }

    fn readiness(&self) -> Result<(), NotReady> {
        self.rail.readiness()
    }

    fn tops_up(&self) -> Option<&Asset> {
        Some(&self.balance)
    }

    fn receipt_members(&self) -> JsonObject {
        self.rail.receipt_members()
    }
}

impl Settler for TopUp {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        self.rail.settle(claim)
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        self.rail.lookup(claim)
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement> {
        self.rail.refund(refund)
    }

    fn confirm<'a>(&'a self, claim: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        self.rail.confirm(claim, settled)
    }

    /// The rail's own settler reads its statement, in which a top-up is a payment like any other.
    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        let page = RailStatement { movements: Vec::new(), next: after.clone(), more: false };
        Box::pin(std::future::ready(Ok(page)))
    }
}

#[cfg(test)]
mod tests;
