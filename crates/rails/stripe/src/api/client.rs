use std::fmt;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde_json::Value;

use super::{Form, Heard, Said};

/// Where Stripe is.
const STRIPE: &str = "https://api.stripe.com";
/// A card's issuer may take its time; the gateway waits no longer than its route says.
const PATIENCE: Duration = Duration::from_secs(40);
const CONNECT: Duration = Duration::from_secs(5);
/// A page of a hundred balance transactions is a tenth of this.
const LONGEST: usize = 2 * 1024 * 1024;

const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");
const STRIPE_ACCOUNT: HeaderName = HeaderName::from_static("stripe-account");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: &str = "idempotent-replayed";

/// The pinned version of the API: `2026-04-22.preview`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

/// Where the API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Url);

/// The API, asked as one account. Cheap to clone; `Debug` shows no secret.
#[derive(Clone)]
pub struct Api {
    client: Client,
    base: Url,
    headers: HeaderMap,
}

/// Why the API cannot be asked, as the end of a sentence about the setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiConfigError {
    /// Not the form of a version.
    #[error("is a version of Stripe's API, a date and perhaps a name, such as \"2026-04-22.preview\"")]
    Version,
    /// Not a URL of HTTP.
    #[error("is the URL of an API, such as \"https://api.stripe.com\"")]
    Url,
    /// Secrets would go out in clear text.
    #[error("is reached without TLS, which would show the secret key to others; write https://")]
    Clear,
    /// Clear text on this machine, outside of development.
    #[error("is a double on this machine; that takes gateway.development = true, or remove it to ask Stripe itself")]
    Double,
    /// Not a secret key.
    #[error("is a secret or restricted key of Stripe's, which begins with sk_ or rk_")]
    Key,
    /// Not an account.
    #[error("is the id of a connected account, which begins with acct_")]
    Account,
    /// No HTTP client can be made.
    #[error("cannot be asked: no HTTP client can be made; check the system's certificates")]
    Client,
}

impl Version {
    /// Reads a version.
    pub fn parse(text: &str) -> Result<Self, ApiConfigError> {
        let (date, name) = text.split_once('.').unwrap_or((text, "x"));
        let is_date = date.len() == 10
            && date.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if is_date && is_name { Ok(Self(text.to_owned())) } else { Err(ApiConfigError::Version) }
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Place {
    /// Stripe itself.
    pub fn stripe() -> Result<Self, ApiConfigError> {
        Self::parse(STRIPE, false)
    }

    /// The API at this URL. Plain HTTP is for a double on this machine, in development.
    pub fn parse(text: &str, development: bool) -> Result<Self, ApiConfigError> {
        let base: Url = text.parse().map_err(|_| ApiConfigError::Url)?;
        let is_here = base.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]"));
        match (base.scheme(), is_here) {
            ("https", false) => Ok(Self(base)),
            ("http" | "https", true) if development => Ok(Self(base)),
            ("http" | "https", true) => Err(ApiConfigError::Double),
            ("http", false) => Err(ApiConfigError::Clear),
            _ => Err(ApiConfigError::Url),
        }
    }
}

impl Api {
    /// The API at a place, in a version, asked with a secret key, perhaps for a connected account.
    pub fn new(place: &Place, version: &Version, key: &str, account: Option<&str>) -> Result<Self, ApiConfigError> {
        let is_secret = key.starts_with("sk_") || key.starts_with("rk_");
        let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_secret || !is_plain {
            return Err(ApiConfigError::Key);
        }
        let mut headers = HeaderMap::new();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| ApiConfigError::Key)?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(STRIPE_VERSION, HeaderValue::from_str(&version.0).map_err(|_| ApiConfigError::Version)?);
        if let Some(account) = account {
            headers.insert(STRIPE_ACCOUNT, account_header(account)?);
        }
        let client = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT).timeout(PATIENCE).build();
        Ok(Self { client: client.map_err(|_| ApiConfigError::Client)?, base: place.0.clone(), headers })
    }

    /// The same, in the version and for the account that an earlier call was made with.
    pub fn as_before(&self, version: &str, account: Option<&str>) -> Result<Self, ApiConfigError> {
        let mut headers = self.headers.clone();
        headers.insert(STRIPE_VERSION, HeaderValue::from_str(version).map_err(|_| ApiConfigError::Version)?);
        match account {
            Some(account) => headers.insert(STRIPE_ACCOUNT, account_header(account)?),
            None => headers.remove(STRIPE_ACCOUNT),
        };
        Ok(Self { headers, ..self.clone() })
    }

    /// Makes, changes or does something; under a key once, however often it is asked for.
    pub async fn post(&self, path: &str, form: &Form, idempotency: Option<&str>) -> Heard {
        let Ok(key) = idempotency.map(HeaderValue::from_str).transpose() else { return Heard::Unreached };
        let request = self.request(Method::POST, path);
        let request = request.map(|request| {
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            let request = match key {
                Some(key) => request.header(IDEMPOTENCY_KEY, key),
                None => request,
            };
            request.body(form.encoded().to_owned())
        });
        send(request).await
    }

    /// Ends something for good.
    pub async fn delete(&self, path: &str) -> Heard {
        send(self.request(Method::DELETE, path)).await
    }

    /// Reads something.
    pub async fn get(&self, path: &str, form: &Form) -> Heard {
        let question = if form.encoded().is_empty() { "" } else { "?" };
        send(self.request(Method::GET, &format!("{path}{question}{}", form.encoded()))).await
    }

    fn request(&self, method: Method, path: &str) -> Option<RequestBuilder> {
        let url = self.base.join(path).ok()?;
        Some(self.client.request(method, url).headers(self.headers.clone()))
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Api").field("host", &self.base.host_str()).finish_non_exhaustive()
    }
}

