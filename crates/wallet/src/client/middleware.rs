use std::time::Duration;

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next};
use tokio::sync::Mutex;

use super::transport::{Lost, Transport, in_time};
use super::{Order, PayingClient};

/// Makes any `reqwest_middleware` client pay.
///
/// Requests, the paid ones too, go through the rest of the chain, so logging middleware after this
/// one sees credentials; their header values are marked sensitive. Retrying is done here: put retry
/// middleware before this one, not after it. Whatever is not a response (refused by policy, no
/// offer, unknown outcome) is an error that holds a [`NotPaid`](super::NotPaid). What a response cost is in its
/// extensions, as a [`Paid`](super::Paid).
///
/// An [`Order`] in the extensions of a request is followed, so that a call can have a limit of its own.
#[derive(Clone)]
pub struct PayingMiddleware {
    client: PayingClient,
    may_redirect: bool,
}

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
        let order = extensions.get::<Order>().cloned().unwrap_or_default();
        let silence = self.client.settings.silence;
        let chain = Chain { next, extensions: Mutex::new(extensions), may_redirect: self.may_redirect, silence };
        let outcome = self.client.pay_over(&chain, request, &order).await.map_err(Error::middleware)?;
        outcome.into_response().map_err(Error::middleware)
    }
}

/// The rest of a middleware chain, as a transport.
struct Chain<'a> {
    next: Next<'a>,
    extensions: Mutex<&'a mut Extensions>,
    may_redirect: bool,
    silence: Duration,
}

#[async_trait]
impl Transport for Chain<'_> {
    async fn send(&self, request: Request) -> Result<Response, Lost> {
        let mut extensions = self.extensions.lock().await;
        let answered = in_time(self.silence, self.next.clone().run(request, &mut extensions)).await?;
        answered.map_err(|error| match error {
            Error::Reqwest(error) => Lost::from(&error),
            // What it did before it failed is not known.
            Error::Middleware(error) => Lost::after(&error.to_string()),
        })
    }

    fn may_redirect(&self) -> bool {
        self.may_redirect
    }
}
