//! The scheme `exact`: the price, whole, before anything is served.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, U256};
use farthing_dialects::x402::Requirements;
use farthing_money::Amount;
use farthing_protocol::{JsonObject, ProblemType};
use farthing_rail::{Capture, Fault, Method, Order, Presented, Proof, ProofKey, Refusal, Terms, Unpriceable};
use serde_json::Value;

use super::demand::{Demand, offer, offered};
use super::{EXACT, ExpectedPermit, Payee, Permit, Proxy, Transfer, X402Settings, refused};
use crate::chain::Token;
use crate::evm::wrapped::{self, Wrapped};
use crate::evm::{Authorization, ExpectedAuthorization, InvalidPayload, payer_id, source_address};
use crate::{Leg, Memo, Payment, Way, recover};

/// The method `x402` with the intent `exact`, for one seller or for anybody.
#[derive(Clone, Debug)]
pub struct X402Exact {
    terms: Terms,
    settings: X402Settings,
    /// Those of the tokens that take authorizations: they never change, and take six hashes.
    separators: HashMap<(u64, Address), B256>,
}

/// What makes a payment single-use, whose money it is, and how it moves.
type Found = (ProofKey, Address, Way);

impl X402Exact {
    /// With these settings, if they fit together.
    pub fn new(settings: X402Settings) -> Result<Self, Unpriceable> {
        let tokens = settings.payee.tokens().iter();
        let separators = tokens.filter_map(|token| Some(((token.chain, token.contract), token.separator()?))).collect();
        Ok(Self { terms: settings.terms(EXACT, Capture::Whole)?, settings, separators })
    }

    /// For whoever an offer names: amount, token and recipient are read from the offer that is presented.
    /// The token must be one of these, of one chain, and its signing domain is the one on file here.
    pub fn for_anybody(tokens: Vec<Token>) -> Result<Self, Unpriceable> {
        Self::new(X402Settings::anybody(tokens))
    }

    /// What was decided.
    pub fn settings(&self) -> &X402Settings {
        &self.settings
    }

    fn authorization(&self, demand: &Demand<'_>, payload: &JsonObject) -> Result<Found, Refusal> {
        let members = payload.get("authorization").and_then(Value::as_object);
        let members = members.ok_or_else(without_authorization)?;
        let authorization = Authorization::read_beside(members, payload).map_err(unreadable)?;
        let token = demand.token;
        let separator = self.separators.get(&(token.chain, token.contract)).copied();
        let separator = separator.ok_or_else(|| refused(Fault::Domain, "this token takes no authorizations here"))?;
        let expected = ExpectedAuthorization {
            separator,
            to: demand.recipient,
            value: U256::from(demand.amount.units()),
            // Whether it must be one that follows from what is bought is the dialect's to say.
            nonce: None,
            window: demand.window,
            contract_payers: self.settings.contract_payers,
        };
        check_form(&authorization.signature)?;
        if let Some(wrapped) = wrapped::unwrap(&authorization.signature) {
            let digest = authorization.digest(&separator);
            check_wrapped(&wrapped, &digest, authorization.from, self.settings.contract_payers)?;
        }
        let way = authorization.check(&expected).map_err(|error| refused(error.fault(), error))?;
        Ok((authorization.key(token.chain, &token.contract), authorization.from, way))
    }

    fn permit(&self, demand: &Demand<'_>, payload: &JsonObject) -> Result<Found, Refusal> {
        let permit = Permit::read(payload).map_err(unreadable)?;
        let (chain, contract_payers) = (demand.token.chain, self.settings.contract_payers);
        check_form(&permit.signature)?;
        if let Some(wrapped) = wrapped::unwrap(&permit.signature) {
            check_wrapped(&wrapped, &permit.digest(chain, Proxy::Exact), permit.from, contract_payers)?;
        }
        let expected = ExpectedPermit {
            chain,
            proxy: Proxy::Exact,
            token: demand.token.contract,
            to: demand.recipient,
            permitted: U256::from(demand.amount.units()),
            facilitator: None,
            window: demand.window,
            contract_payers,
        };
        let way = permit.check(&expected).map_err(|error| refused(error.fault(), error))?;
        Ok((permit.key(chain), permit.from, way))
    }
}

