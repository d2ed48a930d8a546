use farthing_dialects::x402::facilitator::FacilitatorRequest;
use farthing_dialects::x402::{Answers, Network, PaymentPayload, Requirements, Version};
use http::StatusCode;

use crate::refused::Refused;

/// What a seller sends: a payment, and what it asks for. The two speak of one offer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) payment: PaymentPayload,
    pub(crate) requirements: Requirements,
    /// What the payer was offered: more than what is asked for only where a part of it may be taken.
    pub(crate) most: Requirements,
}

impl Asked {
    /// Reads a body strictly.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refused> {
        let request = FacilitatorRequest::from_json(body)
            .map_err(|error| Refused::new(StatusCode::BAD_REQUEST, error.code(), error.to_string()))?;
        let FacilitatorRequest { payment, requirements, .. } = request;
        let most = offered(&payment, &requirements)?;
        Ok(Self { payment, requirements, most })
    }

    /// The network, as the seller's version writes it.
    pub(crate) fn network(&self) -> &str {
        let network: &Network = &self.requirements.network;
        match self.payment.version {
            Version::V1 => network.name().unwrap_or(network.as_str()),
            Version::V2 => network.as_str(),
        }
    }
}

/// The offer that the payment answers, if what is asked for is that offer, or another amount of it.
fn offered(payment: &PaymentPayload, asked: &Requirements) -> Result<Requirements, Refused> {
    let Answers::Offer(accepted) = &payment.answers else {
        let fits = payment.scheme() == asked.scheme && *payment.network() == asked.network;
        return if fits { Ok(asked.clone()) } else { Err(differs()) };
    };
    let accepted = accepted.offer();
    let whole = Requirements { amount: accepted.amount, ..asked.clone() };
    if whole.is_accepted_as(accepted) { Ok(whole) } else { Err(differs()) }
}

fn differs() -> Refused {
    let message = "the payment answers another offer than paymentRequirements; send the one that was accepted";
    Refused::requirements("invalid_payment_requirements", message)
}
