use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Request, Response, redirect};

use super::PayError;
use super::request::Prepared;

/// The most redirects of one request.
pub(super) const MOST_REDIRECTS: u32 = 5;

/// What sends requests.
#[async_trait]
pub(super) trait Transport: Send + Sync {
    async fn send(&self, request: Request) -> Result<Response, Lost>;

    /// Whether it may follow redirects by itself, out of our sight.
    fn may_redirect(&self) -> bool;

    /// Whether redirects of a request without a payment are followed here.
    fn follows(&self) -> bool {
        true
    }
}

/// A request that got no answer.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    /// Whether it certainly never left.
    pub(super) never_left: bool,
    pub(super) reason: String,
}

impl Lost {
    /// Why, by what lies at the bottom of an error: what is above it may name the URL, which may hold secrets.
    /// What was done before it is not known.
    pub(super) fn because(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Self { never_left: false, reason: cause.to_string() }
    }

    pub(super) fn unsent(reason: &str) -> Self {
        Self { never_left: true, reason: reason.to_owned() }
    }

    pub(super) fn unread() -> Self {
        Self { never_left: false, reason: "its answer cannot be read".to_owned() }
    }
}

/// Waits so long for an answer, and no longer.
pub(super) async fn in_time<T>(silence: Duration, answer: impl Future<Output = T>) -> Result<T, Lost> {
    let answered = tokio::time::timeout(silence, answer).await;
    answered.map_err(|_| Lost { never_left: false, reason: "it did not answer in time".to_owned() })
}

/// A client that follows no redirect by itself: where a credential goes is decided here.
pub(super) fn client(silence: Duration) -> Result<reqwest::Client, PayError> {
    reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(silence)
        .build()
        .map_err(|error| PayError::Request(error.without_url().to_string()))
}

/// One for sockets: they begin as requests of HTTP/1.1 and stay open for as long as they like.
pub(super) fn for_sockets() -> Result<reqwest::Client, PayError> {
    reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .referer(false)
        .http1_only()
        .connect_timeout(Duration::from_secs(10))
        .build()
        .map_err(|error| PayError::Request(error.without_url().to_string()))
}

/// Sends a request without a payment, and follows redirects of it; `request` becomes the one that
/// was answered.
pub(super) async fn ask(
    transport: &dyn Transport,
    request: &mut Prepared,
    accepts: &str,
) -> Result<Response, PayError> {
    let mut redirects = 0;
    loop {
        let response = transport.send(request.unpaid(accepts)?).await?;
        match request.redirect_target(&response) {
            Some(target) if transport.follows() && redirects < MOST_REDIRECTS => request.redirect_to(target),
            _ => {
                request.redirect_to(response.url().clone());
                return Ok(response);
            }
        }
        redirects += 1;
    }
}

#[async_trait]
impl Transport for reqwest::Client {
    async fn send(&self, request: Request) -> Result<Response, Lost> {
        self.execute(request).await.map_err(|error| Lost::from(&error))
    }

    fn may_redirect(&self) -> bool {
        false
    }
}

impl From<&reqwest::Error> for Lost {
    fn from(error: &reqwest::Error) -> Self {
        // The error's own text names the URL, which may hold secrets; its sources do not. The innermost says why.
        let sources = std::iter::successors(std::error::Error::source(error), |error| error.source());
        let source = sources.last().map(ToString::to_string);
        let reason = if error.is_timeout() { "it did not answer in time".to_owned() } else { String::new() };
        let reason = source.filter(|_| reason.is_empty()).unwrap_or(reason);
        Self { never_left: error.is_connect(), reason }
    }
}
