//! From a drawing to the response.

use std::sync::Arc;

use http::{Request, Response, StatusCode};

use super::counting::give;
use super::drawing::Drawing;
use super::measured;
use crate::answer;
use crate::failpoint::reach;
use crate::lifecycle::{Head, Sale, is_success};
use crate::proxy::{Body, ForwardErrorKind};
use crate::route::SharedRoute;
use crate::unattended::Unattended;

/// Asks the upstream for what is held for, and answers. What the upstream did is charged even when the client has
/// left meanwhile: it could otherwise have everything done for nothing by leaving in time.
pub(super) async fn serve(sale: Sale<'_>, drawing: Drawing, head: Head, body: Body) -> Response<Body> {
    if let Some(meter) = &sale.paid.meter {
        return measured::serve(sale, meter, drawing, head, body).await;
    }
    let route = Arc::clone(sale.route);
    let served = async move {
        match ask(&route, head, body).await {
            Ok(response) => give(drawing, response),
            Err(response) => response,
        }
    };
    Unattended::new(Arc::clone(sale.seller), served).await
}

/// What the upstream answers; as an error what is not to be paid for.
pub(super) async fn ask(route: &SharedRoute, head: Head, body: Body) -> Result<Response<Body>, Response<Body>> {
    reach("before-upstream");
    let request = Request::from_parts(head.parts, body);
    let started = tokio::time::Instant::now();
    let answered = route.upstream.forward(&head.target, &head.peer, request).await;
    route.meters.upstream_seconds.record(started.elapsed().as_secs_f64());
    reach("after-upstream");
    match answered {
        Ok(response) if is_success(response.status()) => {
            route.meters.delivered.increment(1);
            Ok(response)
        }
        // Nothing is charged for a failure: the drawing is let go of. A 402 of the upstream's own has no challenge and
        // would read as a second price.
        Ok(response) if response.status() == StatusCode::PAYMENT_REQUIRED => {
            let detail = "The upstream asks for a payment that this gateway cannot make; nothing was charged.";
            Err(answer::plain(StatusCode::BAD_GATEWAY, detail))
        }
        Ok(response) => Err(response),
        Err(error) => {
            if error.kind() != ForwardErrorKind::ClientGone {
                tracing::warn!(%error, upstream = route.upstream.authority(), "the upstream failed");
            }
            Err(answer::plain(error.status(), "The upstream did not answer; nothing was charged."))
        }
    }
}
