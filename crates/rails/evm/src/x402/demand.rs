//! What an offer asks for, checked against what we take.

use std::time::Duration;

use alloy_primitives::Address;
use farthing_dialects::x402::{Network, Requirements};
use farthing_money::Amount;
use farthing_protocol::{ChargeRequest, JsonObject};
use farthing_rail::{Fault, Order, Presented, Refusal, Unpriceable};
use serde_json::Value;

use super::{LONGEST_LIFE, Payee, SHORTEST_REST, SKEW, Transfer, UPTO, X402Settings, refused};
use crate::chain::{SigningDomain, Token};
use crate::evm::{Window, amount_of, wire_address};

/// What an offer asks for.
#[derive(Clone, Debug)]
pub(super) struct Demand<'a> {
    pub(super) token: &'a Token,
    pub(super) recipient: Address,
    pub(super) amount: Amount,
    pub(super) transfer: Transfer,
    pub(super) window: Window,
    /// `extra.facilitatorAddress`.
    pub(super) facilitator: Option<Address>,
}

impl<'a> Demand<'a> {
    /// Reads the offer that a payment answers: of a seller it must be the seller's own, of anybody one
    /// that our tables bear out.
    pub(super) fn read(scheme: &str, presented: &Presented<'_>, settings: &'a X402Settings) -> Result<Self, Refusal> {
        let asked = Requirements::from_request(scheme, presented.request)
            .map_err(|error| refused(Fault::OfferUnknown, error))?;
        let token = token(&asked, settings.payee.tokens())?;
        let recipient = wire_address(&asked.pay_to).filter(|payee| !payee.is_zero() && *payee != token.contract);
        let recipient =
            recipient.ok_or_else(|| refused(Fault::Recipient, "payTo is nobody's account; name who is to be paid"))?;
        if asked.amount.is_zero() {
            return Err(refused(Fault::Amount, "the amount is zero; a payment is at least one base unit"));
        }
        let transfer = transfer(scheme, &asked.extra)?;
        if let Payee::Seller { recipient: ours, transfer: offered, .. } = &settings.payee {
            if recipient != *ours {
                return Err(refused(Fault::Recipient, "the offer pays somebody else than this server; ask again"));
            }
            if transfer != *offered {
                return Err(refused(Fault::OfferUnknown, "the offer moves the token in another way than this one"));
            }
        }
        if transfer == Transfer::Eip3009 {
            check_domain(&asked.extra, token)?;
        }
        let longest = Duration::from_secs(asked.max_timeout_seconds).min(LONGEST_LIFE).saturating_add(SKEW);
        let window = Window::lasting(presented.now, longest, SHORTEST_REST);
        let facilitator = asked.extra.get("facilitatorAddress").and_then(Value::as_str).and_then(wire_address);
        Ok(Self { token, recipient, amount: asked.amount, transfer, window, facilitator })
    }
}

/// The token on file that an offer asks for.
fn token<'a>(asked: &Requirements, tokens: &'a [Token]) -> Result<&'a Token, Refusal> {
    let chain = asked.network.evm_chain();
    let mut here = tokens.iter().filter(|token| Some(token.chain) == chain).peekable();
    if here.peek().is_none() {
        let network = &asked.network;
        return Err(refused(Fault::Network, format!("payments on {network} are not taken here; see what is offered")));
    }
    let contract = wire_address(&asked.asset);
    here.find(|token| Some(token.contract) == contract).ok_or_else(|| {
        refused(Fault::Asset, "the asset is no token that is taken here; pay in one that is offered or configured")
    })
}

/// How the money moves: `upto` knows one way only, and need not say so.
fn transfer(scheme: &str, extra: &JsonObject) -> Result<Transfer, Refusal> {
    let taken = |transfer: &Transfer| scheme != UPTO || *transfer == Transfer::Permit2;
    match extra.get("assetTransferMethod") {
        None if scheme == UPTO => Ok(Transfer::Permit2),
        None => Ok(Transfer::Eip3009),
        Some(named) => named.as_str().and_then(Transfer::named).filter(taken).ok_or_else(|| {
            refused(Fault::OfferUnknown, "the offer's assetTransferMethod is none that is taken here in this scheme")
        }),
    }
}

/// An offer that names another signing domain than the one on file would have its payers sign what the
/// token refuses.
fn check_domain(extra: &JsonObject, token: &Token) -> Result<(), Refusal> {
    let Some(SigningDomain { name, version }) = &token.domain else {
        return Err(refused(Fault::Domain, "this token takes no authorizations here; pay by permit2"));
    };
    for (member, ours) in [("name", name), ("version", version)] {
        if extra.get(member).is_some_and(|theirs| theirs.as_str() != Some(ours.as_str())) {
            let reason =
                format!("the offer's {member} is not the token's; sign for the domain \"{name}\" \"{version}\"");
            return Err(refused(Fault::Domain, reason));
        }
    }
    Ok(())
}

/// The offer that a seller makes for an order, with these members in `extra` beside the token's own.
pub(super) fn offer(
    scheme: &str,
    order: &Order,
    settings: &X402Settings,
    named: &[(&str, Value)],
) -> Result<JsonObject, Unpriceable> {
    let Some(token) = settings.payee.tokens().first() else { return Err(no_offers()) };
    let asked = offered(scheme, amount_of(order, token, settings.floor)?, settings, named)?;
    let (description, external_id) = (order.description.clone(), order.external_id.clone());
    Ok(ChargeRequest { description, external_id, ..asked.to_request() }.to_object())
}

/// The same for an amount, in x402's own words.
pub(super) fn offered(
    scheme: &str,
    amount: Amount,
    settings: &X402Settings,
    named: &[(&str, Value)],
) -> Result<Requirements, Unpriceable> {
    let Payee::Seller { token, recipient, .. } = &settings.payee else {
        return Err(no_offers());
    };
    let domain = token.domain.iter();
    let domain = domain.flat_map(|domain| [("name", domain.name.as_str()), ("version", domain.version.as_str())]);
    let domain = domain.map(|(name, text)| (name, Value::from(text)));
    let extra = named.iter().cloned().chain(domain).map(|(name, value)| (name.to_owned(), value));
    Ok(Requirements {
        scheme: scheme.to_owned(),
        network: Network::evm(token.chain),
        amount,
        asset: token.contract.to_checksum(None),
        pay_to: recipient.to_checksum(None),
        max_timeout_seconds: settings.validity.as_secs().max(1),
        extra: extra.collect(),
    })
}

fn no_offers() -> Unpriceable {
    Unpriceable("a facilitator makes no offers of its own; configure a recipient".into())
}