fn account_header(account: &str) -> Result<HeaderValue, ApiConfigError> {
    let rest = account.strip_prefix("acct_").unwrap_or_default();
    if rest.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(ApiConfigError::Account);
    }
    HeaderValue::from_str(account).map_err(|_| ApiConfigError::Account)
}

async fn send(request: Option<RequestBuilder>) -> Heard {
    let Some(request) = request else { return Heard::Unreached };
    match request.send().await {
        Ok(response) => read(response).await,
        // Before there is a connection nothing was sent.
        Err(error) if error.is_connect() || error.is_builder() => Heard::Unreached,
        Err(error) if error.is_timeout() => Heard::Nothing("no answer in time"),
        Err(_) => Heard::Nothing("the connection broke"),
    }
}

async fn read(mut response: Response) -> Heard {
    let status = response.status().as_u16();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let replayed = header(IDEMPOTENT_REPLAYED) == Some("true");
    let retry_after = header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= LONGEST => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Heard::Nothing("an answer that is too long"),
            Ok(None) => break,
            Err(_) => return Heard::Nothing("half an answer"),
        }
    }
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(body) if body.is_object() => Heard::Said(Said { status, replayed, retry_after, body }),
        // A status of its own can still be told, such as that of a proxy in between.
        _ if status >= 400 => Heard::Said(Said { status, replayed, retry_after, body: Value::Null }),
        _ => Heard::Nothing("an answer that is no JSON object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_pinned_in_one_form() {
        for text in ["2026-04-22.preview", "2026-07-29.preview", "2026-09-30.endive", "2024-06-20"] {
            assert_eq!(Version::parse(text).unwrap().as_str(), text);
        }
        for text in ["", "latest", "2026-4-22", "2026-04-22.", "2026-04-22.Preview", "2026-04-22.preview\n"] {
            assert_eq!(Version::parse(text), Err(ApiConfigError::Version), "{text}");
        }
    }

    #[test]
    fn secrets_leave_by_tls_or_stay_on_this_machine() {
        assert!(Place::parse("https://api.stripe.com", false).is_ok());
        assert!(Place::parse("http://127.0.0.1:12111", true).is_ok());
        assert_eq!(Place::parse("http://127.0.0.1:12111", false), Err(ApiConfigError::Double));
        assert_eq!(Place::parse("http://api.stripe.com", true), Err(ApiConfigError::Clear));
        assert_eq!(Place::parse("api.stripe.com", true), Err(ApiConfigError::Url));
        assert_eq!(Place::parse("ftp://api.stripe.com", true), Err(ApiConfigError::Url));
    }

    #[test]
    fn a_key_is_secret_and_does_not_show() {
        let (place, version) = (Place::stripe().unwrap(), Version::parse("2026-04-22.preview").unwrap());
        let api = Api::new(&place, &version, "sk_test_Secret", Some("acct_1")).unwrap();
        assert!(!format!("{api:?}").contains("Secret"));
        for key in ["", "pk_test_1", "sk_test_1\n", "sk test"] {
            assert_eq!(Api::new(&place, &version, key, None).err(), Some(ApiConfigError::Key));
        }
        assert_eq!(Api::new(&place, &version, "sk_1", Some("acct_")).err(), Some(ApiConfigError::Account));
    }
}
