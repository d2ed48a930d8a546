//! WebSockets: opened as a request, then joined as they are.

use farthing_wallet::Outcome;
use farthing_wallet::client::{By, Order};
use farthing_wallet::reach::Trust;
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use url::Url;

use crate::agents::Agent;
use crate::body::Body;
use crate::exchange::why_not;
use crate::headers::{PAID, lists, scrub_request, scrub_response};
use crate::proxy::Shared;
use crate::{Refusal, answer};

/// Whether a request asks for a WebSocket.
pub(crate) fn is_handshake(parts: &Parts) -> bool {
    let names = |name, token| parts.headers.get_all(name).iter().any(|value| lists(value, token));
    parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && names(UPGRADE, "websocket")
        && names(CONNECTION, "upgrade")
        && parts.headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// Opens one, paying for that if it must and may, and joins both ends when the server agrees. What is paid for while it
/// is open is between its ends.
pub(crate) async fn open(
    shared: &Shared,
    agent: &Agent,
    trust: Trust,
    mut parts: Parts,
    url: Url,
) -> Result<Response<Body>, Refusal> {
    scrub_request(&mut parts.headers);
    let mut outgoing = reqwest::Request::new(Method::GET, url.clone());
    *outgoing.headers_mut() = std::mem::take(&mut parts.headers);
    upgrade(outgoing.headers_mut());
    let http = shared.clients.sockets_of(trust);
    // A voucher of a session is presented by another request, which would be no opening.
    let order = Order { by: By::Charge, ..shared.order.clone() };
    // These clients set no limit, since an open socket may stay silent for as long as it likes.
    let relayed = tokio::time::timeout(shared.limits.silence, agent.client.relay(http, outgoing, &order)).await;
    let sentence = "the server did not answer in time; if it was paid, the same request presents the same payment";
    let late = |_| Refusal::Unknown { sentence: sentence.to_owned(), repeatable: true };
    let relayed = match relayed.map_err(late)? {
        Ok(relayed) => relayed,
        Err(error) => return Err(why_not(shared, &url, error).await),
    };
    match relayed.outcome {
        Outcome::Free { response } if is_open(&response) => Ok(joined(parts, response)),
        Outcome::Paid { response, cost, .. } if is_open(&response) => {
            shared.tally.add(&agent.wallet, &url.origin().ascii_serialization(), cost);
            Ok(answer::with(joined(parts, response), PAID, &cost.to_string()))
        }
        _ => answer::of(shared, &agent.wallet, &url, relayed).await,
    }
}

fn is_open(response: &reqwest::Response) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
}

/// Says so to the agent; from then on bytes go both ways as they come.
fn joined(parts: Parts, response: reqwest::Response) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().clone_from(response.headers());
    scrub_response(answer.headers_mut());
    upgrade(answer.headers_mut());
    let client = hyper::upgrade::on(Request::from_parts(parts, ()));
    tokio::spawn(async move {
        let joined = async {
            let mut server = response.upgrade().await.map_err(std::io::Error::other)?;
            let mut client = TokioIo::new(client.await.map_err(std::io::Error::other)?);
            tokio::io::copy_bidirectional(&mut client, &mut server).await
        };
        if let Err(error) = joined.await {
            tracing::debug!(%error, "a WebSocket broke off");
        }
    });
    answer
}

fn upgrade(headers: &mut http::HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}
