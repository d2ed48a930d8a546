use async_trait::async_trait;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next};
use tokio::sync::Mutex;

use super::transport::{Lost, Transport};
use super::{Order, Outcome, PayingClient};

/// Makes any `reqwest_middleware` client pay.
///
/// Requests, the paid ones too, go through the rest of the chain, so logging middleware after this
/// one sees credentials; their header values are marked sensitive. Retrying is done here: put retry
/// middleware before this one, not after it. Whatever is not a response (refused by policy, no
/// offer, unknown outcome) is an error that holds a [`NotPaid`].
#[derive(Clone)]
pub struct PayingMiddleware {
    client: PayingClient,
    may_redirect: bool,
}

/// In the extensions of a response that was paid for by x402 when it is not known whether the payment was
/// taken: why, in one sentence. It stays counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unconfirmed(pub String);

/// Why a request has no response: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotPaid(pub String);

impl PayingMiddleware {
    /// Pays as this client does, but for offers whose payment goes out in a field that a client carries along
    /// when it follows a redirect to another server: all of x402's are.
    pub fn new(client: PayingClient) -> Self {
        Self { client, may_redirect: true }
    }

    /// The same for a chain that follows no redirects by itself (`redirect::Policy::none()`): it pays every
    /// offer, and follows redirects itself where nothing can leak.
    pub fn without_redirects(client: PayingClient) -> Self {
        Self { client, may_redirect: false }
    }
}

#[async_trait]
impl Middleware for PayingMiddleware {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let chain = Chain { next, extensions: Mutex::new(extensions), may_redirect: self.may_redirect };
        match self.client.pay_over(&chain, request, &Order::default()).await.map_err(Error::middleware)? {
            Outcome::Free { response } | Outcome::Paid { response, .. } | Outcome::ServerError { response, .. } => {
                Ok(response)
            }
            Outcome::Unconfirmed { mut response, sentence, .. } => {
                response.extensions_mut().insert(Unconfirmed(sentence));
                Ok(response)
            }
            Outcome::Refused { sentence, .. } | Outcome::Unknown { sentence, .. } => {
                Err(Error::middleware(NotPaid(sentence)))
            }
            Outcome::AwaitsApproval { id, sentence, .. } => {
                Err(Error::middleware(NotPaid(format!("{sentence}; it waits for the approval {id}"))))
            }
            Outcome::NoOffer { reasons } => Err(Error::middleware(NotPaid(reasons.join("; ")))),
        }
    }
}

/// The rest of a middleware chain, as a transport.
struct Chain<'a> {
    next: Next<'a>,
    extensions: Mutex<&'a mut Extensions>,
    may_redirect: bool,
}

#[async_trait]
impl Transport for Chain<'_> {
    async fn send(&self, request: Request) -> Result<Response, Lost> {
        let mut extensions = self.extensions.lock().await;
        self.next.clone().run(request, &mut extensions).await.map_err(|error| match error {
            Error::Reqwest(error) => Lost::from(&error),
            // What it did before it failed is not known.
            Error::Middleware(error) => Lost { never_left: false, reason: error.to_string() },
        })
    }

    fn may_redirect(&self) -> bool {
        self.may_redirect
    }
}
