use aws_lc_rs::digest::{SHA256, digest};
use farthing_dialects::x402::{METHOD, PAYMENT_SIGNATURE, PaymentPayload, X_PAYMENT};
use farthing_protocol::Credential;
use farthing_protocol::challenge::CredentialField;
use farthing_rail::Origin;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::{Body, Request, Url};

use super::{Order, PayError};
use crate::outgoing::{Fingerprint, Sendable};
use crate::policy::Asking;
use crate::{Ambient, NoRandomness};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PAYMENT_AUTHORIZATION: HeaderName = HeaderName::from_static("payment-authorization");
const ACCEPT_PAYMENT: HeaderName = HeaderName::from_static("accept-payment");
/// Every field but `Authorization` in which a payment may go out; a request carries one payment.
const PAYMENTS: [HeaderName; 3] =
    [PAYMENT_AUTHORIZATION, HeaderName::from_static(PAYMENT_SIGNATURE), HeaderName::from_static(X_PAYMENT)];

/// A request that can be sent as often as needed, always the same.
#[derive(Clone)]
pub(super) struct Prepared {
    method: Method,
    /// Where the caller wants it sent.
    asked: Url,
    url: Url,
    headers: HeaderMap,
    body: bytes::Bytes,
    idempotency_key: String,
    fingerprint: Fingerprint,
}

impl Prepared {
    /// Takes a request apart. `Err` in `Ok` is the reason for which it is not sent at all.
    pub(super) fn new(request: Request, ambient: &Ambient) -> Result<Result<Self, String>, NoRandomness> {
        let body = match request.body().map(Body::as_bytes) {
            None => bytes::Bytes::new(),
            Some(Some(body)) => bytes::Bytes::copy_from_slice(body),
            Some(None) => {
                let sentence = "the body can be read only once, and a paid request may be sent twice; buffer it first";
                return Ok(Err(sentence.into()));
            }
        };
        let (method, url, headers) = (request.method().clone(), request.url().clone(), request.headers().clone());
        let own_key = headers.get(IDEMPOTENCY_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
        let fingerprint = fingerprint(&method, &url, &body, own_key);
        let idempotency_key = match std::str::from_utf8(own_key) {
            Ok("") => ambient.uuid()?,
            Ok(key) => key.to_owned(),
            Err(_) => return Ok(Err("the Idempotency-Key is not plain text".into())),
        };
        Ok(Ok(Self { method, asked: url.clone(), url, headers, body, idempotency_key, fingerprint }))
    }

    pub(super) fn method(&self) -> &str {
        self.method.as_str()
    }

    pub(super) fn url(&self) -> &str {
        self.url.as_str()
    }

    pub(super) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Origin, method and path, of a request that no redirect led elsewhere.
    pub(super) fn route(&self) -> Option<(String, String, String)> {
        let origin = self.url.origin().ascii_serialization();
        let route = (origin, self.method.to_string(), self.url.path().to_owned());
        (self.asked == self.url).then_some(route)
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn idempotency_key(&self) -> &str {
        &self.idempotency_key
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// What is bought, for the owner's list: without the query, which may hold secrets.
    pub(super) fn for_the_owner(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }

    /// The same as a policy sees it.
    pub(super) fn asking<'a>(&'a self, order: &'a Order, redirected_from: Option<&'a Origin>) -> Asking<'a> {
        let (http_method, path) = (self.method(), self.url.path());
        let (digest, tags) = (sha256(&self.method, &self.url, &self.body, &[]), &order.tags);
        Asking { http_method, path, digest, tags, max: order.max, redirected_from, offer_signers: &[] }
    }

    /// Where the caller sent it, when redirects led to another origin. TLS on the same host is no other.
    pub(super) fn redirected_from(&self) -> Option<Origin> {
        let upgraded = self.asked.scheme() == "http"
            && (self.url.scheme(), self.url.host(), self.url.port()) == ("https", self.asked.host(), self.asked.port());
        let other = self.asked.origin() != self.url.origin() && !upgraded;
        self.asked.origin().ascii_serialization().parse().ok().filter(|_| other)
    }

    /// Where the request goes, if a payment may go there: TLS, or this machine itself.
    pub(super) fn secure_origin(&self) -> Option<Origin> {
        let origin: Origin = self.url.origin().ascii_serialization().parse().ok()?;
        (self.url.scheme() == "https" || is_this_machine(self.host())).then_some(origin)
    }

    /// The same request at another address of a redirect. On another origin it loses what only the
    /// first was meant to see.
    pub(super) fn redirect_to(&mut self, url: Url) {
        if url.origin() != self.url.origin() {
            let secret = [http::header::AUTHORIZATION, http::header::COOKIE, IDEMPOTENCY_KEY];
            for name in secret.into_iter().chain(PAYMENTS) {
                self.headers.remove(name);
            }
        }
        self.url = url;
    }

    /// Where a redirect of this request leads, if it may be followed with the same method.
    pub(super) fn redirect_target(&self, response: &reqwest::Response) -> Option<Url> {
        let safe = matches!(self.method, Method::GET | Method::HEAD);
        let follows = match response.status().as_u16() {
            307 | 308 => true,
            301..=303 => safe,
            _ => false,
        };
        let location = response.headers().get(http::header::LOCATION).filter(|_| follows)?;
        self.url.join(location.to_str().ok()?).ok()
    }

    pub(super) fn is_same_origin(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }

    /// The request as it was when a kept credential was first sent.
    pub(super) fn as_kept(&self, kept: &Sendable) -> Option<Self> {
        let mut request = self.clone();
        request.redirect_to(kept.url.parse().ok()?);
        request.method = kept.method.parse().ok()?;
        request.idempotency_key.clone_from(&kept.idempotency_key);
        Some(request)
    }

    /// Without a payment.
    pub(super) fn unpaid(&self, accepts: &str) -> Result<Request, PayError> {
        let mut request = self.bare();
        let headers = request.headers_mut();
        if !headers.contains_key(ACCEPT_PAYMENT) && !accepts.is_empty() {
            headers.insert(ACCEPT_PAYMENT, value(accepts)?);
        }
        // What is sent twice must do no more than what is sent once.
        if !matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            headers.insert(IDEMPOTENCY_KEY, value(&self.idempotency_key)?);
        }
        Ok(request)
    }

