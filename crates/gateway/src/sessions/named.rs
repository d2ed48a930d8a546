//! A request that its client gave a name, to be charged once however often it comes.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::StoredResponse;
use farthing_protocol::{Credential, ProblemType};
use farthing_rail::SessionId;
use http::{Response, StatusCode};

use super::repeats::{Before, Turn, key_of};
use super::stop::Stop;
use super::visit::Visit;
use super::{Bought, buy, serve, stop};
use crate::answer;
use crate::lifecycle::{Head, ReadAhead, Said, Sale, keep, read_ahead, refuse, restore, show_receipt};
use crate::proxy::Body;
use crate::quote::{Asked, BodyBinding, Measured, measure};
use crate::seller::Seller;

/// A request and its name.
pub(super) struct Named<'a> {
    said: Said,
    asked: Asked<'a>,
}

/// Whether a request is served for the first time.
pub(super) enum Turned {
    /// It is.
    First(Arc<Turn>),
    /// It was served, with this answer.
    Again(Arc<StoredResponse>),
}

impl Named<'_> {
    /// What came of this request before, if it is not to be served now.
    pub(super) fn before(&self, seller: &Seller, session: SessionId) -> Result<Turned, Stop> {
        let conflict = |detail: &str| answer::plain(StatusCode::CONFLICT, detail);
        match seller.sessions.repeats.begin(key_of(&self.said, session, self.asked), seller.now()) {
            Before::Nothing(turn) => Ok(Turned::First(turn)),
            Before::Served(Some(given)) => Ok(Turned::Again(given)),
            Before::Serving => {
                let detail = "The first request under this Idempotency-Key is still being answered; repeat this one in a moment.";
                let wait = Duration::from_secs(1);
                Err(Stop::Elsewhere(Box::new(answer::retry_after(conflict(detail), wait))))
            }
            Before::Served(None) => {
                let detail = "The request under this Idempotency-Key was answered and charged, and its answer was not \
                              kept; nothing more was charged. Use a new key to buy it again.";
                Err(Stop::Elsewhere(Box::new(conflict(detail))))
            }
        }
    }
}

/// Answers a request under a name. Its body is read first, because another body is another request; a body beyond
/// the limit is bound by nothing, as in a charge.
pub(super) async fn answer(sale: Sale<'_>, head: Head, credential: Credential, body: Body) -> Response<Body> {
    let said = match Said::read(&head.parts.headers) {
        Ok(Some(said)) => said,
        Ok(None) => return answer::problem(ProblemType::BadRequest, "The Idempotency-Key is gone."),
        Err(denial) => return refuse(sale, head.asked(&BodyBinding::Unbound), &denial),
    };
    let Ok(Measured { binding, body }) = measure(body, sale.site.digest_body, true).await else {
        return answer::plain(StatusCode::BAD_REQUEST, "The body broke off, was too large or came too slowly.");
    };
    let bought = {
        let named = Named { said, asked: head.asked(&binding) };
        buy(sale, Visit::Request, &credential, Some(&named)).await
    };
    match bought {
        Ok(Bought::Request(drawing)) => {
            let turn = drawing.turn();
            let response = serve::serve(sale, *drawing, head, body).await;
            remember(turn, response, sale.paid.idempotency_body).await
        }
        Ok(Bought::Again(given, managed)) => {
            sale.route.meters.replayed.increment(1);
            let mut response = restore(&given);
            if response.status().is_success() {
                show_receipt(response.headers_mut(), &managed.receipt);
            }
            response
        }
        Ok(Bought::Nothing(managed)) => managed.into_response(),
        Err(Stop::Denied(denial)) => stop::refuse(sale, &head, body, &denial).await,
        Err(Stop::Elsewhere(response)) => *response,
    }
}

/// Keeps an answer that is small enough before it goes out. A failure is not kept: it cost nothing.
async fn remember(turn: Option<Arc<Turn>>, response: Response<Body>, limit: usize) -> Response<Body> {
    let Some(turn) = turn.filter(|_| crate::lifecycle::is_success(response.status())) else { return response };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    let (parts, body) = response.into_parts();
    match read_ahead(&parts.headers, body, limit).await {
        Ok(ReadAhead::Whole(bytes)) => {
            turn.keep(keep(parts.status, &parts.headers, &bytes));
            Response::from_parts(parts, Body::full(bytes))
        }
        Ok(ReadAhead::Streaming(body)) => Response::from_parts(parts, body),
        Err(error) => {
            tracing::warn!(%error, "the upstream broke off what a session pays for; nothing is charged");
            answer::plain(StatusCode::BAD_GATEWAY, "The upstream broke off its answer; nothing was charged.")
        }
    }
}
