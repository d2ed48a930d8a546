use std::sync::Arc;
use std::time::Duration;

use farthing_dialects::x402::model::Purchase;
use farthing_dialects::x402::{METHOD, PriceList, Salt, Version};
use farthing_money::Home;
use farthing_protocol::challenge::CredentialField;
use farthing_protocol::{BodyDigest, Challenge, ChargeRequest, Realm, Timestamp};
use farthing_rail::{Offer, Origin, Payer, Quote, SessionPayer};
use http::header::WWW_AUTHENTICATE;
use tokio::time::timeout;

use super::demand::Demand;
use super::plain::plain;
use super::request::Prepared;
use super::session::SessionOffer;
use super::signed::signers;
use super::transport::Transport;
use super::{PayError, PayingClient};
use crate::WalletName;

/// More offers than any honest server makes; the rest is not looked at.
const MOST_OFFERS: usize = 32;

/// How long a funding source may take to say what is there; silence keeps no offer from being paid.
const SLOWEST_ANSWER: Duration = Duration::from_secs(5);

/// The offers of a 402 that can be paid, the cheapest first, and why the others cannot.
pub(super) struct Offers<'a> {
    pub(super) quotes: Vec<Quoted<'a>>,
    /// The offers of sessions, the cheapest unit first.
    pub(super) sessions: Vec<SessionOffer>,
    pub(super) reasons: Vec<String>,
}

/// An offer that can be paid.
pub(super) struct Quoted<'a> {
    pub(super) payer: &'a Arc<dyn Payer>,
    pub(super) quote: Quote,
    /// In which version of x402 it is offered, if it is an offer of x402.
    pub(super) x402: Option<Version>,
    /// The accounts that signed it.
    pub(super) signers: Vec<String>,
}

/// What offers are read against.
pub(super) struct Asked<'a, 'b> {
    pub(super) request: &'b Prepared,
    pub(super) origin: &'b Origin,
    pub(super) payers: &'a [Arc<dyn Payer>],
    pub(super) session_payers: &'b [Arc<dyn SessionPayer>],
    /// Whether what sends the request may follow redirects out of our sight.
    pub(super) may_redirect: bool,
    pub(super) now: Timestamp,
    /// The longest that an offer of x402 may stay payable once it is answered.
    pub(super) longest: Duration,
    pub(super) salt: Salt,
}

impl PayingClient {
    /// The offers of a 402, or why none of it is paid.
    pub(super) fn offers(
        &self,
        transport: &dyn Transport,
        request: &Prepared,
        demand: &Demand,
    ) -> Result<Result<Offers<'_>, String>, PayError> {
        let Some(origin) = request.secure_origin() else {
            let sentence = format!(
                "{} is plain HTTP beyond this machine, where a payment could be read; use https",
                request.host()
            );
            return Ok(Err(sentence));
        };
        let asked = Asked {
            request,
            origin: &origin,
            payers: &self.payers,
            session_payers: &self.session_payers,
            may_redirect: transport.may_redirect(),
            now: self.wallet.ambient.now(),
            longest: self.settings.longest_validity,
            salt: self.wallet.ambient.random()?,
        };
        Ok(Ok(read(demand, &asked)))
    }

    /// The methods of the Payment scheme that this client pays with; x402 has no such header.
    pub(super) fn accepts(&self) -> String {
        let charges = self.payers.iter().map(|payer| payer.pays()).filter(|(method, _)| *method != METHOD);
        let pairs = charges.chain(self.session_payers.iter().map(|payer| payer.pays()));
        pairs.map(|(method, intent)| format!("{method}/{intent}")).collect::<Vec<_>>().join(", ")
    }
}

/// Reads every offer of either protocol and asks every method what it would cost. Text meant for people is
/// not looked at. Of two that cost the same, what is not sent first comes first, then the Payment scheme.
pub(super) fn read<'a>(demand: &Demand, asked: &Asked<'a, '_>) -> Offers<'a> {
    let mut read = of_the_scheme(demand);
    match demand.x402() {
        None => {}
        Some(Ok(list)) => read.extend(of_x402(&list, asked)),
        Some(Err(reason)) => read.push(Err(reason)),
    }
    let mut offers = Offers { quotes: Vec::new(), sessions: Vec::new(), reasons: Vec::new() };
    for offer in read {
        match offer.and_then(|offer| quote(offer, asked)) {
            Ok(Payable::Charge(quoted)) => offers.quotes.push(quoted),
            Ok(Payable::Session(offer)) => offers.sessions.push(offer),
            // A reason may quote the server.
            Err(reason) => offers.reasons.push(plain(&reason)),
        }
    }
    if offers.quotes.is_empty() && offers.sessions.is_empty() && offers.reasons.is_empty() {
        offers.reasons.push("the server asks for payment and makes no offer of the Payment scheme or of x402".into());
    }
    offers.quotes.sort_by_key(|offer| {
        let quote = &offer.quote;
        (quote.tops_up_for.is_some(), quote.cost.millionths(), quote.sent_first, offer.x402.is_some())
    });
    offers.sessions.sort_by_key(|offer| offer.quote.unit_cost.millionths());
    offers
}

/// What an offer is.
enum Payable<'a> {
    Charge(Quoted<'a>),
    Session(SessionOffer),
}

