use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue, Method};
use reqwest::Request;
use serde::Deserialize;
use url::Url;

/// Fields that the wallet writes itself. A model that could write them could pay twice for one thing, or
/// with somebody else's payment.
const OURS: [&str; 6] =
    ["idempotency-key", "payment-authorization", "payment-signature", "x-payment", "accept-payment", "host"];

/// A request as a model writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    url: String,
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

impl Asked {
    /// The request, or in one sentence why it is not one.
    pub(crate) fn request(&self) -> Result<Request, String> {
        let url: Url = self.url.parse().map_err(|error| format!("the url cannot be read: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("the url must begin with https:// or http://".to_owned());
        }
        let usual = if self.body.is_some() { Method::POST } else { Method::GET };
        let method = match &self.method {
            Some(method) => {
                method.to_ascii_uppercase().parse().map_err(|_| format!("\"{method}\" is not a method; write GET"))?
            }
            None => usual,
        };
        let mut request = Request::new(method, url);
        for (name, value) in &self.headers {
            let (name, value) = header(name, value)?;
            request.headers_mut().append(name, value);
        }
        if let Some(body) = &self.body {
            *request.body_mut() = Some(body.clone().into());
        }
        Ok(request)
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let read: HeaderName = name.parse().map_err(|_| format!("\"{name}\" is not a header's name"))?;
    let is_payment =
        read == http::header::AUTHORIZATION && value.trim_start().to_ascii_lowercase().starts_with("payment");
    if OURS.contains(&read.as_str()) || is_payment {
        return Err(format!("the header {read} is written by the wallet; leave it out"));
    }
    // The value may be a secret of the caller's, so the sentence does not quote it.
    let value = value.parse().map_err(|_| format!("the header {read} has a character that is not allowed"))?;
    Ok((read, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(asked: Value) -> Result<Request, String> {
        serde_json::from_value::<Asked>(asked).unwrap().request()
    }

    #[test]
    fn a_body_makes_it_a_post() {
        let method = |asked| read(asked).unwrap().method().clone();
        assert_eq!(method(json!({"url": "https://a.example/"})), Method::GET);
        assert_eq!(method(json!({"url": "https://a.example/", "body": "x"})), Method::POST);
        assert_eq!(method(json!({"url": "https://a.example/", "body": "x", "method": "put"})), Method::PUT);
    }

    #[test]
    fn a_model_cannot_write_what_the_wallet_writes() {
        for name in OURS {
            let refused = read(json!({"url": "https://a.example/", "headers": {name: "x"}})).unwrap_err();
            assert!(refused.contains(name), "{refused}");
        }
        let with = |value: &str| read(json!({"url": "https://a.example/", "headers": {"Authorization": value}}));
        assert!(with("Payment abc").is_err());
        assert!(with("Bearer abc").is_ok());
        let secret = with("secret\nvalue").unwrap_err();
        assert!(!secret.contains("secret"), "{secret}");
    }

    #[test]
    fn only_the_web_is_fetched() {
        for url in ["file:///etc/passwd", "ftp://a.example/", "a.example"] {
            assert!(read(json!({ "url": url })).is_err(), "{url}");
        }
    }
}
