//! The seller's half: asks for USDC, and decides whether an authorization pays it.

use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use farthing_money::Amount;
use farthing_protocol::{IntentName, JsonObject, MethodName, ProblemType};
use farthing_rail::{
    Capture, ExpectedFee, Finality, Method, Order, Presented, Proof, Protocol, Refusal, Terms, Unpriceable,
};

use super::request::{DECIMALS, PROFILE, UsdcRequest};
use super::{INTENT, METHOD, nonce};
use crate::Payment;
use crate::chain::{Token, by_id};
use crate::evm::{ExpectedAuthorization, Payload, Window, amount_of, payer_id, source_address};

/// How long a challenge lives: long enough for a person to approve, short enough to forget.
const VALIDITY: Duration = Duration::from_secs(5 * 60);

/// Native USDC on one chain, and how it is charged.
#[derive(Clone, Debug)]
pub struct UsdcSettings {
    /// USDC, on the chain where it is charged.
    pub token: Token,
    /// Who gets it.
    pub recipient: Address,
    /// Whether accounts that are contracts may pay. What bytes cannot decide about their signatures
    /// costs a question to the chain.
    pub contract_payers: bool,
    /// How long a challenge lives.
    pub validity: Duration,
    /// The smallest amount.
    pub floor: Amount,
    /// What a payment is expected to cost the seller.
    pub fee: ExpectedFee,
}

/// The `usdc` method with the intent `charge`, on one chain.
#[derive(Clone, Debug)]
pub struct UsdcCharge {
    terms: Terms,
    settings: UsdcSettings,
    /// Of the token's EIP-712 domain.
    separator: B256,
}

impl UsdcSettings {
    /// Charges USDC for this recipient.
    pub fn new(token: Token, recipient: Address) -> Self {
        let (floor, fee) = (Amount::new(1), ExpectedFee::NONE);
        Self { token, recipient, contract_payers: false, validity: VALIDITY, floor, fee }
    }
}

impl UsdcCharge {
    /// With these settings, if the token is USDC: by our own file or by the owner's word.
    pub fn new(settings: UsdcSettings) -> Result<Self, Unpriceable> {
        let refused = |reason: &str| Unpriceable(reason.to_owned());
        let token = &settings.token;
        let (separator, asset) = (token.separator(), &token.asset);
        let is_usdc = asset.code() == "USDC" && asset.decimals() == DECIMALS && token.currency.as_str() == "USD";
        let separator = separator.filter(|_| is_usdc);
        let separator = separator.ok_or_else(|| {
            refused("the usdc method charges native USDC only; configure a chain on which it is on file, or use evm")
        })?;
        if settings.recipient.is_zero() || settings.recipient == token.contract {
            return Err(refused("the recipient is nobody's account; write the address that is to be paid"));
        }
        let finality = by_id(token.chain).map_or(Duration::from_secs(1), |chain| chain.finality);
        let terms = Terms {
            method: MethodName::new(METHOD).map_err(|error| Unpriceable(error.to_string()))?,
            intent: IntentName::new(INTENT).map_err(|error| Unpriceable(error.to_string()))?,
            asset: asset.clone(),
            floor: settings.floor,
            fee: settings.fee,
            finality: Finality::After(finality),
            refundable: true,
            validity: settings.validity,
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        };
        Ok(Self { terms, separator, settings })
    }

    /// What was decided.
    pub fn settings(&self) -> &UsdcSettings {
        &self.settings
    }

    fn check_request(&self, request: &UsdcRequest) -> Result<(), Refusal> {
        let token = &self.settings.token;
        let ours = (token.chain, token.contract, self.settings.recipient);
        if (request.chain, request.token, request.recipient) != ours {
            return Err(failed("the request is for another chain, token or recipient than this server's; ask again"));
        }
        Ok(())
    }
}

impl Method for UsdcCharge {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let token = &self.settings.token;
        let request = UsdcRequest {
            amount: amount_of(order, token, self.terms.floor)?,
            token: token.contract,
            recipient: self.settings.recipient,
            chain: token.chain,
        };
        Ok(request.to_shared(order.description.clone(), order.external_id.clone()).to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let credential = presented.credential;
        let payload = Payload::read(credential.payload())
            .map_err(|error| Refusal::new(ProblemType::InvalidPayload, error.to_string()))?;
        let Payload::Authorization(authorization) = payload else {
            return Err(failed(format!("{} does not pay USDC here; send an authorization", payload.kind())));
        };
        let request = UsdcRequest::from_shared(presented.request).map_err(failed)?;
        self.check_request(&request)?;
        let named = credential.source().map(|source| source_address(source, request.chain));
        if named.is_some_and(|named| named != Some(authorization.from)) {
            return Err(failed("the credential's source is not the authorization's from; send the same or none"));
        }
        let expected = ExpectedAuthorization {
            separator: self.separator,
            to: request.recipient,
            value: U256::from(request.amount.units()),
            nonce: Some(nonce(credential.challenge()).map_err(failed)?),
            window: Window::new(presented.now, credential.challenge().expires()),
            contract_payers: self.settings.contract_payers,
        };
        let way = authorization.check(&expected).map_err(failed)?;
        let payer = authorization.from;
        let (chain, token) = (request.chain, request.token);
        let payment = Payment { chain, token, payer: Some(payer), legs: vec![request.leg()], way };
        Ok(Proof {
            key: authorization.key(chain, &token),
            payer: Some(payer_id(chain, &payer)),
            amount: request.amount,
            asset: self.terms.asset.clone(),
            kept: serde_json::to_vec(&payment).map_err(failed)?,
        })
    }

    fn receipt_members(&self) -> JsonObject {
        let network = format!("eip155:{}", self.settings.token.chain);
        [("type".to_owned(), PROFILE.into()), ("network".to_owned(), network.into())].into_iter().collect()
    }
}

fn failed(reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(ProblemType::VerificationFailed, reason.to_string())
}

#[cfg(test)]
mod tests;
