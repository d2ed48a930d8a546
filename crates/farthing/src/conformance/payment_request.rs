//! `http.payment_request`: one request over HTTP, paid with a proof that the suite makes up.
//!
//! Nothing of value is paid, so there is no wallet, policy or budget here. What holds as for any
//! payment: a credential goes only to the origin that asked for it, over TLS or on this machine, and
//! no message quotes a URL, a header or a payload. The suite knows one error for this operation,
//! `http_error`.

use std::error::Error;
use std::time::Duration;

use farthing_protocol::{Challenge, ChargeRequest, Credential, JsonObject, Timestamp};
use http::header::{HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use url::{Host, Url};

use super::objects::{challenge_object, read_challenge, text};
use super::{Failure, Kind};

const MOST_REDIRECTS: usize = 5;

/// More than any answer of the suite's server has.
const LONGEST_BODY_BYTES: usize = 4 * 1024 * 1024;

/// Sends the request, pays if it is asked to, and answers with the final response, all within
/// `patience`.
pub(super) fn perform(input: &JsonObject, patience: Duration, now: Timestamp) -> Result<Value, Failure> {
    let mode = Mode::read(text(input, "mode", Kind::Http)?)?;
    let call = Call::read(input, mode)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(http_error)?;
    runtime.block_on(async {
        let exchange = async {
            match mode {
                Mode::Plain => answer(call.send(&call.url, None).await?).await,
                _ => call.pay(mode, &Proof::read(input)?, now).await,
            }
        };
        tokio::time::timeout(patience, exchange).await.map_err(|_| http_error("the server did not answer in time"))?
    })
}

/// How the request behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Payment,
    /// Pays nothing, whatever the answer.
    Plain,
    /// The given payload is one that the server must refuse; it is sent as it is.
    InvalidPayload,
    /// Pays less than the challenge asks for.
    MismatchedRequest,
    /// Echoes a challenge that nobody issued.
    InvalidChallengeId,
}

impl Mode {
    fn read(name: &str) -> Result<Self, Failure> {
        match name {
            "payment" => Ok(Self::Payment),
            "plain" => Ok(Self::Plain),
            "invalid_payload" => Ok(Self::InvalidPayload),
            "mismatched_request" => Ok(Self::MismatchedRequest),
            "invalid_challenge_id" => Ok(Self::InvalidChallengeId),
            other => Err(Kind::Unsupported.because(format!("the mode \"{other}\" is not there yet"))),
        }
    }

    /// The challenge as this mode echoes it.
    fn echo(self, challenge: Challenge) -> Result<Challenge, Failure> {
        let mut object = challenge_object(&challenge)?;
        match (self, object.get_mut("request")) {
            (Self::MismatchedRequest, Some(Value::Object(request))) => {
                let is_one = request.get("amount").is_some_and(|amount| amount == "1");
                request.insert("amount".to_owned(), if is_one { "0" } else { "1" }.into());
            }
            (Self::InvalidChallengeId, _) => {
                object.insert("id".to_owned(), "invalid-challenge-id".into());
            }
            _ => return Ok(challenge),
        }
        read_challenge(&object, Kind::Http)
    }
}

/// What the suite wants presented.
struct Proof {
    payload: JsonObject,
    source: Option<String>,
}

impl Proof {
    fn read(input: &JsonObject) -> Result<Self, Failure> {
        let payment = input.get("payment").and_then(Value::as_object);
        let Some(Value::Object(payload)) = payment.and_then(|payment| payment.get("payload")) else {
            return Err(http_error("the input's payment must hold a payload object"));
        };
        let source = payment.and_then(|payment| payment.get("source")).and_then(Value::as_str);
        Ok(Self { payload: payload.clone(), source: source.map(str::to_owned) })
    }
}

/// A request that can be sent twice.
struct Call {
    client: Client,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: String,
}

