//! What rails tell by themselves: each message is a reason to ask its rail, and nothing more.

use std::sync::Arc;
use std::time::Duration;

use farthing_rail::{Message, NotHeard, PaymentId, Settler};
use farthing_store::StoreError;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use crate::answer;
use crate::lifecycle::{confirm, resolve};
use crate::proxy::Body;
use crate::seller::Seller;
use crate::site::Site;

const PREFIX: &str = "/webhooks/";
/// No event that means anything here is longer.
const LONGEST: usize = 512 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// The rail that a request is a message of.
pub(crate) fn of(site: &Site, method: &Method, path: &str) -> Option<Arc<dyn Settler>> {
    let name = path.strip_prefix(PREFIX).filter(|_| method == Method::POST)?;
    let named = |(rail, settler): &&(String, Arc<dyn Settler>)| rail == name && settler.webhook().is_some();
    site.rails.iter().find(named).map(|(_, settler)| Arc::clone(settler))
}

/// Takes a message. It is answered with success only when everything it is about was looked at, so that a rail
/// that repeats what was not taken repeats it.
pub(crate) async fn take(
    seller: &Arc<Seller>,
    settler: &dyn Settler,
    headers: &HeaderMap,
    incoming: Incoming,
) -> Response<Body> {
    let Some(webhook) = settler.webhook() else { return answer::plain(StatusCode::NOT_FOUND, "Nobody listens here.") };
    let body = match tokio::time::timeout(PATIENCE, Limited::new(incoming, LONGEST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return answer::plain(StatusCode::PAYLOAD_TOO_LARGE, "The message is longer than any that is taken.");
        }
        Ok(Err(_)) => return answer::plain(StatusCode::BAD_REQUEST, "The message broke off."),
        Err(_) => return answer::plain(StatusCode::REQUEST_TIMEOUT, "The message came too slowly."),
    };
    let mut signatures = headers.get_all(webhook.signature_header()).iter();
    let signature = signatures.next().filter(|_| signatures.next().is_none());
    let signature = signature.and_then(|value| value.to_str().ok());
    let news = match webhook.hear(Message { signature, body: &body, now: seller.now() }).await {
        Ok(news) => news,
        Err(NotHeard::Forged(why)) => {
            tracing::warn!(why, "a webhook was called with a message that is not its rail's");
            return answer::plain(StatusCode::BAD_REQUEST, "The message is not signed as it must be, or is old.");
        }
        Err(error) => {
            tracing::warn!(%error, "a rail's message waits");
            return later();
        }
    };
    for payment in &news.payments {
        let (asker, payment) = (Arc::clone(seller), *payment);
        let task = seller.spawn(async move { look(&asker, payment).await });
        if !matches!(task.await, Ok(Ok(()))) {
            return later();
        }
    }
    if let Err(error) = webhook.dealt_with(&news).await {
        tracing::warn!(%error, "it could not be remembered that a rail's message was dealt with");
        return later();
    }
    let mut taken = Response::new(Body::empty());
    *taken.status_mut() = StatusCode::OK;
    taken
}

/// Asks the rail about one payment, in doubt or settled; of any other there is nothing to ask.
async fn look(seller: &Seller, payment: PaymentId) -> Result<(), StoreError> {
    resolve(seller, payment).await?;
    confirm(seller, payment).await?;
    Ok(())
}

fn later() -> Response<Body> {
    let detail = "The message cannot be dealt with just now; send it again.";
    answer::retry_after(answer::plain(StatusCode::SERVICE_UNAVAILABLE, detail), Duration::from_secs(30))
}