impl X402Exact {
    /// The offer of an amount, in x402's own words; none of whoever makes no offers.
    pub(crate) fn offer_of(&self, amount: Amount) -> Option<Requirements> {
        offered(EXACT, amount, &self.settings, self.named().as_slice()).ok()
    }

    /// What is said of how the money moves: what everybody takes for granted is not.
    fn named(&self) -> Option<(&'static str, Value)> {
        let transfer = match &self.settings.payee {
            Payee::Seller { transfer, .. } => *transfer,
            Payee::Anybody { .. } => Transfer::Eip3009,
        };
        (transfer != Transfer::Eip3009).then(|| ("assetTransferMethod", transfer.name().into()))
    }
}

impl Method for X402Exact {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        offer(EXACT, order, &self.settings, self.named().as_slice())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let demand = Demand::read(EXACT, presented, &self.settings)?;
        let payload = presented.credential.payload();
        let (key, payer, way) = match demand.transfer {
            Transfer::Eip3009 => self.authorization(&demand, payload)?,
            Transfer::Permit2 => self.permit(&demand, payload)?,
        };
        proof(presented, &demand, key, payer, way)
    }

    fn receipt_members(&self) -> JsonObject {
        receipt_members(&self.settings)
    }
}

/// What was found, as the books take it.
pub(super) fn proof(
    presented: &Presented<'_>,
    demand: &Demand<'_>,
    key: ProofKey,
    payer: Address,
    way: Way,
) -> Result<Proof, Refusal> {
    let (chain, token) = (demand.token.chain, demand.token.contract);
    let named = presented.credential.source().map(|source| source_address(source, chain));
    if named.is_some_and(|named| named != Some(payer)) {
        return Err(refused(Fault::Signature, "the credential's source is not who signed; send the same or none"));
    }
    let amount = U256::from(demand.amount.units());
    let legs = vec![Leg { recipient: demand.recipient, amount, memo: Memo::Any }];
    let payment = Payment { chain, token, payer: Some(payer), legs, way };
    Ok(Proof {
        key,
        payer: Some(payer_id(chain, &payer)),
        amount: demand.amount,
        asset: demand.token.asset.clone(),
        kept: serde_json::to_vec(&payment).map_err(|error| refused(Fault::Malformed, error))?,
    })
}

/// What receipts say beside what every receipt does: the chain.
pub(super) fn receipt_members(settings: &X402Settings) -> JsonObject {
    let chain = settings.payee.tokens().first().map(|token| token.chain);
    chain.map(|chain| ("chainId".to_owned(), chain.into())).into_iter().collect()
}

/// An ordinary signature ends in 27 or 28: any other spelling would be a second one.
pub(super) fn check_form(signature: &[u8]) -> Result<(), Refusal> {
    match signature {
        [.., v] if signature.len() == 65 && !matches!(v, 27 | 28) => {
            Err(refused(Fault::Signature, "the last byte of a signature is 27 or 28; send it in that form"))
        }
        _ => Ok(()),
    }
}

/// A wrapped signature (ERC-6492) is a contract account's; what an ordinary account's wraps is a call that
/// no honest payer needs. No such call is ever made here.
pub(super) fn check_wrapped(
    wrapped: &Wrapped,
    digest: &B256,
    payer: Address,
    contract_payers: bool,
) -> Result<(), Refusal> {
    let reason = if !contract_payers {
        "accounts that are contracts do not pay here; sign with an ordinary account"
    } else if recover(digest, &wrapped.signature) == Ok(payer) {
        "an ordinary account's signature needs no wrapper (ERC-6492); send it bare"
    } else {
        return Ok(());
    };
    Err(refused(Fault::ForeignCode, reason))
}

fn without_authorization() -> Refusal {
    let reason = "the payload must hold \"signature\" and \"authorization\", as the scheme says";
    Refusal::new(ProblemType::InvalidPayload, reason).because(Fault::Malformed)
}

pub(super) fn unreadable(error: InvalidPayload) -> Refusal {
    Refusal::new(ProblemType::InvalidPayload, error.to_string()).because(Fault::Malformed)
}

#[cfg(test)]
mod tests;
