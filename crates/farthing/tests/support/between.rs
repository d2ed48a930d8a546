//! Stands between a buyer and a gateway, as the gateway's public address: notes what passes, and changes in it what
//! a test wants changed.

use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, Uri};

type Change = dyn Fn(&mut HeaderMap) + Send + Sync;

/// What is changed: in the headers of requests, and in those of answers.
#[derive(Clone)]
pub struct Changes {
    pub asked: Arc<Change>,
    pub answered: Arc<Change>,
}

#[derive(Clone)]
pub struct Between {
    pub origin: String,
    target: Arc<OnceLock<String>>,
    changes: Arc<Mutex<Changes>>,
    requests: Arc<Mutex<Vec<HeaderMap>>>,
    answers: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Between {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let nothing = Changes { asked: Arc::new(|_| {}), answered: Arc::new(|_| {}) };
        let between = Self {
            origin,
            target: Arc::default(),
            changes: Arc::new(Mutex::new(nothing)),
            requests: Arc::default(),
            answers: Arc::default(),
        };
        let passing = between.clone();
        let router = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let between = passing.clone();
            async move { between.pass(method, &uri, headers, body).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        between
    }

    /// Where requests go.
    pub fn lead_to(&self, target: &str) {
        self.target.set(target.to_owned()).unwrap();
    }

    /// Changes what passes from now on.
    pub fn change(&self, changes: Changes) {
        *self.changes.lock().unwrap() = changes;
    }

    /// The headers of all requests, as the buyer sent them.
    pub fn requests(&self) -> Vec<HeaderMap> {
        self.requests.lock().unwrap().clone()
    }

    /// The headers of all answers, as the gateway sent them.
    pub fn answers(&self) -> Vec<HeaderMap> {
        self.answers.lock().unwrap().clone()
    }

    async fn pass(&self, method: Method, uri: &Uri, mut headers: HeaderMap, body: Bytes) -> Response<Body> {
        self.requests.lock().unwrap().push(headers.clone());
        let Changes { asked, answered } = self.changes.lock().unwrap().clone();
        asked(&mut headers);
        headers.remove("content-length");
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let url = format!("{}{uri}", self.target.get().unwrap());
        let mut answer = client.request(method, url).headers(headers).body(body).send().await.unwrap();
        self.answers.lock().unwrap().push(answer.headers().clone());
        let mut response = Response::builder().status(answer.status());
        let mut headers = std::mem::take(answer.headers_mut());
        for name in ["transfer-encoding", "connection", "content-length"] {
            headers.remove(name);
        }
        answered(&mut headers);
        *response.headers_mut().unwrap() = headers;
        response.body(Body::from_stream(answer.bytes_stream())).unwrap()
    }
}
