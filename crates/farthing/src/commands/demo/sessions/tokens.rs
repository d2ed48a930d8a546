//! The demo's model: streams numbered words as server-sent events, from wherever it is asked to go on.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use serde::Deserialize;

use super::TOKENS;

/// So many tokens come at once, and then a pause: about as fast as models answer, times twenty.
const BURST: u64 = 5;
const PAUSE: Duration = Duration::from_millis(4);

/// Where to begin.
#[derive(Deserialize)]
struct From {
    #[serde(default)]
    after: u64,
}

/// The routes of the model.
pub(in super::super) fn serve() -> Router {
    let sent = Arc::new(AtomicU64::new(0));
    Router::new().route("/tokens", get(tokens)).route("/tokens/sent", get(count)).with_state(sent)
}

async fn tokens(State(sent): State<Arc<AtomicU64>>, Query(from): Query<From>) -> Response {
    let words = stream::iter(from.after + 1..=TOKENS).then(move |number| {
        let sent = Arc::clone(&sent);
        async move {
            if number.is_multiple_of(BURST) {
                tokio::time::sleep(PAUSE).await;
            }
            sent.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Bytes::from(format!("data: {number}\n\n")))
        }
    });
    let done = stream::iter([Ok(Bytes::from_static(b"data: [DONE]\n\n"))]);
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(words.chain(done))).into_response()
}

async fn count(State(sent): State<Arc<AtomicU64>>) -> Response {
    sent.load(Ordering::Relaxed).to_string().into_response()
}
