//! A facilitator behind its URL.

use std::fmt;
use std::time::Duration;

use farthing_dialects::x402::facilitator::Supported;
use farthing_dialects::x402::{SETTLEMENT_PENDING, Settled};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde_json::Value;

/// How long it may take to settle.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to say what it settles.
const SHORT_PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// No honest answer is longer.
const LONGEST: usize = 64 * 1024;

/// Where it is, and what it wants to be shown. Cheap to clone; `Debug` shows no header.
#[derive(Clone)]
pub struct Facilitator {
    client: Client,
    base: Url,
    headers: HeaderMap,
    patience: Duration,
}

/// Why a facilitator cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FacilitatorError {
    /// Not a URL, or not of HTTP.
    #[error("is the URL of a facilitator, such as \"https://facilitator.example.com\"")]
    Url,
    /// It would be sent secrets in clear text.
    #[error("is reached without TLS, which would show payments and tokens to others; write https://")]
    Clear,
    /// A header that HTTP does not know.
    #[error(
        "names the header {0:?}, which cannot be sent; use letters, digits and - in its name and one line as its value"
    )]
    Header(String),
    /// No HTTP client can be made.
    #[error("cannot be asked: no HTTP client can be made; check the system's certificates")]
    Client,
}

/// What it answered to a payment.
#[derive(Debug)]
pub(super) enum Said {
    /// That the money moved.
    Settled(Settled),
    /// That it did not and will not.
    Refused {
        /// Its code.
        code: String,
        /// Its words, if any.
        message: Option<String>,
    },
    /// That it is not done yet.
    Pending,
    /// Nothing that has a meaning, or nothing in time: the payment may be on its way.
    Nonsense(String),
    /// It was not reached: the payment never left.
    Unreached(String),
    /// It does not deal with us: the payment was not looked at.
    Unwilling(String),
}

impl Facilitator {
    /// The facilitator at this URL, shown these headers. Plain HTTP is for this machine alone.
    pub fn new(url: &str, headers: impl IntoIterator<Item = (String, String)>) -> Result<Self, FacilitatorError> {
        let mut base: Url = url.parse().map_err(|_| FacilitatorError::Url)?;
        let is_here = base.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]"));
        match base.scheme() {
            "https" => {}
            "http" if is_here => {}
            "http" => return Err(FacilitatorError::Clear),
            _ => return Err(FacilitatorError::Url),
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let header = (name.parse::<HeaderName>().ok()).zip(HeaderValue::from_str(&value).ok());
            let (key, mut value) = header.ok_or(FacilitatorError::Header(name))?;
            value.set_sensitive(true);
            map.insert(key, value);
        }
        let client = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT).build();
        let client = client.map_err(|_| FacilitatorError::Client)?;
        Ok(Self { client, base, headers: map, patience: PATIENCE })
    }

    /// Waits so long for a settlement instead of half a minute.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Its host, for logs and errors.
    pub fn name(&self) -> &str {
        self.base.host_str().unwrap_or("the facilitator")
    }

    /// Asks to settle, once.
    pub(super) async fn settle(&self, body: &Value) -> Said {
        let Ok(url) = self.base.join("settle") else { return Said::Unreached("its URL has no paths".into()) };
        let request = self.client.post(url).headers(self.headers.clone()).header(CONTENT_TYPE, "application/json");
        let sent = request.timeout(self.patience).body(body.to_string()).send().await;
        match sent {
            Ok(response) => {
                let status = response.status();
                match whole(response).await {
                    Ok(bytes) => read(status, &bytes),
                    Err(why) => Said::Nonsense(why),
                }
            }
            Err(error) if error.is_connect() => Said::Unreached("it cannot be reached".into()),
            Err(error) if error.is_timeout() => {
                Said::Nonsense(format!("it did not answer in {} seconds", self.patience.as_secs()))
            }
            Err(_) => Said::Nonsense("the connection broke".into()),
        }
    }

    /// Asks what it settles.
    pub(super) async fn supported(&self) -> Result<Supported, String> {
        let url = self.base.join("supported").map_err(|_| "its URL has no paths".to_owned())?;
        let request = self.client.get(url).headers(self.headers.clone()).timeout(SHORT_PATIENCE);
        let response = request.send().await.map_err(|error| match error.is_timeout() {
            true => "it did not answer in time".to_owned(),
            false => "it cannot be reached".to_owned(),
        })?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(format!("it answers {} to GET /supported", status.as_u16()));
        }
        Supported::from_json(&whole(response).await?).map_err(|error| format!("its /supported cannot be read: {error}"))
    }
}

impl fmt::Debug for Facilitator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Facilitator").field("host", &self.name()).finish_non_exhaustive()
    }
}

/// The body, if it is short and whole.
async fn whole(mut response: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= LONGEST => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(format!("its answer has more than {LONGEST} bytes")),
            Ok(None) => return Ok(bytes),
            Err(error) if error.is_timeout() => return Err("its answer did not come to an end in time".into()),
            Err(_) => return Err("its answer broke off".into()),
        }
    }
}

/// Deployed facilitators answer 200 to whatever they understood, or 400, 402, 409, 412 to what they refuse.
fn read(status: StatusCode, bytes: &[u8]) -> Said {
    let settled = Settled::from_json(bytes);
    let reason = settled.as_ref().ok().and_then(|settled| settled.error_reason.clone());
    if reason.as_deref() == Some(SETTLEMENT_PENDING) {
        return Said::Pending;
    }
    match (status, settled) {
        (StatusCode::OK, Ok(settled)) if settled.success => Said::Settled(settled),
        (
            StatusCode::OK
            | StatusCode::BAD_REQUEST
            | StatusCode::PAYMENT_REQUIRED
            | StatusCode::CONFLICT
            | StatusCode::PRECONDITION_FAILED
            | StatusCode::UNPROCESSABLE_ENTITY,
            Ok(settled),
        ) if !settled.success => Said::Refused { code: reason.unwrap_or_default(), message: message_in(bytes) },
        (
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::TOO_MANY_REQUESTS,
            _,
        ) => {
            let why = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            Said::Unwilling(format!("it answered {}{why}; check facilitator and headers", status.as_u16()))
        }
        (StatusCode::BAD_REQUEST, Err(_)) if error_in(bytes).is_some() => {
            Said::Refused { code: error_in(bytes).unwrap_or_default(), message: message_in(bytes) }
        }
        (status, _) => Said::Nonsense(format!("it answered {} with nothing that says what happened", status.as_u16())),
    }
}

/// `{ "error": "code" }`, or `{ "error": { "code": .. } }`.
fn error_in(bytes: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(bytes).ok()?;
    let error = body.get("error").or_else(|| body.get("invalidReason"))?;
    error.as_str().or_else(|| error.get("code")?.as_str()).map(str::to_owned)
}

fn message_in(bytes: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(bytes).ok()?;
    let message = ["errorMessage", "errorReasonDetails", "message"].into_iter().find_map(|name| body.get(name));
    message?.as_str().map(str::to_owned)
}
