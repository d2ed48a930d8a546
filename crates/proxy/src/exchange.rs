//! One request of an agent: passed on, paid for if it must and may be, and answered.

use std::sync::Arc;

use farthing_wallet::PayError;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use url::Url;

use crate::agents::Agent;
use crate::body::Body;
use crate::headers::{scrub_request, scrub_response};
use crate::proxy::Shared;
use crate::upload::{self, Through, Upload};
use crate::{Refusal, answer, websocket};

/// Answers a request of this agent for this URL.
pub(crate) async fn exchange(
    shared: &Arc<Shared>,
    agent: &Agent,
    request: Request<Incoming>,
    url: Url,
) -> Result<Response<Body>, Refusal> {
    let trust = shared.reach.of(&url)?;
    let (mut parts, body) = request.into_parts();
    if websocket::is_handshake(&parts) {
        return websocket::open(shared, agent, trust, parts, url).await;
    }
    scrub_request(&mut parts.headers);
    let limits = &shared.limits;
    let _room = shared.room.acquire_many(upload::room(&body, limits.upload_bytes)).await;
    let gathered = upload::gather(body, limits.upload_bytes, limits.clients.stalled_write);
    let gathered = tokio::time::timeout(limits.upload_time, gathered).await;
    let upload = gathered.unwrap_or(Err(Refusal::BrokenOff))?;
    let mut request = reqwest::Request::new(parts.method, url.clone());
    *request.headers_mut() = parts.headers;
    let http = shared.clients.of(trust);
    match upload {
        Upload::Whole(whole) if whole.is_empty() => {}
        Upload::Whole(whole) => *request.body_mut() = Some(whole.into()),
        Upload::Long(through) => return send_through(shared, http, request, through).await,
    }
    match agent.client.relay(http, request, &shared.order).await {
        Ok(relayed) => answer::of(shared, &agent.wallet, &url, relayed).await,
        Err(error) => Err(why_not(shared, &url, error).await),
    }
}

/// Why a request came to nothing.
pub(crate) async fn why_not(shared: &Shared, url: &Url, error: PayError) -> Refusal {
    match error {
        PayError::Unreachable(reason) => why_unreachable(shared, url, reason).await,
        error => Refusal::Wallet { sentence: error.to_string() },
    }
}

/// Sends an upload on that is too long to be kept. It cannot be sent again, so nothing is paid.
async fn send_through(
    shared: &Shared,
    http: &reqwest::Client,
    mut request: reqwest::Request,
    through: Through,
) -> Result<Response<Body>, Refusal> {
    let url = request.url().clone();
    *request.body_mut() = Some(reqwest::Body::wrap(through));
    match http.execute(request).await {
        Ok(response) if response.status() == StatusCode::PAYMENT_REQUIRED => {
            Err(Refusal::TooLong { limit: shared.limits.upload_bytes })
        }
        Ok(response) => Ok(passed_on(response)),
        Err(error) => Err(why_unreachable(shared, &url, innermost(&error)).await),
    }
}

/// A server's answer, as the agent gets it.
pub(crate) fn passed_on(response: reqwest::Response) -> Response<Body> {
    let mut response = http::Response::<reqwest::Body>::from(response).map(Body::from);
    scrub_response(response.headers_mut());
    // What the answer came over is not what it goes out over.
    *response.version_mut() = http::Version::default();
    response.extensions_mut().clear();
    response
}

/// Says which it is: a server that cannot be reached, or an address where this proxy does not go.
async fn why_unreachable(shared: &Shared, url: &Url, reason: String) -> Refusal {
    if let (Some(host), Some(port)) = (url.host(), url.port_or_known_default())
        && let Err(refusal @ Refusal::Private { .. }) =
            shared.reach.addresses(&host.to_owned(), port, &shared.names).await
    {
        return refusal;
    }
    Refusal::Unreachable { reason }
}

/// What an error says last; its first words name the URL, which may hold secrets.
fn innermost(error: &reqwest::Error) -> String {
    let sources = std::iter::successors(std::error::Error::source(error), |error| error.source());
    sources.last().map_or_else(|| "it broke off".to_owned(), ToString::to_string)
}
