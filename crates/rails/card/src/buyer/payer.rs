use std::fmt;
use std::sync::Arc;

use farthing_money::{Amount, Asset, Currency, Price};
use farthing_protocol::{Challenge, Credential, Realm, Timestamp};
use farthing_rail::{
    Answer, Approved, Became, NotPayable, Offer, Origin, Payer, Quote, SignError, Signed, Signer, end_of,
};

use super::{ClientEnabler, FetchKeys, TokenOrder};
use crate::jwe::Envelope;
use crate::{CardRequest, EncryptionKey, INTENT, KeySet, KeySource, METHOD, Network, Payload};

/// Decimals of every price.
const PRICE_DECIMALS: u8 = 6;

/// The buyer's half: a card at whoever makes tokens of it.
#[derive(Clone)]
pub struct CardPayer {
    signer: Arc<dyn Signer>,
    enabler: Arc<dyn ClientEnabler>,
    fetch: FetchKeys,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    intent: &'static str,
}

impl CardPayer {
    /// Pays with tokens of this enabler. The wallet's own key vouches for each, so that whoever stops the key stops
    /// the card.
    pub fn new(
        signer: Arc<dyn Signer>,
        enabler: Arc<dyn ClientEnabler>,
        fetch: FetchKeys,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        Self { signer, enabler, fetch, now, intent: INTENT }
    }

    /// The same charge where it is offered under another intent, such as to top up a balance.
    #[must_use]
    pub fn under(self, intent: &'static str) -> Self {
        Self { intent, ..self }
    }

    /// The first of our cards whose network the seller takes.
    fn network(&self, request: &CardRequest) -> Result<Network, NotPayable> {
        let ours = self.enabler.networks().iter();
        let found = ours.copied().find(|network| request.networks.contains(network));
        found.ok_or_else(|| NotPayable("the seller takes no card of the networks that this wallet has".into()))
    }

    async fn credential(&self, quote: &Quote) -> Result<Credential, SignError> {
        let (request, expires) = agrees(quote, (self.now)())?;
        let network = self.network(&request).map_err(|error| SignError::Differs(error.to_string()))?;
        // Refused while the wallet or its card is frozen; nothing is done with the signature.
        self.signer.sign(format!("farthing card token v1\n{}\n", quote.challenge.id().as_str()).as_bytes())?;
        let order = TokenOrder {
            challenge: quote.challenge.id().as_str().to_owned(),
            amount: request.amount,
            asset: request.asset,
            recipient: request.recipient,
            merchant_name: request.merchant_name,
            network,
            key: self.key(&request.key).await?,
            expires,
            billing_required: request.billing_required,
        };
        let payload = self.enabler.token(&order).await?;
        suits(&payload, &order, (self.now)())?;
        let credential = Credential::new(quote.challenge.clone(), payload.to_object(), None);
        reads_back(&credential)?;
        Ok(credential)
    }

    async fn key(&self, source: &KeySource) -> Result<EncryptionKey, SignError> {
        match source {
            KeySource::Embedded(key) => Ok(key.clone()),
            KeySource::Set { uri, kid } => {
                let bytes = (self.fetch)(uri.clone()).await.map_err(SignError::Key)?;
                let found = KeySet::read(&bytes).and_then(|set| set.find(kid));
                found.map_err(|error| SignError::Key(error.to_string()))
            }
        }
    }
}

impl Payer for CardPayer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, self.intent)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let challenge = offer.challenge;
        let offered = (challenge.method().as_str(), challenge.intent().as_str());
        if offered != self.pays() {
            return Err(NotPayable(format!("{}/{} is not paid with an encrypted card token", offered.0, offered.1)));
        }
        end_of(challenge, offer.now)?;
        self.enabler.pays_at(offer.origin)?;
        let request = CardRequest::read(challenge.request()).map_err(|error| NotPayable(error.to_string()))?;
        if offer.amount.is_some_and(|amount| amount != request.amount) {
            return Err(NotPayable("the amount reads differently in the shared fields".into()));
        }
        is_the_sellers(&request.key, challenge, offer.origin)?;
        self.network(&request)?;
        let cost = cost_of(&request.asset, request.amount)?;
        Ok(Quote {
            challenge: challenge.clone(),
            origin: offer.origin.clone(),
            amount: request.amount,
            fee: Amount::ZERO,
            asset: request.asset,
            cost,
            payee: Some(request.recipient),
            sent_first: false,
            tops_up_for: None,
        })
    }

    fn is_bearer(&self) -> bool {
        true
    }

    fn became<'a>(&'a self, credential: &'a Credential) -> Answer<'a, Became> {
        self.enabler.became(credential, (self.now)())
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(async move { self.credential(approved.get()).await.map(Signed::from) })
    }
}

