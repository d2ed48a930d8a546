//! The seller's half: asks for a transfer, and decides whether what is presented is it.

use alloy_primitives::{Address, B256, U256, keccak256};
use farthing_protocol::{Challenge, IntentName, JsonObject, MethodName, ProblemType};
use farthing_rail::{
    Capture, Finality, Method, Order, Presented, Proof, ProofKey, Protocol, Refusal, Terms, Unpriceable,
};

use super::authorization::ExpectedAuthorization;
use super::permit2::ExpectedPermit2;
use super::request::EvmRequest;
use super::settings::{EvmSettings, amount_of};
use super::transaction::ExpectedTransaction;
use super::window::unix_seconds;
use super::{Authorization, CredentialKind, INTENT, METHOD, Payload, Permit2Transfer, Window};
use super::{payer_id, source_address, transaction};
use crate::{Leg, Payment, Way};

/// The `evm` method with the intent `charge`, for one token.
#[derive(Clone, Debug)]
pub struct EvmCharge {
    terms: Terms,
    settings: EvmSettings,
    /// Of the token's EIP-712 domain.
    separator: Option<B256>,
}

/// A credential of this method, on its way to being believed.
struct Case<'a> {
    presented: &'a Presented<'a>,
    request: EvmRequest,
    legs: Vec<Leg>,
    /// Who the credential says pays.
    source: Option<Address>,
}

/// What makes a payment single-use, whose money it is, and how it moves.
type Found = (ProofKey, Address, Way);

impl EvmCharge {
    /// With these settings, if they fit together.
    pub fn new(settings: EvmSettings) -> Result<Self, Unpriceable> {
        settings.check()?;
        let terms = Terms {
            method: MethodName::new(METHOD).map_err(|error| Unpriceable(error.to_string()))?,
            intent: IntentName::new(INTENT).map_err(|error| Unpriceable(error.to_string()))?,
            asset: settings.token.asset.clone(),
            floor: settings.floor,
            fee: settings.fee,
            finality: Finality::After(settings.finality()),
            refundable: true,
            validity: settings.validity,
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        };
        Ok(Self { terms, separator: settings.token.separator(), settings })
    }

    /// What was decided.
    pub fn settings(&self) -> &EvmSettings {
        &self.settings
    }

    fn case<'a>(&self, presented: &'a Presented<'a>) -> Result<Case<'a>, Refusal> {
        let request = EvmRequest::from_shared(presented.request).map_err(failed)?;
        let token = &self.settings.token;
        if request.chain != token.chain {
            let (got, ours) = (request.chain, token.chain);
            return Err(failed(format!(
                "the request is for chain {got}, but payments are taken on chain {ours}; ask again"
            )));
        }
        if request.token != token.contract {
            return Err(failed("the request is for another token than the one taken here; ask for a new challenge"));
        }
        if request.recipient != self.settings.recipient {
            return Err(failed("the request pays somebody else than this server; ask for a new challenge"));
        }
        let source = presented.credential.source().map(|source| {
            let named = source_address(source, request.chain);
            let expected = request.chain;
            named.ok_or_else(|| {
                failed(format!(
                    "the source is not an account of chain {expected}; send did:pkh:eip155:{expected}:0x..."
                ))
            })
        });
        let (source, legs) = (source.transpose()?, request.legs().map_err(failed)?);
        Ok(Case { presented, request, legs, source })
    }

    fn authorization(&self, case: &Case<'_>, authorization: &Authorization) -> Result<Found, Refusal> {
        let separator = self.separator.ok_or_else(|| failed("the token takes no authorizations"))?;
        if let Some(named) = case.source.filter(|named| *named != authorization.from) {
            let from = authorization.from;
            return Err(failed(format!("the authorization is from {from}, but the credential's source is {named}")));
        }
        let expected = ExpectedAuthorization {
            separator,
            to: case.request.recipient,
            value: case.amount(),
            nonce: Some(bound_nonce(case.challenge(), &authorization.nonce)),
            window: case.window(),
            contract_payers: self.settings.contract_payers,
        };
        let way = authorization.check(&expected).map_err(failed)?;
        Ok((authorization.key(case.request.chain, &case.request.token), authorization.from, way))
    }

    fn permit2(&self, case: &Case<'_>, transfer: &Permit2Transfer) -> Result<Found, Refusal> {
        let owner = case.source.ok_or_else(|| failed("a permit2 credential must name its payer as the source"))?;
        let spender = self.settings.spender.ok_or_else(|| failed("there is no signer here to submit a permit"))?;
        let expected = ExpectedPermit2 {
            chain: case.request.chain,
            owner,
            spender,
            token: case.request.token,
            legs: &case.legs,
            challenge_hash: challenge_hash(case.challenge()),
            external_id: case.request.external_id.as_deref().unwrap_or_default(),
            window: case.window(),
            contract_payers: self.settings.contract_payers,
        };
        let way = transfer.check(&expected).map_err(failed)?;
        Ok((transfer.key(case.request.chain, &owner), owner, way))
    }