    /// With a payment, in the words of the protocol that it was asked for in. The key is sent with every
    /// method: it lets the server give a lost answer again.
    pub(super) fn paid(&self, credential: &Credential) -> Result<Request, PayError> {
        let mut request = self.bare();
        let headers = request.headers_mut();
        for name in PAYMENTS {
            headers.remove(name);
        }
        headers.insert(IDEMPOTENCY_KEY, value(&self.idempotency_key)?);
        let (field, mut secret) = if is_x402(credential) {
            let payment = PaymentPayload::of(credential).map_err(|error| PayError::Request(error.to_string()))?;
            (HeaderName::from_static(payment.version.payment_header()), value(&payment.to_header())?)
        } else {
            let field = match credential.challenge().field() {
                CredentialField::Authorization => http::header::AUTHORIZATION,
                CredentialField::PaymentAuthorization => PAYMENT_AUTHORIZATION,
            };
            (field, value(&credential.to_header())?)
        };
        secret.set_sensitive(true);
        headers.insert(field, secret);
        Ok(request)
    }

    /// A request that buys nothing by itself, to the same place: for a credential that manages a session.
    pub(super) fn management(&self, ambient: &Ambient) -> Result<Self, NoRandomness> {
        let mut request = self.clone();
        request.method = Method::POST;
        request.body = bytes::Bytes::new();
        for name in [http::header::CONTENT_TYPE, http::header::CONTENT_LENGTH, http::header::ACCEPT] {
            request.headers.remove(name);
        }
        request.idempotency_key = ambient.uuid()?;
        Ok(request)
    }

    fn bare(&self) -> Request {
        let mut request = Request::new(self.method.clone(), self.url.clone());
        request.headers_mut().clone_from(&self.headers);
        if !self.body.is_empty() {
            *request.body_mut() = Some(self.body.clone().into());
        }
        request
    }
}

fn fingerprint(method: &Method, url: &Url, body: &[u8], own_key: &[u8]) -> Fingerprint {
    let mut short = [0; 16];
    short.copy_from_slice(sha256(method, url, body, own_key).split_at(16).0);
    Fingerprint(short)
}

/// Every part stands with its length, so that no two requests read alike.
fn sha256(method: &Method, url: &Url, body: &[u8], own_key: &[u8]) -> [u8; 32] {
    let mut text = Vec::new();
    for part in [method.as_str().as_bytes(), url.as_str().as_bytes(), own_key, body] {
        text.extend_from_slice(&part.len().to_be_bytes());
        text.extend_from_slice(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, &text).as_ref());
    hash
}

