use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Request, Response};

use super::PayError;
use super::request::Prepared;
use crate::reach::Private;

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
    /// Where it was not let go, if that is why.
    pub(super) private: Option<Private>,
}

impl Lost {
    /// Why, by what lies at the bottom of an error: what is above it may name the URL, which may hold secrets.
    /// What was done before it is not known.
    pub(super) fn because(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Self::after(&cause.to_string())
    }

    pub(super) fn unsent(reason: &str) -> Self {
        Self { never_left: true, ..Self::after(reason) }
    }

    /// It may have left before this happened.
    pub(super) fn after(reason: &str) -> Self {
        Self { never_left: false, reason: reason.to_owned(), private: None }
    }

    pub(super) fn unread() -> Self {
        Self::after("its answer cannot be read")
    }
}

/// Waits so long for an answer, and no longer.
pub(super) async fn in_time<T>(silence: Duration, answer: impl Future<Output = T>) -> Result<T, Lost> {
    let answered = tokio::time::timeout(silence, answer).await;
    answered.map_err(|_| Lost::after("it did not answer in time"))
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

impl From<Private> for Lost {
    fn from(private: Private) -> Self {
        Self { private: Some(private.clone()), ..Self::unsent(&private.to_string()) }
    }
}

impl From<&reqwest::Error> for Lost {
    fn from(error: &reqwest::Error) -> Self {
        // The error's own text names the URL, which may hold secrets; its sources do not. The innermost says why.
        let sources = std::iter::successors(std::error::Error::source(error), |error| error.source());
        let source = sources.last().map(ToString::to_string);
        let reason = if error.is_timeout() { "it did not answer in time".to_owned() } else { String::new() };
        let reason = source.filter(|_| reason.is_empty()).unwrap_or(reason);
        Self { never_left: error.is_connect(), ..Self::after(&reason) }
    }
}
