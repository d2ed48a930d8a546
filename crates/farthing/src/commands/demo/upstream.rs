//! The demo's seller: a plain HTTP server that knows nothing of payments.
//!
//! It serves this project's documents, streams them word by word, and fails once for each document
//! under `/fragile/`, so that the demo can show what happens to a paid request whose server fails.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::failure::{Failure, OrFail};
use crate::terminal;

/// The documents for sale: name and text.
pub(super) const DOCUMENTS: [(&str, &str); 4] = [
    ("readme", include_str!("../../../../../README.md")),
    ("architecture", include_str!("../../../../../ARCHITECTURE.md")),
    ("balance-method", include_str!("../../../../../docs/methods/balance.md")),
    ("security", include_str!("../../../../../SECURITY.md")),
];

#[derive(Default)]
struct Served {
    requests: AtomicU64,
    failures: AtomicU64,
    failed_once: Mutex<BTreeSet<String>>,
}

/// Serves until the process ends; says its address on standard output first.
pub(super) async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.or_fail("cannot listen")?;
    let address: SocketAddr = listener.local_addr().or_fail("cannot read the address")?;
    terminal::say_json(&serde_json::json!({ "listen": address.to_string() }));
    let router = Router::new()
        .route("/documents/{name}", get(document))
        .route("/fragile/{name}", get(fragile))
        .route("/stream/{name}", get(stream))
        .route("/served", get(served))
        .with_state(Arc::new(Served::default()))
        .merge(super::sessions::serve());
    axum::serve(listener, router).await.or_fail("the demo's upstream stopped")
}

async fn document(State(counts): State<Arc<Served>>, Path(name): Path<String>) -> Response {
    counts.requests.fetch_add(1, Ordering::Relaxed);
    match text_of(&name) {
        Some(text) => ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn fragile(State(counts): State<Arc<Served>>, Path(name): Path<String>) -> Response {
    if text_of(&name).is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let first = counts.failed_once.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
    if first {
        counts.failures.fetch_add(1, Ordering::Relaxed);
        return (StatusCode::SERVICE_UNAVAILABLE, "out of order, once").into_response();
    }
    document(State(counts), Path(name)).await
}

async fn stream(State(counts): State<Arc<Served>>, Path(name): Path<String>) -> Response {
    counts.requests.fetch_add(1, Ordering::Relaxed);
    let Some(text) = text_of(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let words = text.split_whitespace().take(200);
    let events = words.map(|word| Ok::<_, Infallible>(Bytes::from(format!("data: {word}\n\n"))));
    let done = std::iter::once(Ok(Bytes::from_static(b"data: [DONE]\n\n")));
    let body = Body::from_stream(futures_util::stream::iter(events.chain(done)));
    let headers: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/event-stream")];
    (headers, body).into_response()
}

async fn served(State(counts): State<Arc<Served>>) -> Response {
    let body = serde_json::json!({
        "requests": counts.requests.load(Ordering::Relaxed),
        "failures": counts.failures.load(Ordering::Relaxed),
    });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn text_of(name: &str) -> Option<&'static str> {
    DOCUMENTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