    fn transaction(&self, case: &Case<'_>, raw: &alloy_primitives::Bytes) -> Result<Found, Refusal> {
        let expected = ExpectedTransaction {
            chain: case.request.chain,
            token: case.request.token,
            to: case.request.recipient,
            value: case.amount(),
            source: case.source,
        };
        let paying = transaction::check(raw, &expected).map_err(failed)?;
        Ok((paying.key, paying.sender, paying.way))
    }

    /// A hash says nothing by itself. That it was sent by the source, to us, after the challenge was
    /// issued, the chain must show.
    fn hash(&self, case: &Case<'_>, hash: B256) -> Result<Found, Refusal> {
        let payer = case.source.ok_or_else(|| failed("a hash credential must name its payer as the source"))?;
        let expires = case.challenge().expires().unwrap_or(case.presented.now);
        let not_before = unix_seconds(expires).saturating_sub(self.terms.validity.as_secs());
        Ok((transaction::key(case.request.chain, &hash), payer, Way::Shown { hash, not_before }))
    }
}

impl Case<'_> {
    fn challenge(&self) -> &Challenge {
        self.presented.credential.challenge()
    }

    fn amount(&self) -> U256 {
        U256::from(self.request.amount.units())
    }

    fn window(&self) -> Window {
        Window::new(self.presented.now, self.challenge().expires())
    }
}

impl Method for EvmCharge {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let token = &self.settings.token;
        let amount = amount_of(order, token, self.terms.floor)?;
        let request = EvmRequest {
            amount,
            token: token.contract,
            recipient: self.settings.recipient,
            chain: token.chain,
            accepts: self.settings.accept.clone(),
            decimals: Some(token.asset.decimals()),
            splits: self.settings.splits(amount)?,
            spender: self.settings.spender.filter(|_| self.settings.accept.contains(&CredentialKind::Permit2)),
            external_id: order.external_id.clone(),
        };
        Ok(request.to_shared(order.description.clone()).to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let payload = Payload::read(presented.credential.payload())
            .map_err(|error| Refusal::new(ProblemType::InvalidPayload, error.to_string()))?;
        let case = self.case(presented)?;
        let kind = payload.kind();
        if !case.request.splits.is_empty() && kind != CredentialKind::Permit2 {
            return Err(failed(format!("the challenge has splits, which {kind} cannot pay; send permit2")));
        }
        if !case.request.accepts.contains(&kind) || !self.settings.accept.contains(&kind) {
            return Err(failed(format!("{kind} is not accepted here; send one of the challenge's credentialTypes")));
        }
        let (key, payer, way) = match &payload {
            Payload::Authorization(authorization) => self.authorization(&case, authorization)?,
            Payload::Permit2(transfer) => self.permit2(&case, transfer)?,
            Payload::Transaction(raw) => self.transaction(&case, raw)?,
            Payload::Hash(hash) => self.hash(&case, *hash)?,
        };
        let Case { request, legs, .. } = case;
        let payment = Payment { chain: request.chain, token: request.token, payer: Some(payer), legs, way };
        Ok(Proof {
            key,
            payer: Some(payer_id(request.chain, &payer)),
            amount: request.amount,
            asset: self.terms.asset.clone(),
            kept: serde_json::to_vec(&payment).map_err(failed)?,
        })
    }

    fn receipt_members(&self) -> JsonObject {
        JsonObject::from_iter([("chainId".to_owned(), self.settings.token.chain.into())])
    }
}

/// What binds a signature to a challenge: the Keccak-256 hash of its id and its realm, one behind the
/// other. Nothing separates the two; ids of one length, as ours are, leave no doubt.
pub(crate) fn challenge_hash(challenge: &Challenge) -> B256 {
    keccak256([challenge.id().as_str(), challenge.realm().as_str()].concat())
}

/// The nonce that an authorization must have. Of the official clients some hash the id and the realm as the draft says
/// and some as a list of JSON (pympp 0.16): both bind it to the challenge, so the client's own choice among them is
/// what is expected of it.
fn bound_nonce(challenge: &Challenge, chosen: &B256) -> B256 {
    let list = serde_json::json!([challenge.id().as_str(), challenge.realm().as_str()]);
    Some(keccak256(list.to_string())).filter(|listed| listed == chosen).unwrap_or_else(|| challenge_hash(challenge))
}

fn failed(reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(ProblemType::VerificationFailed, reason.to_string())
}

#[cfg(test)]
mod tests;
