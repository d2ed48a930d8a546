use std::fmt;
use std::sync::Arc;

use farthing_money::{Amount, Asset, Currency, Price};
use farthing_protocol::{Credential, Timestamp};
use farthing_rail::{
    Answer, Approved, Became, NotPayable, Offer, Payer, Quote, Reclaim, Sent, SignError, Signed, Signer, end_of,
};

use super::Funding;
use super::issuing::{became, cancel, issue};
use crate::payload::Payload;
use crate::{INTENT, METHOD, StripeRequest};

/// Opens what the wallet keeps of its card; the refusal is one sentence.
pub type FundingSource = Arc<dyn Fn() -> Result<Funding, String> + Send + Sync>;

/// Decimals of every price.
const PRICE_DECIMALS: u8 = 6;

/// The buyer's half: a card or a wallet in the agent's own account at Stripe.
#[derive(Clone)]
pub struct StripePayer {
    signer: Arc<dyn Signer>,
    funding: FundingSource,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    intent: &'static str,
}

impl StripePayer {
    /// Pays with what this source opens. The wallet's own key vouches for each token, so that whoever stops
    /// the key stops the card.
    pub fn new(signer: Arc<dyn Signer>, funding: FundingSource, now: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self { signer, funding, now, intent: INTENT }
    }

    /// The same charge where it is offered under another intent, such as to top up a balance.
    #[must_use]
    pub fn under(self, intent: &'static str) -> Self {
        Self { intent, ..self }
    }

    async fn credential(&self, quote: &Quote) -> Result<Credential, SignError> {
        let (request, end) = agrees(quote, (self.now)())?;
        // Refused while the wallet or its card is frozen; nothing is done with the signature.
        self.signer.sign(format!("farthing stripe token v1\n{}\n", quote.challenge.id().as_str()).as_bytes())?;
        let funding = (self.funding)().map_err(SignError::Key)?;
        let api = funding.api().map_err(|error| SignError::Key(error.to_string()))?;
        let spt = issue(&funding, &api, quote, &request, end).await?;
        let payload = Payload { spt, external_id: request.external_id };
        let credential = Credential::new(quote.challenge.clone(), payload.to_object(), None);
        reads_back(&credential)?;
        Ok(credential)
    }
}

impl Payer for StripePayer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, self.intent)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let challenge = offer.challenge;
        let offered = (challenge.method().as_str(), challenge.intent().as_str());
        if offered != self.pays() {
            return Err(NotPayable(format!("{}/{} is not paid through Stripe", offered.0, offered.1)));
        }
        end_of(challenge, offer.now)?;
        let request = StripeRequest::read(challenge.request()).map_err(|error| NotPayable(error.to_string()))?;
        if offer.amount.is_some_and(|amount| amount != request.amount) {
            return Err(NotPayable("the amount reads differently in the shared fields".into()));
        }
        let cost = cost_of(&request.asset, request.amount)?;
        Ok(Quote {
            challenge: challenge.clone(),
            origin: offer.origin.clone(),
            amount: request.amount,
            fee: Amount::ZERO,
            asset: request.asset,
            cost,
            payee: Some(request.network),
            sent_first: false,
            tops_up_for: None,
        })
    }

    fn is_bearer(&self) -> bool {
        true
    }

    fn became<'a>(&'a self, credential: &'a Credential) -> Answer<'a, Became> {
        Box::pin(async move {
            let Some((api, payload)) = self.opened(credential) else { return Became::Unknown };
            became(&api, &payload.spt, (self.now)()).await
        })
    }

    fn cancel<'a>(&'a self, credential: &'a Credential, approved: Approved<Reclaim>) -> Answer<'a, Sent> {
        Box::pin(async move {
            let _ = approved.into_inner();
            let Some((api, payload)) = self.opened(credential) else {
                return Sent::Unknown("the wallet's key at Stripe cannot be opened; nothing was revoked".to_owned());
            };
            cancel(&api, &payload.spt, (self.now)()).await
        })
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(async move { self.credential(approved.get()).await.map(Signed::from) })
    }
}

impl StripePayer {
    fn opened(&self, credential: &Credential) -> Option<(crate::api::Api, Payload)> {
        let payload = Payload::read(credential.payload()).ok()?;
        Some(((self.funding)().ok()?.api().ok()?, payload))
    }
}

impl fmt::Debug for StripePayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StripePayer(..)")
    }
}

/// What an amount is to its owner.
pub(super) fn cost_of(asset: &Asset, amount: Amount) -> Result<Price, NotPayable> {
    let unpayable = || NotPayable("the amount is larger than any price this software handles".into());
    let currency: Currency = asset.code().parse().map_err(|_| unpayable())?;
    let scale = PRICE_DECIMALS.checked_sub(asset.decimals()).and_then(|places| 10_u128.checked_pow(places.into()));
    let millionths = scale.and_then(|scale| amount.checked_mul(scale)).ok_or_else(unpayable)?;
    let millionths = u64::try_from(millionths.units()).map_err(|_| unpayable())?;
    Ok(Price::from_millionths(millionths, currency))
}

/// Reads once more, from the challenge that a token is issued for, what the policy approved.
fn agrees(quote: &Quote, now: Timestamp) -> Result<(StripeRequest, Timestamp), SignError> {
    let differs = |what: String| SignError::Differs(what);
    let request = StripeRequest::read(quote.challenge.request()).map_err(|error| differs(error.to_string()))?;
    let end = end_of(&quote.challenge, now).map_err(|error| differs(error.to_string()))?;
    let cost = cost_of(&request.asset, request.amount).map_err(|error| differs(error.to_string()))?;
    let said = [
        ("the amount", request.amount == quote.amount && quote.fee.is_zero()),
        ("the currency", request.asset == quote.asset),
        ("the cost", cost == quote.cost),
        ("the payee", quote.payee.as_deref() == Some(request.network.as_str())),
    ];
    match said.iter().find(|(_, agrees)| !agrees) {
        Some((what, _)) => Err(differs((*what).to_owned())),
        None => Ok((request, end)),
    }
}

pub(super) fn reads_back(credential: &Credential) -> Result<(), SignError> {
    let header = credential.to_header();
    match Credential::from_lines([header.as_bytes()]) {
        Ok(Some(read)) if read == *credential => Ok(()),
        _ => Err(SignError::Differs("the credential does not read back as it was written".into())),
    }
}
