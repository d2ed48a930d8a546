//! The buyer's half of a top-up: another rail's payer, for the good of a key's balance.

use std::sync::Arc;

use farthing_money::{Amount, Rate, Rounding};
use farthing_protocol::{ChargeRequest, Credential};
use farthing_rail::{
    Answer, Approved, Became, NotPayable, Offer, Payer, Quote, Reclaim, Sent, SignError, Signed, Signer,
};

use crate::payer::{cost_of, names};
use crate::top_up::{TOP_UP, TopUpDetails};

/// Pays over another rail what fills the balance of a key.
#[derive(Clone)]
pub struct TopUpPayer {
    rail: Arc<dyn Payer>,
    signer: Arc<dyn Signer>,
}

impl TopUpPayer {
    /// Fills the balance of the signer's key by what this payer pays. The payer must take its rail's charge under
    /// another intent's name.
    pub fn over(rail: Arc<dyn Payer>, signer: Arc<dyn Signer>) -> Self {
        Self { rail, signer }
    }
}

impl Payer for TopUpPayer {
    fn pays(&self) -> (&str, &str) {
        (self.rail.pays().0, TOP_UP)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let unreadable = |error: &dyn std::fmt::Display| NotPayable(error.to_string());
        let object = offer.challenge.request().decode().map_err(|error| unreadable(&error))?;
        let request = ChargeRequest::from_object(&object).map_err(|error| unreadable(&error))?;
        let details = TopUpDetails::read(&request).map_err(|error| unreadable(&error))?;
        if !names(&details.issuer, offer.origin, offer.challenge) {
            let (issuer, origin) = (&details.issuer, offer.origin);
            return Err(NotPayable(format!("the balance would be kept by {issuer}, but the offer came from {origin}")));
        }
        let quote = self.rail.quote(offer)?;
        if quote.sent_first {
            return Err(NotPayable("a top-up that is paid before it is presented may be lost".into()));
        }
        if !brings_its_worth(&details, &quote) {
            return Err(NotPayable("the balance would get another amount than is paid".into()));
        }
        Ok(Quote { tops_up_for: Some(cost_of(&details.asset, details.price)?), ..quote })
    }

    fn available<'a>(&'a self, quote: &'a Quote) -> Answer<'a, Option<Amount>> {
        self.rail.available(quote)
    }

    fn hindrance<'a>(&'a self, quote: &'a Quote, wallet: &'a str) -> Answer<'a, Option<String>> {
        self.rail.hindrance(quote, wallet)
    }

    fn is_bearer(&self) -> bool {
        self.rail.is_bearer()
    }

    fn became<'a>(&'a self, credential: &'a Credential) -> Answer<'a, Became> {
        self.rail.became(credential)
    }

    fn cancel<'a>(&'a self, credential: &'a Credential, approved: Approved<Reclaim>) -> Answer<'a, Sent> {
        self.rail.cancel(credential, approved)
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(async move {
            let Signed { credential, to_send } = self.rail.sign(approved).await?;
            let (challenge, payload) = (credential.challenge().clone(), credential.payload().clone());
            let credential = Credential::new(challenge, payload, Some(self.signer.did().to_owned()));
            Ok(Signed { credential, to_send })
        })
    }
}

/// Whether the balance gets what is paid, to the last unit.
fn brings_its_worth(details: &TopUpDetails, quote: &Quote) -> bool {
    let (paid, balance) = (&quote.asset, &details.asset);
    let brought = Rate::PARITY.convert(quote.amount, paid.decimals(), balance.decimals(), Rounding::Exact);
    let same_currency = paid.code().to_ascii_uppercase().contains(balance.code());
    same_currency && brought.is_ok_and(|brought| brought.amount == details.credits)
}