impl fmt::Debug for CardPayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CardPayer(..)")
    }
}

/// Keys are fetched from the realm's own origin, as the draft says, and from the server that is asked, so that no
/// offer makes a wallet call somebody else.
fn is_the_sellers(key: &KeySource, challenge: &Challenge, origin: &Origin) -> Result<(), NotPayable> {
    let unpayable = |error: &dyn fmt::Display| NotPayable(error.to_string());
    key.belongs_to(challenge.realm()).map_err(|error| unpayable(&error))?;
    let server = Realm::read(origin.as_str()).map_err(|error| unpayable(&error))?;
    key.belongs_to(&server).map_err(|error| unpayable(&error))
}

/// What an amount is to its owner.
fn cost_of(asset: &Asset, amount: Amount) -> Result<Price, NotPayable> {
    let unpayable = || NotPayable("the amount is larger than any price this software handles".into());
    let currency: Currency = asset.code().parse().map_err(|_| unpayable())?;
    let scale = PRICE_DECIMALS.checked_sub(asset.decimals()).and_then(|places| 10_u128.checked_pow(places.into()));
    let millionths = scale.and_then(|scale| amount.checked_mul(scale)).ok_or_else(unpayable)?;
    let millionths = u64::try_from(millionths.units()).map_err(|_| unpayable())?;
    Ok(Price::from_millionths(millionths, currency))
}

/// Reads once more, from the challenge that a token is made for, what the policy approved.
fn agrees(quote: &Quote, now: Timestamp) -> Result<(CardRequest, Timestamp), SignError> {
    let differs = |what: String| SignError::Differs(what);
    let request = CardRequest::read(quote.challenge.request()).map_err(|error| differs(error.to_string()))?;
    let end = end_of(&quote.challenge, now).map_err(|error| differs(error.to_string()))?;
    let cost = cost_of(&request.asset, request.amount).map_err(|error| differs(error.to_string()))?;
    let said = [
        ("the amount", request.amount == quote.amount && quote.fee.is_zero()),
        ("the currency", request.asset == quote.asset),
        ("the cost", cost == quote.cost),
        ("the payee", quote.payee.as_deref() == Some(request.recipient.as_str())),
        ("the place of the keys", is_the_sellers(&request.key, &quote.challenge, &quote.origin).is_ok()),
    ];
    match said.iter().find(|(_, agrees)| !agrees) {
        Some((what, _)) => Err(differs((*what).to_owned())),
        None => Ok((request, end)),
    }
}

/// Whether what an enabler made is what was ordered, as far as it can be seen.
fn suits(payload: &Payload, order: &TokenOrder, now: Timestamp) -> Result<(), SignError> {
    let differs = |what: &dyn fmt::Display| SignError::Differs(what.to_string());
    payload.suits(order.billing_required, now).map_err(|error| differs(&error))?;
    let envelope = Envelope::read(payload.encrypted.reveal()).map_err(|error| differs(&error))?;
    if envelope.kid() != order.key.kid() {
        return Err(differs(&"the token is encrypted to another key than the seller's"));
    }
    if payload.network != order.network {
        return Err(differs(&"the token is of another network than was ordered"));
    }
    Ok(())
}

fn reads_back(credential: &Credential) -> Result<(), SignError> {
    let header = credential.to_header();
    match Credential::from_lines([header.as_bytes()]) {
        Ok(Some(read)) if read == *credential => Ok(()),
        _ => Err(SignError::Differs("the credential does not read back as it was written".into())),
    }
}
