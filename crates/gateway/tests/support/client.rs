//! A client that reads a 402 and pays it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use farthing_protocol::{Challenge, Credential, JsonObject, Problem, Receipt};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    payer: String,
    http: Http<HttpConnector, Full<Bytes>>,
}

/// A response, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A response that is read piece by piece.
pub struct Stream {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
    read: String,
}

/// The end of a response.
#[derive(Debug)]
pub struct End {
    pub text: String,
    pub whole: bool,
    pub trailers: HeaderMap,
}

impl Stream {
    /// Reads on until this was read, and gives everything up to its end.
    pub async fn until(&mut self, wanted: &str) -> String {
        loop {
            if let Some(at) = self.read.find(wanted) {
                let rest = self.read.split_off(at + wanted.len());
                return std::mem::replace(&mut self.read, rest);
            }
            let piece = tokio::time::timeout(Duration::from_secs(20), self.body.frame()).await;
            let piece = piece.unwrap_or_else(|_| panic!("no {wanted:?} in {:?}", self.read));
            let piece = piece.unwrap_or_else(|| panic!("over without {wanted:?}: {:?}", self.read)).unwrap();
            self.read.push_str(std::str::from_utf8(piece.data_ref().unwrap()).unwrap());
        }
    }

    /// Reads to the end.
    pub async fn rest(mut self) -> End {
        let mut trailers = HeaderMap::new();
        while let Some(piece) = self.body.frame().await {
            let Ok(piece) = piece else { return End { text: self.read, whole: false, trailers } };
            match piece.into_data() {
                Ok(data) => self.read.push_str(std::str::from_utf8(&data).unwrap()),
                Err(piece) => trailers = piece.into_trailers().unwrap(),
            }
        }
        End { text: self.read, whole: true, trailers }
    }
}

/// A client that asks, waits until its request got so far, and leaves before it is answered.
pub async fn leave_when<T>(reached: impl Fn() -> bool, asking: impl Future<Output = T>) {
    let mut asking = std::pin::pin!(asking);
    for _ in 0..2_000 {
        let answered = tokio::time::timeout(Duration::from_millis(5), asking.as_mut()).await;
        assert!(answered.is_err(), "it was answered before it could leave");
        if reached() {
            return;
        }
    }
    panic!("the request did not get so far");
}

impl Client {
    pub fn new(address: SocketAddr, payer: &str) -> Self {
        Self { address, payer: payer.to_owned(), http: Http::builder(TokioExecutor::new()).build_http() }
    }

    /// GET with a credential, of which the answer is read piece by piece.
    pub async fn stream(&self, path: &str, credential: &str) -> Stream {
        let request = Request::builder().uri(format!("http://{}{path}", self.address));
        let request = request.header(AUTHORIZATION, credential).header("te", "trailers");
        let response = self.http.request(request.body(Full::default()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        Stream { status: parts.status, headers: parts.headers, body, read: String::new() }
    }

    /// Sends a request; `Err` when the response breaks off.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let response = self.http.request(request).await.map_err(|error| format!("{error:?}"))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        self.try_send(method, path, headers, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, &[("content-type", "application/json")], body.to_owned()).await
    }

    /// GET with a credential.
    pub async fn get_with(&self, path: &str, credential: &str) -> Answer {
        self.send(Method::GET, path, &[(AUTHORIZATION.as_str(), credential)], "").await
    }

    /// A credential for the first challenge of an answer.
    pub fn pay(&self, answer: &Answer) -> String {
        self.pay_challenge(answer.challenge())
    }

    pub fn pay_challenge(&self, challenge: Challenge) -> String {
        let payload = match challenge.method().as_str() {
            "double" => json!({ "payer": self.payer }),
            _ => json!({ "token": challenge.id().as_str() }),
        };
        credential(challenge, payload)
    }

    /// Asks, pays, and sends again.
    pub async fn buy(&self, path: &str) -> Answer {
        let asked = self.get(path).await;
        assert_eq!(asked.status, StatusCode::PAYMENT_REQUIRED, "{asked:?}");
        self.get_with(path, &self.pay(&asked)).await
    }
}

pub fn credential(challenge: Challenge, payload: serde_json::Value) -> String {
    let payload: JsonObject = payload.as_object().unwrap().clone();
    Credential::new(challenge, payload, None).to_header()
}

impl Answer {
    pub fn challenges(&self) -> Vec<Challenge> {
        let lines = self.headers.get_all(WWW_AUTHENTICATE).iter().map(|line| line.as_bytes());
        Challenge::parse_all(lines).into_iter().map(Result::unwrap).collect()
    }

    pub fn challenge(&self) -> Challenge {
        self.challenges().into_iter().next().unwrap_or_else(|| panic!("no challenge in {self:?}"))
    }

    pub fn challenge_of(&self, method: &str) -> Challenge {
        self.challenges().into_iter().find(|challenge| challenge.method().as_str() == method).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn receipt(&self) -> Option<Receipt> {
        self.header("payment-receipt").map(|text| Receipt::parse(text).unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The slug of the problem type.
    pub fn problem(&self) -> &'static str {
        let problem = Problem::parse(&self.body).unwrap_or_else(|| panic!("no problem: {self:?}"));
        assert_eq!(self.json()["status"], self.status.as_u16());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        problem.kind.slug()
    }

    /// A 402 as it must be: fresh challenges, not cached.
    pub fn refused(&self, slug: &str) {
        assert_eq!(self.status, StatusCode::PAYMENT_REQUIRED, "{self:?}");
        assert_eq!(self.problem(), slug, "{self:?}");
        assert!(!self.challenges().is_empty());
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert!(self.receipt().is_none());
    }
}
