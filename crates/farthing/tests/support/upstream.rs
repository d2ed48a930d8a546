//! A double: an HTTP server that counts what reaches it and fails when told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

#[derive(Default)]
pub struct Counts {
    hits: AtomicU64,
    fail_next: AtomicU32,
    delay_millis: AtomicU64,
    of_each: Mutex<HashMap<String, u64>>,
}

pub struct Upstream {
    pub address: SocketAddr,
    counts: Arc<Counts>,
}

impl Upstream {
    pub async fn start() -> Self {
        let counts = Arc::new(Counts::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&counts));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, counts }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests arrived, failed ones included.
    pub fn hits(&self) -> u64 {
        self.counts.hits.load(Ordering::SeqCst)
    }

    /// How many requests for one path arrived.
    pub fn hits_of(&self, path: &str) -> u64 {
        self.counts.of_each.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    /// The next so many requests are answered with 503.
    pub fn fail_next(&self, count: u32) {
        self.counts.fail_next.store(count, Ordering::SeqCst);
    }

    /// Every request takes so long.
    pub fn delay(&self, delay: Duration) {
        self.counts.delay_millis.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

async fn answer(State(counts): State<Arc<Counts>>, request: Request) -> Response {
    counts.hits.fetch_add(1, Ordering::SeqCst);
    *counts.of_each.lock().unwrap().entry(request.uri().path().to_owned()).or_default() += 1;
    let delay = counts.delay_millis.load(Ordering::SeqCst);
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let failing = counts.fail_next.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    if failing {
        return (StatusCode::SERVICE_UNAVAILABLE, "upstream is down").into_response();
    }
    (StatusCode::OK, format!("content of {}", request.uri())).into_response()
}
