use farthing_money::{Amount, Asset, Home, Price};
use farthing_protocol::{ChargeRequest, Credential, JsonObject};

use super::{CURRENCY, METHOD};
use crate::{Answer, Approved, NotPayable, Offer, Payer, Quote, SignError, Signed};

/// The buyer's half: pays with a made-up token, the challenge's own id.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimulatedPayer;

impl Payer for SimulatedPayer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, "charge")
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let unreadable = |error: &dyn std::fmt::Display| NotPayable(format!("the offer cannot be read: {error}"));
        let object = offer.challenge.request().decode().map_err(|error| unreadable(&error))?;
        let request = ChargeRequest::from_object(&object).map_err(|error| unreadable(&error))?;
        if request.currency != CURRENCY {
            return Err(NotPayable(format!("the simulated rail pays {CURRENCY}, not {}", request.currency)));
        }
        let millionths = u64::try_from(request.amount.units()).map_err(|error| unreadable(&error))?;
        let currency = "USD".parse().map_err(|error| unreadable(&error))?;
        let asset = Asset::new("USD", 6, Home::Account(METHOD.into())).map_err(|error| unreadable(&error))?;
        Ok(Quote {
            challenge: offer.challenge.clone(),
            origin: offer.origin.clone(),
            amount: request.amount,
            fee: Amount::ZERO,
            asset,
            cost: Price::from_millionths(millionths, currency),
            payee: request.recipient,
            sent_first: false,
            tops_up_for: None,
        })
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        let challenge = approved.into_inner().challenge;
        let mut payload = JsonObject::new();
        payload.insert("token".into(), challenge.id().as_str().into());
        Box::pin(std::future::ready(Ok(Credential::new(challenge, payload, None).into())))
    }
}