impl Call {
    fn read(input: &JsonObject, mode: Mode) -> Result<Self, Failure> {
        let url = Url::parse(text(input, "url", Kind::Http)?).map_err(|_| http_error("the url cannot be read"))?;
        if mode != Mode::Plain && !is_private(&url) {
            return Err(http_error("a payment goes over https, or over http to this machine only"));
        }
        let method: Method =
            text(input, "method", Kind::Http)?.parse().map_err(|_| http_error("the method is not one of HTTP"))?;
        let nothing = JsonObject::new();
        let mut headers = HeaderMap::new();
        for (name, value) in input.get("headers").and_then(Value::as_object).unwrap_or(&nothing) {
            headers.append(header_name(name)?, header_value(value.as_str().unwrap_or_default())?);
        }
        let redirects = match mode {
            Mode::Plain => Policy::limited(MOST_REDIRECTS),
            _ => Policy::custom(same_origin_only(method.is_safe())),
        };
        let client = Client::builder().redirect(redirects).referer(false).no_proxy().build();
        let body = input.get("body").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { client: client.map_err(|error| unanswered(&error))?, method, url, headers, body })
    }

    /// Asks, and presents the proof where a usable challenge comes back. Any other answer is final.
    async fn pay(&self, mode: Mode, proof: &Proof, now: Timestamp) -> Result<Value, Failure> {
        let asked = self.send(&self.url, None).await?;
        if asked.status() != StatusCode::PAYMENT_REQUIRED {
            return answer(asked).await;
        }
        let Some(challenge) = first_usable(asked.headers(), self.body.as_bytes(), now)? else {
            return answer(asked).await;
        };
        let credential = Credential::new(mode.echo(challenge)?, proof.payload.clone(), proof.source.clone());
        answer(self.send(asked.url(), Some(&credential)).await?).await
    }

    async fn send(&self, url: &Url, credential: Option<&Credential>) -> Result<Response, Failure> {
        let mut headers = self.headers.clone();
        if let Some(credential) = credential {
            let mut secret = header_value(&credential.to_header())?;
            secret.set_sensitive(true);
            headers.insert(header_name(credential.challenge().field().name())?, secret);
        }
        let mut request = self.client.request(self.method.clone(), url.clone()).headers(headers);
        if !self.body.is_empty() {
            request = request.body(self.body.clone());
        }
        request.send().await.map_err(|error| unanswered(&error))
    }
}

/// TLS, or this machine itself.
fn is_private(url: &Url) -> bool {
    let is_this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_this_machine)
}

/// Follows a redirect within one origin, if it keeps the method; refuses one that leaves the origin.
fn same_origin_only(is_safe: bool) -> impl Fn(Attempt<'_>) -> reqwest::redirect::Action + Send + Sync + 'static {
    move |attempt| {
        let keeps_method = is_safe || matches!(attempt.status().as_u16(), 307 | 308);
        let leaves = attempt.previous().last().is_some_and(|from| from.origin() != attempt.url().origin());
        if leaves {
            attempt.error("Refusing to send payment credential across redirect to another origin")
        } else if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("the server redirects without end")
        } else if keeps_method {
            attempt.follow()
        } else {
            attempt.stop()
        }
    }
}

/// The first challenge that can be paid; nothing when there is no Payment challenge at all, and the
/// first one's fault when none will do.
fn first_usable(headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<Option<Challenge>, Failure> {
    let lines = headers.get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes);
    let mut fault = None;
    for read in Challenge::parse_all(lines) {
        match read.map_err(http_error).and_then(|challenge| usable(challenge, body, now)) {
            Ok(challenge) => return Ok(Some(challenge)),
            Err(failure) => fault = fault.or(Some(failure)),
        }
    }
    fault.map_or(Ok(None), Err)
}

/// The challenge, if it is a charge that still holds. The suite demands an expiry of every challenge.
fn usable(challenge: Challenge, body: &[u8], now: Timestamp) -> Result<Challenge, Failure> {
    if challenge.intent().as_str() != "charge" {
        return Err(http_error("the challenge is not for the intent charge"));
    }
    let request = challenge.request().decode().map_err(http_error)?;
    ChargeRequest::from_object(&request).map_err(http_error)?;
    let sentence = match challenge.expires_text() {
        None => "the challenge has no expires".to_owned(),
        Some(expires) if challenge.is_expired(now) => format!("the challenge expired at {expires}; ask for another"),
        Some(_) if challenge.digest().is_some_and(|digest| !digest.matches(body)) => {
            "the challenge is for another body".to_owned()
        }
        Some(_) => return Ok(challenge),
    };
    Err(http_error(sentence))
}

/// A response as the suite's JSON writes it: names in lower case, repeated headers on one line.
async fn answer(mut response: Response) -> Result<Value, Failure> {
    let mut headers = JsonObject::new();
    for name in response.headers().keys() {
        let lines = response.headers().get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
        headers.insert(name.as_str().to_owned(), lines.collect::<Vec<_>>().join(", ").into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unanswered(&error))? {
        if body.len() + chunk.len() > LONGEST_BODY_BYTES {
            return Err(http_error("the answer is longer than 4 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(json!({
        "status": response.status().as_u16(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    }))
}

fn header_name(name: &str) -> Result<HeaderName, Failure> {
    name.parse().map_err(|_| http_error("a header's name has a character that is not allowed"))
}

fn header_value(value: &str) -> Result<HeaderValue, Failure> {
    value.parse().map_err(|_| http_error("a header's value has a character that is not allowed"))
}

fn http_error(reason: impl std::fmt::Display) -> Failure {
    Kind::Http.because(reason)
}

/// The innermost reason: the outer ones name the URL.
fn unanswered(error: &reqwest::Error) -> Failure {
    let inner = std::iter::successors(error.source(), |inner| (*inner).source()).last();
    match inner {
        Some(reason) => http_error(reason),
        None => http_error("the request could not be sent"),
    }
}