/// An offer to be quoted, or why there is none.
type Read = Result<Found, String>;

struct Found {
    challenge: Challenge,
    x402: Option<Version>,
    signers: Vec<String>,
}

fn of_the_scheme(demand: &Demand) -> Vec<Read> {
    let lines = demand.headers.get_all(WWW_AUTHENTICATE).iter().map(http::HeaderValue::as_bytes);
    let read = Challenge::parse_all(lines).into_iter().take(MOST_OFFERS).map(|challenge| match challenge {
        // Its id, which the server chose, would be what makes the payment unique.
        Ok(challenge) if challenge.method().as_str() == METHOD => {
            Err("x402 is a protocol of its own, and no method of the Payment scheme".to_owned())
        }
        Ok(challenge) => Ok(Found { challenge, x402: None, signers: Vec::new() }),
        Err(error) => Err(format!("an offer cannot be read: {error}")),
    });
    read.collect()
}

fn of_x402(list: &PriceList, asked: &Asked<'_, '_>) -> Vec<Read> {
    let realm = match Realm::read(asked.request.host()) {
        Ok(realm) => realm,
        Err(error) => return vec![Err(error.to_string())],
    };
    let body = asked.request.body();
    let digest = (!body.is_empty()).then(|| BodyDigest::of(body));
    let offers = list.offers(&Purchase {
        method: asked.request.method(),
        url: asked.request.url(),
        digest: digest.as_ref(),
        realm: &realm,
        now: asked.now,
        longest: asked.longest,
        salt: &asked.salt,
    });
    let entries = list.entries.iter().map(Some).chain(std::iter::repeat(None));
    let read = offers.into_iter().zip(entries).map(|(offer, entry)| {
        let challenge = offer.map_err(|error| error.to_string())?;
        let entry = entry.and_then(|entry| entry.offer.as_ref().ok());
        let signers = entry.map(|entry| signers(list, entry, asked.request.url(), asked.now)).transpose()?;
        Ok(Found { challenge, x402: Some(list.version), signers: signers.unwrap_or_default() })
    });
    read.collect()
}

/// Why the funding source of a quote has too little for it, or may not spend it, if that can be told.
pub(super) async fn shortage(payer: &dyn Payer, quote: &Quote, wallet: &WalletName) -> Option<String> {
    let asked = timeout(SLOWEST_ANSWER, payer.available(quote)).await;
    let available = asked.ok().flatten()?;
    let needed = quote.amount.checked_add(quote.fee);
    if needed.is_some_and(|needed| needed <= available) {
        return None;
    }
    let (method, intent) = payer.pays();
    let hindrance = timeout(SLOWEST_ANSWER, payer.hindrance(quote, wallet.as_str())).await;
    if let Some(sentence) = hindrance.ok().flatten() {
        return Some(format!("{method}/{intent}: {sentence}"));
    }
    let asset = &quote.asset;
    Some(format!(
        "{method}/{intent}: it takes {}, and there is {}{}",
        asset.display(needed.unwrap_or(quote.amount)),
        asset.display(available),
        place(quote).map(|chain| format!(" on {chain}")).unwrap_or_default()
    ))
}

/// The chain that a quote's money is on.
pub(super) fn place(quote: &Quote) -> Option<&str> {
    match quote.asset.home() {
        Home::Chain { chain, .. } => Some(chain),
        _ => None,
    }
}

fn quote<'a>(found: Found, asked: &Asked<'a, '_>) -> Result<Payable<'a>, String> {
    let Found { challenge, x402, signers } = found;
    let challenge = &challenge;
    let wanted = (challenge.method().as_str(), challenge.intent().as_str());
    if challenge.digest().is_some_and(|digest| !digest.matches(asked.request.body())) {
        return Err("the offer is for another body than the one that would be sent".into());
    }
    if asked.may_redirect && (x402.is_some() || challenge.field() == CredentialField::PaymentAuthorization) {
        return Err(
            "the offer wants the credential in a field that the HTTP client could carry across a redirect".into()
        );
    }
    let shared = challenge.request().decode().ok();
    let amount = shared.and_then(|object| ChargeRequest::from_object(&object).ok()).map(|request| request.amount);
    let offer = Offer { challenge, origin: asked.origin, amount, now: asked.now };
    let other = || Err("the method quoted another offer than the one it was asked about".to_owned());
    if let Some(payer) = asked.session_payers.iter().find(|payer| payer.pays() == wanted) {
        let quote = payer.quote(&offer).map_err(|reason| reason.to_string())?;
        if quote.challenge != *challenge || quote.origin != *asked.origin {
            return other();
        }
        return Ok(Payable::Session(SessionOffer { payer: Arc::clone(payer), quote }));
    }
    let payer = asked.payers.iter().find(|payer| payer.pays() == wanted);
    let payer = payer.ok_or_else(|| format!("{}/{} is not a method this wallet can pay with", wanted.0, wanted.1))?;
    let quote = payer.quote(&offer).map_err(|reason| reason.to_string())?;
    if quote.challenge != *challenge || quote.origin != *asked.origin {
        return other();
    }
    Ok(Payable::Charge(Quoted { payer, quote, x402, signers }))
}
