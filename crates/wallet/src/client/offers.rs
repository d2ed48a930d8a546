use std::sync::Arc;
use std::time::Duration;

use farthing_money::Home;
use farthing_protocol::challenge::CredentialField;
use farthing_protocol::{Challenge, ChargeRequest, Timestamp};
use farthing_rail::{Offer, Origin, Payer, Quote};
use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// More offers than any honest server makes; the rest is not looked at.
const MOST_OFFERS: usize = 32;

/// How long a funding source may take to say what is there; silence keeps no offer from being paid.
const SLOWEST_ANSWER: Duration = Duration::from_secs(5);

/// The offers of a 402 that can be paid, the cheapest first, and why the others cannot.
pub(super) struct Offers<'a> {
    pub(super) quotes: Vec<(&'a Arc<dyn Payer>, Quote)>,
    pub(super) reasons: Vec<String>,
}

/// Reads every offer and asks every method what it would cost. Text meant for people is not looked at.
pub(super) fn read<'a>(
    headers: &HeaderMap,
    origin: &Origin,
    body: &[u8],
    payers: &'a [Arc<dyn Payer>],
    transport_may_redirect: bool,
    now: Timestamp,
) -> Offers<'a> {
    let lines = headers.get_all(WWW_AUTHENTICATE).iter().map(http::HeaderValue::as_bytes);
    let mut offers = Offers { quotes: Vec::new(), reasons: Vec::new() };
    for read in Challenge::parse_all(lines).into_iter().take(MOST_OFFERS) {
        let challenge = match read {
            Ok(challenge) => challenge,
            Err(error) => {
                offers.reasons.push(format!("an offer cannot be read: {error}"));
                continue;
            }
        };
        match quote(&challenge, origin, body, payers, transport_may_redirect, now) {
            Ok(quote) => offers.quotes.push(quote),
            Err(reason) => offers.reasons.push(reason),
        }
    }
    if offers.quotes.is_empty() && offers.reasons.is_empty() {
        offers.reasons.push("the server asks for payment but makes no offer of the Payment scheme".into());
    }
    offers.quotes.sort_by_key(|(_, quote)| (quote.cost.millionths(), quote.sent_first));
    offers
}

/// Why the funding source of a quote has too little for it, if that can be told.
pub(super) async fn shortage(payer: &dyn Payer, quote: &Quote) -> Option<String> {
    let asked = tokio::time::timeout(SLOWEST_ANSWER, payer.available(quote)).await;
    let available = asked.ok().flatten()?;
    let needed = quote.amount.checked_add(quote.fee);
    if needed.is_some_and(|needed| needed <= available) {
        return None;
    }
    let (method, intent) = payer.pays();
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

fn quote<'a>(
    challenge: &Challenge,
    origin: &Origin,
    body: &[u8],
    payers: &'a [Arc<dyn Payer>],
    transport_may_redirect: bool,
    now: Timestamp,
) -> Result<(&'a Arc<dyn Payer>, Quote), String> {
    let wanted = (challenge.method().as_str(), challenge.intent().as_str());
    if challenge.digest().is_some_and(|digest| !digest.matches(body)) {
        return Err("the offer is for another body than the one that would be sent".into());
    }
    if transport_may_redirect && challenge.field() == CredentialField::PaymentAuthorization {
        return Err(
            "the offer wants the credential in a field that the HTTP client could carry across a redirect".into()
        );
    }
    let payer = payers.iter().find(|payer| payer.pays() == wanted);
    let payer = payer.ok_or_else(|| format!("{}/{} is not a method this wallet can pay with", wanted.0, wanted.1))?;
    let shared = challenge.request().decode().ok();
    let amount = shared.and_then(|object| ChargeRequest::from_object(&object).ok()).map(|request| request.amount);
    let quote = payer.quote(&Offer { challenge, origin, amount, now }).map_err(|reason| reason.to_string())?;
    if quote.challenge != *challenge || quote.origin != *origin {
        return Err("the method quoted another offer than the one it was asked about".into());
    }
    Ok((payer, quote))
}
