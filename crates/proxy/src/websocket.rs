//! WebSockets: opened as a request, then joined as they are.

use farthing_wallet::reach::Trust;
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use url::Url;

use crate::Refusal;
use crate::body::Body;
use crate::exchange::{innermost, passed_on, why_unreachable};
use crate::headers::{lists, scrub_request};
use crate::proxy::Shared;

/// Whether a request asks for a WebSocket.
pub(crate) fn is_handshake(parts: &Parts) -> bool {
    let names = |name, token| parts.headers.get_all(name).iter().any(|value| lists(value, token));
    parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && names(UPGRADE, "websocket")
        && names(CONNECTION, "upgrade")
        && parts.headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// Opens one, and joins both ends when the server agrees.
pub(crate) async fn open(shared: &Shared, trust: Trust, mut parts: Parts, url: Url) -> Result<Response<Body>, Refusal> {
    scrub_request(&mut parts.headers);
    let mut outgoing = reqwest::Request::new(Method::GET, url.clone());
    *outgoing.headers_mut() = std::mem::take(&mut parts.headers);
    upgrade(outgoing.headers_mut());
    let response = match shared.clients.sockets_of(trust).execute(outgoing).await {
        Ok(response) => response,
        Err(error) => return Err(why_unreachable(shared, &url, innermost(&error)).await),
    };
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => {}
        StatusCode::PAYMENT_REQUIRED => return Err(Refusal::WebSocket),
        _ => return Ok(passed_on(response)),
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().clone_from(response.headers());
    crate::headers::scrub_response(answer.headers_mut());
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
    Ok(answer)
}

fn upgrade(headers: &mut http::HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}
