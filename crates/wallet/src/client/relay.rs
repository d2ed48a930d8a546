//! Requests that are passed on for somebody else, who sees what the server says.

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use reqwest::{Request, Response};

use super::request::Prepared;
use super::stream::is_of_events;
use super::transport::{Lost, Transport};
use super::{Order, Outcome, PaidStream, PayError, PayingClient};

/// What became of a request that was passed on.
pub struct Relayed {
    /// What it came to.
    pub outcome: Outcome,
    /// The last 402 of the server, where it asked for a payment that was not made.
    pub demanded: Option<Demanded>,
    /// What was bought, where it is a stream that is paid for as it goes: it is read from here, and what it asks for
    /// meanwhile is signed as far as the call and the policy allow. The response of the outcome is its head alone.
    pub stream: Option<Box<PaidStream>>,
}

/// A 402 as the server sent it.
pub struct Demanded {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; `None` when it was too long or came too slowly to be read whole.
    pub body: Option<Bytes>,
}

impl PayingClient {
    /// Sends a request through `http` and pays for it if it must and may, for a caller that passes the answer on:
    /// redirects are answers, and a 402 that is not paid is shown.
    ///
    /// `http` must follow no redirects by itself: a credential goes nowhere but to the server that asked for it.
    ///
    /// # Errors
    ///
    /// As for [`pay_as`](Self::pay_as).
    pub async fn relay(&self, http: &reqwest::Client, request: Request, order: &Order) -> Result<Relayed, PayError> {
        let mut request = match Prepared::new(request, &self.wallet.ambient)? {
            Ok(request) => request,
            Err(sentence) => return Ok(Relayed { outcome: Outcome::refused(sentence), demanded: None, stream: None }),
        };
        let mut demand = None;
        let outcome = self.pay_for(&PassedOn(http), &mut request, order, &mut demand).await?;
        let demanded = demand.map(|demand| Demanded { headers: demand.headers, body: demand.body.map(Bytes::from) });
        let (outcome, stream) = match outcome {
            Outcome::Paid { response, receipt, cost, fee, session: Some(session) }
                if is_of_events(response.headers()) =>
            {
                let (head, response) = without_body(response);
                let in_session = (*session, receipt.clone());
                let stream = self.follow(http, response, (request, order.clone()), in_session);
                (Outcome::Paid { response: head, receipt, cost, fee, session: None }, Some(Box::new(stream)))
            }
            outcome => (outcome, None),
        };
        Ok(Relayed { outcome, demanded, stream })
    }
}

/// The head of a response, and the response.
fn without_body(response: Response) -> (Response, Response) {
    let mut head = http::Response::new(reqwest::Body::default());
    *head.status_mut() = response.status();
    head.headers_mut().clone_from(response.headers());
    (head.into(), response)
}

/// A client whose redirects are the caller's to follow.
struct PassedOn<'a>(&'a reqwest::Client);

#[async_trait]
impl Transport for PassedOn<'_> {
    async fn send(&self, request: Request) -> Result<Response, Lost> {
        Transport::send(self.0, request).await
    }

    fn may_redirect(&self) -> bool {
        false
    }

    fn follows(&self) -> bool {
        false
    }
}

impl std::fmt::Debug for Demanded {
    /// Without its headers, which hold challenges.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Demanded").field("bytes", &self.body.as_ref().map(Bytes::len)).finish_non_exhaustive()
    }
}
