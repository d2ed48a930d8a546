//! A facilitator that says what it is told to say: a double, which settles nothing by itself.
//!
//! A test that wants the money to move moves it itself; what this says and what happens are two things,
//! as with a facilitator that cannot be trusted.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// What it answers to one request.
#[derive(Clone, Debug)]
pub enum Line {
    /// This status and this JSON.
    Json(u16, Value),
    /// This status and this text, called HTML.
    Html(u16, &'static str),
    /// This status and another place.
    Elsewhere(u16, String),
    /// The beginning of a JSON object.
    Truncated,
    /// Nothing for this while, then the line.
    Late(Duration, Box<Line>),
}

/// A server that stops when this is dropped.
#[derive(Debug)]
pub struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared(Mutex<Script>);

#[derive(Debug, Default)]
struct Script {
    supported: Option<Line>,
    settle: VecDeque<Line>,
    asked: Vec<(HeaderMap, Value)>,
}

impl Scripted {
    /// Settles `exact` on this network in both versions, and answers to `/settle` with these lines in their
    /// order, the last of them for good.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn new(network: &str, lines: Vec<Line>) -> std::io::Result<Self> {
        let kind = |version| json!({ "x402Version": version, "scheme": "exact", "network": network });
        let supported = json!({ "kinds": [kind(2), kind(1)], "extensions": [], "signers": {} });
        let shared = Arc::new(Shared::default());
        shared.script().supported = Some(Line::Json(200, supported));
        shared.script().settle = lines.into();
        let app = Router::new()
            .route("/supported", get(supported_line))
            .route("/settle", post(settle_line))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            // It ends when the test does.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers otherwise to `GET /supported`.
    pub fn supports(&self, line: Line) {
        self.shared.script().supported = Some(line);
    }

    /// Answers otherwise to `POST /settle` from now on.
    pub fn settles(&self, lines: Vec<Line>) {
        self.shared.script().settle = lines.into();
    }

    /// What it was asked to settle so far, with the headers.
    pub fn asked(&self) -> Vec<(HeaderMap, Value)> {
        self.shared.script().asked.clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn supported_line(State(shared): State<Arc<Shared>>) -> Response {
    let line = shared.script().supported.clone();
    say(line).await
}

async fn settle_line(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let line = {
        let mut script = shared.script();
        script.asked.push((headers, serde_json::from_slice(&body).unwrap_or_default()));
        if script.settle.len() > 1 { script.settle.pop_front() } else { script.settle.front().cloned() }
    };
    say(line).await
}

async fn say(line: Option<Line>) -> Response {
    let status = |number| StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = (header::CONTENT_TYPE, "application/json");
    match line {
        Some(Line::Json(number, body)) => (status(number), [json], body.to_string()).into_response(),
        Some(Line::Html(number, text)) => (status(number), [(header::CONTENT_TYPE, "text/html")], text).into_response(),
        Some(Line::Elsewhere(number, to)) => (status(number), [(header::LOCATION, to)]).into_response(),
        Some(Line::Truncated) => (StatusCode::OK, [json], "{\"success\":true,\"transac").into_response(),
        Some(Line::Late(pause, line)) => {
            tokio::time::sleep(pause).await;
            Box::pin(say(Some(*line))).await
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