/// Whether a credential answers an offer of x402, and goes out in the words of that protocol.
pub(super) fn is_x402(credential: &Credential) -> bool {
    credential.challenge().method().as_str() == METHOD
}

fn value(text: &str) -> Result<HeaderValue, PayError> {
    // The message names no value: it could be a credential.
    HeaderValue::from_str(text).map_err(|_| PayError::Request("a header has a character that is not allowed".into()))
}

pub(crate) fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::Timestamp;

    fn prepared(method: Method, url: &str) -> Prepared {
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        Prepared::new(Request::new(method, url.parse().unwrap()), &ambient).unwrap().unwrap()
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        let origin = |url: &str| prepared(Method::GET, url).secure_origin().map(|origin| origin.to_string());
        assert_eq!(origin("https://api.example.com/x").as_deref(), Some("https://api.example.com"));
        for url in ["http://127.0.0.1:4020/x", "http://localhost/x", "http://[::1]:1/"] {
            assert!(origin(url).is_some(), "{url}");
        }
        for url in
            ["http://api.example.com/", "http://10.0.0.1/", "http://localhost.example.com/", "http://127.0.0.1.nip.io/"]
        {
            assert_eq!(origin(url), None, "{url}");
        }
    }

    #[test]
    fn another_origin_loses_what_only_the_first_may_see() {
        let mut request = prepared(Method::GET, "https://a.example/x");
        request.headers.insert("authorization", HeaderValue::from_static("Bearer secret"));
        request.headers.insert("cookie", HeaderValue::from_static("secret"));
        request.redirect_to("https://a.example/y".parse().unwrap());
        assert_eq!(request.headers.len(), 2);
        request.redirect_to("https://b.example/".parse().unwrap());
        assert!(request.headers.is_empty());
    }

    #[test]
    fn another_origin_is_another_scheme_host_or_port_but_for_tls_on_the_same_host() {
        let led = |from: &str, to: &str| {
            let mut request = prepared(Method::GET, from);
            request.redirect_to(to.parse().unwrap());
            request.redirected_from().map(|origin| origin.to_string())
        };
        assert_eq!(led("https://a.example/x", "https://a.example/y"), None);
        assert_eq!(led("http://a.example/x", "https://a.example/x"), None);
        for to in ["http://a.example/x", "https://b.a.example/x", "https://a.example:8443/x", "https://a.example./x"] {
            assert_eq!(led("https://a.example/x", to).as_deref(), Some("https://a.example"), "{to}");
        }
        assert_eq!(led("http://a.example:80/x", "https://a.example:8443/x").as_deref(), Some("http://a.example"));
    }

    #[test]
    fn a_payment_of_the_caller_s_own_is_not_sent_beside_ours_or_to_another_origin() {
        let mut request = prepared(Method::GET, "https://a.example/x");
        for name in PAYMENTS {
            request.headers.insert(name, HeaderValue::from_static("secret"));
        }
        let challenge = crate::policy::tests::quote("0.001 USD", "https://a.example").challenge;
        let paid = request.paid(&Credential::new(challenge, farthing_protocol::JsonObject::new(), None)).unwrap();
        assert!(PAYMENTS.iter().all(|name| !paid.headers().contains_key(name)));
        assert!(paid.headers()[http::header::AUTHORIZATION].is_sensitive());
        request.redirect_to("https://b.example/".parse().unwrap());
        assert!(request.headers.is_empty());
    }

    #[test]
    fn only_the_same_request_has_the_same_fingerprint() {
        let one = prepared(Method::GET, "https://a.example/x").fingerprint();
        assert_eq!(one, prepared(Method::GET, "https://a.example/x").fingerprint());
        assert_ne!(one, prepared(Method::GET, "https://a.example/y").fingerprint());
        assert_ne!(one, prepared(Method::HEAD, "https://a.example/x").fingerprint());
    }

    #[test]
    fn an_unpaid_request_that_changes_something_has_a_key() {
        let key =
            |method| prepared(method, "https://a.example/").unpaid("").unwrap().headers().contains_key(IDEMPOTENCY_KEY);
        assert!(key(Method::POST) && key(Method::DELETE));
        assert!(!key(Method::GET));
    }
}
