use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Extensions;
use http_body_util::{BodyExt as _, Full, Limited};
use reqwest::{Body, Request, Response, ResponseBuilderExt as _};
use tower::{BoxError, Layer, Service, ServiceExt as _};

use super::transport::{Lost, Transport, in_time};
use super::{Ended, Order, PayError, PayingClient};
use crate::sessions::KeptSession;

/// The longest body of a request, in bytes; a paid request may be sent twice, so that its body is kept.
const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// Makes any tower service that sends HTTP requests pay.
///
/// The service beneath gets each request whole, [`Full`], and perhaps more than once. Retrying is done here: put
/// layers that retry above this one, and layers that write to logs above it too, since what is beneath sees
/// payments (their header values are marked sensitive). Whatever is not a response is an error: a
/// [`NotPaid`](super::NotPaid) (refused by policy, no offer, unknown outcome) or a
/// [`PayError`]. What a response cost is in its extensions, as a [`Paid`](super::Paid).
///
/// An [`Order`] in the extensions of a request is followed, so that a call can have a limit of its own.
#[derive(Clone)]
pub struct PayingLayer {
    client: PayingClient,
    may_redirect: bool,
}

/// The service that a [`PayingLayer`] makes of another.
#[derive(Clone)]
pub struct PayingService<S> {
    layer: PayingLayer,
    beneath: S,
}

impl PayingLayer {
    /// Pays as this client does, but for offers whose payment goes out in a field that a service beneath could
    /// carry along when it follows a redirect to another server: all of x402's are.
    pub fn new(client: PayingClient) -> Self {
        Self { client, may_redirect: true }
    }

    /// The same over a service that follows no redirects by itself, as hyper's own client: it pays every offer,
    /// and follows redirects itself where nothing can leak.
    pub fn without_redirects(client: PayingClient) -> Self {
        Self { client, may_redirect: false }
    }
}

impl<S> Layer<S> for PayingLayer {
    type Service = PayingService<S>;

    fn layer(&self, beneath: S) -> PayingService<S> {
        PayingService { layer: self.clone(), beneath }
    }
}

impl<S, Asked, Answered> Service<http::Request<Asked>> for PayingService<S>
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<Answered>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    Asked: http_body::Body + Send + 'static,
    Asked::Data: Send,
    Asked::Error: Into<BoxError>,
    Answered: http_body::Body<Data = Bytes> + Send + Sync + 'static,
    Answered::Error: Into<BoxError>,
{
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, BoxError>> + Send>>;

    /// At once: each sending waits for the service beneath, of which there may be several or none.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Asked>) -> Self::Future {
        let Self { layer: PayingLayer { client, may_redirect }, beneath } = self.clone();
        Box::pin(async move {
            let order = request.extensions().get::<Order>().cloned().unwrap_or_default();
            let (request, extensions) = gathered(request).await?;
            let silence = client.settings.silence;
            let beneath = Beneath { service: Mutex::new(beneath), extensions, may_redirect, silence };
            let outcome = client.pay_over(&beneath, request, &order).await?;
            Ok(outcome.into_response()?.into())
        })
    }
}

impl<S> PayingService<S> {
    /// Asks the seller over the service beneath to end a session, as [`PayingClient::close_session`] does.
    pub async fn close_session<Answered>(&self, session: &KeptSession) -> Result<Ended, PayError>
    where
        S: Service<http::Request<Full<Bytes>>, Response = http::Response<Answered>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        Answered: http_body::Body<Data = Bytes> + Send + Sync + 'static,
        Answered::Error: Into<BoxError>,
    {
        let Self { layer: PayingLayer { client, may_redirect }, beneath } = self.clone();
        let (service, silence) = (Mutex::new(beneath), client.settings.silence);
        let beneath = Beneath { service, extensions: Extensions::new(), may_redirect, silence };
        client.close_session_over(&beneath, session).await
    }
}

/// A request with its body in memory, and what came along with it.
async fn gathered<B>(request: http::Request<B>) -> Result<(Request, Extensions), BoxError>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LONGEST_BODY).collect().await?.to_bytes();
    let mut request = Request::new(parts.method, parts.uri.to_string().parse()?);
    *request.headers_mut() = parts.headers;
    if !body.is_empty() {
        *request.body_mut() = Some(body.into());
    }
    Ok((request, parts.extensions))
}

/// The service beneath, as a transport.
struct Beneath<S> {
    service: Mutex<S>,
    extensions: Extensions,
    may_redirect: bool,
    silence: Duration,
}

#[async_trait]
impl<S, Answered> Transport for Beneath<S>
where
    S: Service<http::Request<Full<Bytes>>, Response = http::Response<Answered>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    Answered: http_body::Body<Data = Bytes> + Send + Sync + 'static,
    Answered::Error: Into<BoxError>,
{
    async fn send(&self, mut request: Request) -> Result<Response, Lost> {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let body = request.body().and_then(Body::as_bytes).map(Bytes::copy_from_slice).unwrap_or_default();
        let mut asked = http::Request::new(Full::new(body));
        let uri = request.url().as_str().parse().map_err(|_| Lost::unsent("the address is none of HTTP"))?;
        (*asked.uri_mut(), *asked.method_mut()) = (uri, request.method().clone());
        *asked.headers_mut() = std::mem::take(request.headers_mut());
        *asked.extensions_mut() = self.extensions.clone();
        let answered = in_time(self.silence, service.oneshot(asked)).await?;
        let (parts, body) = answered.map_err(|error| Lost::because(&*error.into()))?.into_parts();
        // The address that was asked is the one that answered: redirects by the service itself are not seen.
        let answer = http::Response::builder().status(parts.status).version(parts.version).url(request.url().clone());
        let mut answer = answer.body(Body::wrap(body)).map_err(|_| Lost::unread())?;
        *answer.headers_mut() = parts.headers;
        answer.extensions_mut().extend(parts.extensions);
        Ok(answer.into())
    }

    fn may_redirect(&self) -> bool {
        self.may_redirect
    }
}
