use std::time::Duration;

use farthing_money::{Amount, Asset, Rounding};
use farthing_protocol::{IntentName, JsonObject, MethodName, ProblemType};
use farthing_rail::{
    Capture, ExpectedFee, Finality, Method, Order, PayerId, Presented, Proof, ProofKey, Protocol, Refusal, Terms,
    Unpriceable,
};

use crate::message::message_of;
use crate::payload::Payload;
use crate::{BalanceRequest, INTENT, METHOD, PayerKey};

/// How long a challenge lives: long enough for a person to approve, short enough to forget.
const VALIDITY: Duration = Duration::from_secs(5 * 60);

/// The seller's half: asks for millionths of one currency, and checks the payer's signature.
#[derive(Clone, Debug)]
pub struct Balance {
    terms: Terms,
    issuer: String,
}

impl Balance {
    /// Balances in this asset, kept in the books of this issuer: the gateway's public URL or host.
    pub fn new(asset: Asset, issuer: &str) -> Result<Self, Unpriceable> {
        let terms = Terms {
            method: MethodName::new(METHOD).map_err(|error| Unpriceable(error.to_string()))?,
            intent: IntentName::new(INTENT).map_err(|error| Unpriceable(error.to_string()))?,
            asset,
            floor: Amount::new(1),
            fee: ExpectedFee::NONE,
            finality: Finality::Immediate,
            refundable: true,
            validity: VALIDITY,
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        };
        Ok(Self { terms, issuer: issuer.to_owned() })
    }
}

impl Balance {
    /// Whose books hold the balances.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }
}

impl Method for Balance {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn knows_payer(&self, name: &str) -> bool {
        name.parse::<PayerKey>().is_ok()
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let asset = &self.terms.asset;
        if order.price.currency().as_str() != asset.code() {
            let code = asset.code();
            return Err(Unpriceable(format!(
                "{} cannot be paid from balances in {code}; price it in {code}",
                order.price
            )));
        }
        let amount = order.price.in_asset(asset, Rounding::Exact);
        let amount = amount.map_err(|error| Unpriceable(format!("{}: {error}", order.price)))?.amount;
        if amount < self.terms.floor {
            return Err(Unpriceable(format!("{} is nothing to pay; mark the route free = true instead", order.price)));
        }
        let request = BalanceRequest { amount, asset: asset.clone(), issuer: self.issuer.clone() };
        Ok(request.to_shared(order.description.clone(), order.external_id.clone()).to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let credential = presented.credential;
        let payload = Payload::read(credential.payload())
            .map_err(|error| Refusal::new(ProblemType::InvalidPayload, error.to_string()))?;
        let failed = |detail: &str| Refusal::new(ProblemType::VerificationFailed, detail);
        let request = BalanceRequest::from_shared(presented.request).map_err(|error| failed(&error.to_string()))?;
        if request.asset != self.terms.asset || request.issuer != self.issuer {
            return Err(failed("the request is for a balance that is not kept here; ask for a new challenge"));
        }
        let payer = payload.did;
        if credential.source().is_some_and(|source| source != payer) {
            return Err(failed(
                "the credential's source is not the payer in its payload; send the same did or no source",
            ));
        }
        let message = message_of(credential.challenge(), &payer).map_err(|error| failed(&error.to_string()))?;
        if !payload.payer.made(&payload.signature, &message) {
            return Err(failed("the signature is not the payer's over this challenge; sign the challenge as received"));
        }
        Ok(Proof {
            key: ProofKey::new(format!("{METHOD}/{}", credential.challenge().id().as_str())),
            payer: Some(PayerId::new(payer)),
            amount: request.amount,
            asset: request.asset,
            kept: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests;
