//! A test double: a prepaid payment method without signatures. The payload names the payer.

use std::time::Duration;

use farthing_money::{Amount, Asset, Home, Rounding};
use farthing_protocol::{ChargeRequest, IntentName, JsonObject, MethodName, ProblemType};
use farthing_rail::{
    Capture, ExpectedFee, Finality, Method, Order, PayerId, Presented, Proof, ProofKey, Protocol, Refusal, Terms,
    Unpriceable,
};

pub struct Prepaid(Terms);

pub fn asset() -> Asset {
    Asset::new("USD", 6, Home::Ledger).unwrap()
}

impl Prepaid {
    pub fn new() -> Self {
        Self(Terms {
            method: MethodName::new("double").unwrap(),
            intent: IntentName::new("charge").unwrap(),
            asset: asset(),
            floor: Amount::new(1),
            fee: ExpectedFee::NONE,
            finality: Finality::Immediate,
            refundable: true,
            validity: Duration::from_secs(300),
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        })
    }
}

impl Method for Prepaid {
    fn terms(&self) -> &Terms {
        &self.0
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let converted = order.price.in_asset(&self.0.asset, Rounding::Exact);
        let request = ChargeRequest {
            amount: converted.map_err(|error| Unpriceable(error.to_string()))?.amount,
            currency: "usd.6".to_owned(),
            recipient: None,
            description: None,
            external_id: None,
            method_details: JsonObject::new(),
        };
        Ok(request.to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let payload = presented.credential.payload();
        let Some(payer) = payload.get("payer").and_then(|payer| payer.as_str()) else {
            return Err(Refusal::new(ProblemType::InvalidPayload, "The payload names no payer."));
        };
        if payload.get("proof").is_some_and(|proof| proof == "bad") {
            return Err(Refusal::new(ProblemType::VerificationFailed, "The proof is bad."));
        }
        let id = presented.credential.challenge().id().as_str();
        Ok(Proof {
            key: ProofKey::new(
                payload
                    .get("key")
                    .and_then(|key| key.as_str())
                    .map_or_else(|| format!("double/{id}"), |key| format!("double/{key}")),
            ),
            payer: Some(PayerId::new(payer)),
            amount: presented.request.amount,
            asset: self.0.asset.clone(),
            kept: Vec::new(),
        })
    }
}
