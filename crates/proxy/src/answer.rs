//! From what became of a request to what its agent is told.

use farthing_money::Price;
use farthing_wallet::client::{Demanded, Relayed, plain};
use farthing_wallet::{Outcome, WalletName};
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{Response, StatusCode};
use url::Url;

use crate::Refusal;
use crate::body::Body;
use crate::exchange::passed_on;
use crate::headers::{PAID, REASON, UNCONFIRMED, scrub_response};
use crate::proxy::Shared;
use crate::refusal::REFUSAL;
use crate::stream::{self, Bought};

/// The answer; what it cost is added to the tally, of a stream once it has ended.
pub(crate) async fn of(
    shared: &Shared,
    wallet: &WalletName,
    url: &Url,
    relayed: Relayed,
) -> Result<Response<Body>, Refusal> {
    let Relayed { outcome, demanded, stream } = relayed;
    let origin = || url.origin().ascii_serialization();
    let count = |cost| shared.tally.add(wallet, &origin(), cost);
    match (outcome, stream) {
        (Outcome::Paid { response, cost, .. }, Some(stream)) => {
            let bought = Bought { wallet: wallet.clone(), origin: origin(), begun_for: cost };
            let body = stream::body(stream, bought, shared.tally.clone(), &shared.under_way).await;
            let mut answer = passed_on(response).map(|_| body);
            // What is about the payment is left out of it.
            answer.headers_mut().remove(CONTENT_LENGTH);
            Ok(with(answer, PAID, &cost.to_string()))
        }
        (outcome, _) => whole(wallet, outcome, demanded, count),
    }
}

fn whole(
    wallet: &WalletName,
    outcome: Outcome,
    demanded: Option<Demanded>,
    count: impl Fn(Price),
) -> Result<Response<Body>, Refusal> {
    match outcome {
        Outcome::Free { response } => Ok(passed_on(response)),
        Outcome::Paid { response, cost, .. } => {
            count(cost);
            Ok(with(passed_on(response), PAID, &cost.to_string()))
        }
        Outcome::Unconfirmed { response, cost, sentence } => {
            count(cost);
            Ok(with(passed_on(response), UNCONFIRMED, &sentence))
        }
        Outcome::ServerError { response, cost } => {
            count(cost);
            let sentence = format!("{cost} stays counted; the same request presents the same payment again");
            Ok(with(passed_on(response), UNCONFIRMED, &sentence))
        }
        Outcome::Refused { rule, sentence } => {
            Err(Refusal::Policy { wallet: wallet.clone(), rule: rule.map(|rule| rule.to_string()), sentence })
        }
        Outcome::AwaitsApproval { id, sentence, deadline } => {
            let (id, until) = (id.to_string(), deadline.to_rfc3339());
            Err(Refusal::Approval { wallet: wallet.clone(), id, sentence, until })
        }
        Outcome::NoOffer { reasons } => {
            let sentence = reasons.join("; ");
            demanded.and_then(|demanded| as_demanded(demanded, &sentence)).ok_or(Refusal::NoOffer { sentence })
        }
        Outcome::Unknown { cost, sentence, repeatable } => {
            count(cost);
            Err(Refusal::Unknown { sentence, repeatable })
        }
        _ => Err(Refusal::Wallet { sentence: "the wallet answered in a way that this proxy does not know".into() }),
    }
}

/// The seller's own 402, for an agent that may have other ways to pay.
fn as_demanded(demanded: Demanded, sentence: &str) -> Option<Response<Body>> {
    let mut response = Response::new(Body::from(demanded.body?));
    *response.status_mut() = StatusCode::PAYMENT_REQUIRED;
    *response.headers_mut() = demanded.headers;
    scrub_response(response.headers_mut());
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(REFUSAL, HeaderValue::from_static("no-offer"));
    Some(with(response, REASON, sentence))
}

pub(crate) fn with(mut response: Response<Body>, name: http::HeaderName, text: &str) -> Response<Body> {
    // A header is no place for every letter; the sentence is whole where there is a body for it.
    let text: String = plain(text).chars().filter(|letter| matches!(letter, ' '..='~')).collect();
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().insert(name, value);
    }
    response
}
