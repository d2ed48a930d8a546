use alloy_primitives::{Address, B256};
use farthing_money::Amount;
use farthing_protocol::Challenge;
use farthing_rail::{Deposit, NotPayable, Offer, Origin, SessionQuote};
use serde_json::Value;

use crate::chain::Token;
use crate::session::SessionRequest;

/// An offer that was read whole, in a token and of an escrow that are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) request: SessionRequest,
    pub(super) token: Token,
}

impl Asked {
    /// What every channel that can pay this offer has in common. Kept on disk: it must stay as it is.
    pub(super) fn terms(&self, payer: Address) -> String {
        let SessionRequest { vault, token, recipient, operator, .. } = &self.request;
        let (chain, escrow) = (vault.chain, vault.contract);
        let kind = vault.kind.protocol().unwrap_or(vault.kind.method());
        format!("eip155:{chain}/{kind}/{escrow:#x}/{payer:#x}/{recipient:#x}/{operator:#x}/{token:#x}")
    }

    /// As a quote for this offer.
    pub(super) fn offered(&self, offer: &Offer<'_>, payer: Address) -> Result<SessionQuote, NotPayable> {
        if offer.amount.is_some_and(|amount| amount != self.request.amount) {
            return Err(NotPayable("the amount reads differently in the shared fields".into()));
        }
        self.quote(offer.challenge, offer.origin, payer)
    }

    /// The quote of this challenge from there.
    pub(super) fn quote(
        &self,
        challenge: &Challenge,
        origin: &Origin,
        payer: Address,
    ) -> Result<SessionQuote, NotPayable> {
        let request = &self.request;
        Ok(SessionQuote {
            challenge: challenge.clone(),
            origin: origin.clone(),
            unit_amount: request.amount,
            unit_cost: self.token.price(request.amount).map_err(|_| too_much())?,
            unit: request.unit.clone(),
            asset: self.token.asset.clone(),
            payee: Some(request.recipient.to_checksum(None)),
            suggested_deposit: request.suggested_deposit,
            least_delta: request.least_delta,
            terms: self.terms(payer),
            hint: self.hint(),
        })
    }

    /// Whether a quote is for this offer, in all that money depends on.
    pub(super) fn is_quoted_by(&self, quote: &SessionQuote, payer: Address) -> bool {
        let binding = |quote: &SessionQuote| {
            (quote.unit_amount, quote.unit_cost, quote.asset.clone(), quote.payee.clone(), quote.terms.clone())
        };
        let anew = self.quote(&quote.challenge, &quote.origin, payer);
        anew.is_ok_and(|anew| binding(&anew) == binding(quote))
    }

    /// What depositing so much comes to, where sending it costs this fee at most.
    pub(super) fn deposit(
        &self,
        quote: &SessionQuote,
        amount: Amount,
        first: Amount,
        fee: Amount,
    ) -> Result<Deposit, NotPayable> {
        if amount.is_zero() {
            return Err(NotPayable("a deposit of nothing pays for nothing".into()));
        }
        if amount > self.request.vault.kind.most() {
            return Err(too_much());
        }
        if first > amount {
            let (first, amount) = (self.token.asset.display(first), self.token.asset.display(amount));
            return Err(NotPayable(format!("a deposit of {amount} does not cover the first {first}")));
        }
        let total = amount.checked_add(fee).ok_or_else(too_much)?;
        let cost = self.token.price(total).map_err(|_| too_much())?;
        Ok(Deposit { quote: quote.clone(), amount, fee, cost, first })
    }

    /// The channel that the seller thinks of, in lower case. What is not a channel's name is no hint.
    fn hint(&self) -> Option<String> {
        let of_snapshot = || self.request.snapshot.as_ref()?.get("channelId").and_then(Value::as_str)?.parse().ok();
        let channel: Option<B256> = self.request.channel.or_else(of_snapshot);
        channel.map(|channel| format!("{channel:#x}"))
    }
}

fn too_much() -> NotPayable {
    NotPayable("the amount is larger than any price or escrow can count".into())
}
