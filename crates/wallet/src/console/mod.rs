//! What an owner sees and does from a browser or a script: an API beside the wallets.
//!
//! It listens on this machine, wants a bearer token with every request, answers only to the hosts it was told it
//! has, and sends no header that lets a page of another origin read it: a page that a browser shows cannot reach it,
//! by a name that resolves to this machine or by a form.
//!
//! | request | does |
//! |---|---|
//! | `GET /wallets` | every wallet, with its limits and what is spent |
//! | `GET /approvals`, `?all=true`, `?wallet=NAME` | what waits for an answer |
//! | `GET /approvals/{id}` | one of them |
//! | `POST /approvals/{id}/allow`, `.../deny` | answers; `{"reason": "..."}` may be sent |
//! | `POST /approvals/{id}/answer` | an answer that a webhook's receiver signed |
//! | `GET /payments?wallet=NAME` | what a wallet reserved and paid, the newest first |
//! | `GET /audit`, `?wallet=NAME`, `?since=TIME`, `?after=NUMBER`, `?limit=COUNT` | the log of decisions, a page at a time |
//! | `POST /freeze`, `/thaw` | stops every wallet, or one with `{"wallet": "NAME"}` |

mod audit;
mod guard;
mod handlers;
mod token;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::TcpListener;

use crate::Wallets;
use crate::approvals::Desk;

pub use token::ConsoleToken;

/// How often the webhook is told of what waits.
const ROUND: Duration = Duration::from_secs(1);
/// The largest body that is read, in bytes.
const LONGEST_BODY: usize = 16 * 1024;

/// The API, to be served by itself or mounted beside something else.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    wallets: Wallets,
    desk: Desk,
    token: ConsoleToken,
    hosts: Vec<String>,
}

impl Console {
    /// An API for whoever has the token, at these hosts: `127.0.0.1:4030`, `localhost:4030`.
    pub fn new(wallets: Wallets, desk: Desk, token: ConsoleToken, hosts: Vec<String>) -> Self {
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self(Arc::new(Inner { wallets, desk, token, hosts }))
    }

    /// Its routes, each behind the guard.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/wallets", get(handlers::wallets))
            .route("/approvals", get(handlers::approvals))
            .route("/approvals/{id}", get(handlers::approval))
            .route("/approvals/{id}/allow", post(handlers::allow))
            .route("/approvals/{id}/deny", post(handlers::deny))
            .route("/approvals/{id}/answer", post(handlers::answer))
            .route("/payments", get(handlers::payments))
            .route("/audit", get(audit::audit))
            .route("/freeze", post(handlers::freeze))
            .route("/thaw", post(handlers::thaw))
            .fallback(|| async { problem(StatusCode::NOT_FOUND, "There is no such thing here.") })
            .layer(axum::extract::DefaultBodyLimit::max(LONGEST_BODY))
            .layer(from_fn_with_state(self.clone(), guard::guard))
            .with_state(self.clone())
    }

    /// Serves it until `stop` resolves, and tells the webhook of what waits meanwhile.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let serving = axum::serve(listener, self.router()).with_graceful_shutdown(stop);
        tokio::select! {
            served = serving.into_future() => served,
            () = self.tell() => Ok(()),
        }
    }

    async fn tell(&self) {
        loop {
            if let Err(error) = self.0.desk.announce_all().await {
                tracing::warn!(%error, "the webhook cannot be told what waits");
            }
            tokio::time::sleep(ROUND).await;
        }
    }
}

/// An error in one sentence with the remedy.
fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    (status, [(CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
