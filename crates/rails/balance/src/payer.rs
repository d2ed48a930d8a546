use std::sync::Arc;

use farthing_money::{Amount, Asset, Currency, Price};
use farthing_protocol::{Challenge, Credential};
use farthing_rail::{Answer, Approved, NotPayable, Offer, Origin, Payer, Quote, SignError, Signed, Signer, end_of};

use crate::payload::Payload;
use crate::{BalanceRequest, INTENT, METHOD, PayerKey, signed_message};

/// The buyer's half: one key, whose balance the issuer keeps.
#[derive(Clone)]
pub struct BalancePayer {
    signer: Arc<dyn Signer>,
}

impl BalancePayer {
    /// Pays with this key.
    pub fn new(signer: Arc<dyn Signer>) -> Self {
        Self { signer }
    }

    fn credential(&self, quote: &Quote) -> Result<Credential, SignError> {
        agrees(quote)?;
        let did = self.signer.did();
        let payer: PayerKey = did.parse().map_err(|error| SignError::Key(format!("{error}")))?;
        let message =
            signed_message(&quote.challenge, &payer).map_err(|error| SignError::Differs(error.to_string()))?;
        let signature = self.signer.sign(&message)?;
        if !payer.made(&signature, &message) {
            return Err(SignError::Key(format!("it does not belong to {did}")));
        }
        let payload = Payload { payer, did: did.to_owned(), signature }.to_object();
        let credential = Credential::new(quote.challenge.clone(), payload, Some(did.to_owned()));
        reads_back(&credential)?;
        Ok(credential)
    }
}

impl Payer for BalancePayer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, INTENT)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let challenge = offer.challenge;
        let offered = (challenge.method().as_str(), challenge.intent().as_str());
        if offered != self.pays() {
            return Err(NotPayable(format!("{}/{} is not a prepaid balance", offered.0, offered.1)));
        }
        end_of(challenge, offer.now)?;
        let request = BalanceRequest::read(challenge.request()).map_err(|error| NotPayable(error.to_string()))?;
        if offer.amount.is_some_and(|amount| amount != request.amount) {
            return Err(NotPayable("the amount reads differently in the shared fields".into()));
        }
        if !names(&request.issuer, offer.origin, challenge) {
            let (issuer, origin) = (&request.issuer, offer.origin);
            return Err(NotPayable(format!("the balance is kept by {issuer}, but the offer came from {origin}")));
        }
        let cost = cost_of(&request.asset, request.amount)?;
        Ok(Quote {
            challenge: challenge.clone(),
            origin: offer.origin.clone(),
            amount: request.amount,
            fee: Amount::ZERO,
            asset: request.asset,
            cost,
            payee: Some(request.issuer),
            sent_first: false,
            tops_up_for: None,
        })
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(async move { self.credential(approved.get()).map(Signed::from) })
    }
}

/// Whether the issuer is the server that the offer came from.
///
/// The realm is a text that any server can copy, so it proves nothing: a server could hand on the
/// challenge of another one and collect what the payer's balance there buys. The issuer must name
/// the origin itself, as URL or as host. On loopback, where a gateway is tried out under the name
/// it will have later, the challenge's realm is enough.
pub(crate) fn names(issuer: &str, origin: &Origin, challenge: &Challenge) -> bool {
    if issuer.parse::<Origin>().is_ok_and(|issuer| issuer == *origin) {
        return true;
    }
    let authority = origin.as_str().split_once("://").map_or("", |(_, authority)| authority);
    let host = host_of(authority);
    let spelled = issuer.to_ascii_lowercase();
    spelled == authority || spelled == host || (is_loopback(host) && issuer_is_realm(issuer, challenge))
}

fn issuer_is_realm(issuer: &str, challenge: &Challenge) -> bool {
    issuer == challenge.realm().as_str()
}

fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(crate) fn cost_of(asset: &Asset, amount: Amount) -> Result<Price, NotPayable> {
    let unpayable = || NotPayable("the amount is larger than any price this software handles".into());
    let currency: Currency = asset.code().parse().map_err(|_| unpayable())?;
    let millionths = u64::try_from(amount.units()).map_err(|_| unpayable())?;
    Ok(Price::from_millionths(millionths, currency))
}

/// Decodes once more, from the bytes about to be signed, what the policy approved.
fn agrees(quote: &Quote) -> Result<(), SignError> {
    let differs = |what: &str| Err(SignError::Differs(what.to_owned()));
    let request =
        BalanceRequest::read(quote.challenge.request()).map_err(|error| SignError::Differs(error.to_string()))?;
    let cost = cost_of(&request.asset, request.amount).map_err(|error| SignError::Differs(error.to_string()))?;
    if request.amount != quote.amount || !quote.fee.is_zero() {
        return differs("the amount");
    }
    if request.asset != quote.asset {
        return differs("the currency");
    }
    if cost != quote.cost {
        return differs("the cost");
    }
    if quote.payee.as_deref() != Some(request.issuer.as_str())
        || !names(&request.issuer, &quote.origin, &quote.challenge)
    {
        return differs("the issuer");
    }
    Ok(())
}

pub(crate) fn reads_back(credential: &Credential) -> Result<(), SignError> {
    let header = credential.to_header();
    match Credential::from_lines([header.as_bytes()]) {
        Ok(Some(read)) if read == *credential => Ok(()),
        _ => Err(SignError::Differs("the credential does not read back as it was written".into())),
    }
}

#[cfg(test)]
mod tests;
