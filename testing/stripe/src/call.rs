use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, Uri};
use url::form_urlencoded;

use crate::answer::Answer;
use crate::desk::Desk;
use crate::idempotency::Entry;
use crate::trouble::Trouble;

/// One call, as far as the double looks at it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Without `/v1/`.
    pub(crate) path: String,
    pub(crate) params: BTreeMap<String, String>,
    /// The secret key it was made with.
    pub(crate) secret: String,
    pub(crate) account: Option<String>,
    pub(crate) idempotency: Option<String>,
    pub(crate) version: Option<String>,
}

impl Call {
    fn read(method: Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let query = uri.query().unwrap_or_default().as_bytes();
        let params =
            form_urlencoded::parse(query).into_owned().chain(form_urlencoded::parse(body).into_owned()).collect();
        Self {
            path: uri.path().trim_start_matches("/v1/").to_owned(),
            params,
            secret: secret_of(&header("authorization").unwrap_or_default()),
            account: header("stripe-account"),
            idempotency: header("idempotency-key"),
            version: header("stripe-version"),
            method,
        }
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.param(name)?.parse().ok()
    }

    /// The members of a parameter that is an object: `metadata[a]`.
    pub(crate) fn object(&self, name: &str) -> serde_json::Map<String, serde_json::Value> {
        let member = |key: &String| Some(key.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.to_owned());
        self.params.iter().filter_map(|(key, value)| Some((member(key)?, value.clone().into()))).collect()
    }
}

fn secret_of(authorization: &str) -> String {
    if let Some(secret) = authorization.strip_prefix("Bearer ") {
        return secret.to_owned();
    }
    let decoded = authorization.strip_prefix("Basic ").map(decoded).unwrap_or_default();
    decoded.trim_end_matches(':').to_owned()
}

/// Base64, for the one header that uses it.
fn decoded(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0_u32);
    for letter in text.bytes() {
        let Some(value) = LETTERS.iter().position(|known| *known == letter) else { continue };
        held = (held << 6) | u32::try_from(value).unwrap_or_default();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.extend(u8::try_from((held >> bits) & 0xff));
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

pub(crate) fn router(desk: Arc<Mutex<Desk>>) -> Router {
    Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let desk = Arc::clone(&desk);
        async move { answer(&desk, Call::read(method, &uri, &headers, &body)).await }
    })
}

async fn answer(desk: &Mutex<Desk>, call: Call) -> Response<Body> {
    let lock = || desk.lock().unwrap_or_else(PoisonError::into_inner);
    let (trouble, entry) = {
        let mut desk = lock();
        desk.calls.push(format!("{} {}", call.method, call.path));
        if !desk.knows(&call.secret) {
            let message = format!("Invalid API Key provided: {}", call.secret);
            return Answer::error(401, "invalid_request_error", "", &message).on_the_wire(false);
        }
        let trouble = desk.trouble_for(&call);
        if let Some(Trouble::NotLetIn(status)) = trouble {
            return Answer::error(status, "api_error", "lock_timeout", "told to").on_the_wire(false);
        }
        if trouble == Some(Trouble::LostBefore) {
            return Answer::lost();
        }
        (trouble, desk.entry(&call))
    };
    match entry {
        Entry::Stored(_) if trouble == Some(Trouble::LostAfter) => return Answer::lost(),
        Entry::Stored(answer) => return answer.on_the_wire(true),
        Entry::Refused(answer) => return answer.on_the_wire(false),
        Entry::New => {}
    }
    let mut answer = {
        let mut desk = lock();
        let happens = trouble.is_none_or(Trouble::happens);
        let mut answer = if happens { desk.serve(&call) } else { Answer::ok(serde_json::Value::Null) };
        if let Some(Trouble::Failed(status) | Trouble::FailedAfter(status)) = trouble {
            answer = Answer::error(status, "api_error", "", "told to");
        }
        desk.store(&call, &answer);
        answer
    };
    match trouble {
        Some(Trouble::LostAfter) => Answer::lost(),
        Some(Trouble::Slow(millis)) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            answer.on_the_wire(false)
        }
        _ => {
            if answer.body.is_null() {
                answer = Answer::error(500, "api_error", "", "told to");
            }
            answer.on_the_wire(false)
        }
    }
}
