//! What operators see and may do, on a listener of its own.

mod grant;
mod payments;
mod payouts;
mod readiness;
mod reconcile;
mod sessions;
mod statements;
mod view;

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

use crate::reload::Reloader;
use crate::seller::Seller;

/// The admin API's state.
#[derive(Clone)]
pub(crate) struct Admin(Arc<Inner>);

struct Inner {
    seller: Arc<Seller>,
    reloader: Reloader,
    token: Option<SecretString>,
    development: bool,
    /// The folder of the books.
    data: PathBuf,
}

impl Admin {
    pub(crate) fn new(
        seller: Arc<Seller>,
        reloader: Reloader,
        token: Option<SecretString>,
        development: bool,
        data: PathBuf,
    ) -> Self {
        Self(Arc::new(Inner { seller, reloader, token, development, data }))
    }

    fn seller(&self) -> &Arc<Seller> {
        &self.0.seller
    }
}

/// Serves the admin API until `stop` resolves.
pub(crate) async fn serve(admin: Admin, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
    let serving = axum::serve(listener, router(admin)).with_graceful_shutdown(stop);
    if let Err(error) = serving.await {
        tracing::error!(%error, "the admin API stopped");
    }
}

fn router(admin: Admin) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .route("/admin/payments", get(payments::list))
        .route("/admin/payments/{id}", get(payments::show))
        .route("/admin/payments/{id}/refund", post(payments::refund))
        .route("/admin/sessions", get(sessions::list))
        .route("/admin/sessions/{id}", get(sessions::show))
        .route("/admin/sessions/{id}/settle", post(sessions::settle))
        .route("/admin/sessions/{id}/close", post(sessions::close))
        .route("/admin/reconcile", post(reconcile::reconcile))
        .route("/admin/statements", post(statements::upload))
        .route("/admin/payouts", post(payouts::order))
        .route("/admin/payment-files", post(payouts::write))
        .route("/admin/suspense", get(statements::suspense))
        .route("/admin/suspense/{id}", post(statements::assign))
        .route("/admin/accounts", get(accounts))
        .route("/admin/ledger/verify", get(verify))
        .route("/admin/balance/grant", post(grant::grant))
        .route("/admin/reload", post(reload))
        .layer(from_fn_with_state(admin.clone(), authorise));
    Router::new().route("/healthz", get(healthy)).route("/readyz", get(ready)).merge(guarded).with_state(admin)
}

/// Refuses whoever does not show the token, where one is configured.
async fn authorise(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let Some(token) = &admin.0.token else { return next.run(request).await };
    let expected = format!("Bearer {}", token.expose_secret());
    let shown = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    if bool::from(shown.ct_eq(expected.as_bytes())) {
        return next.run(request).await;
    }
    problem(StatusCode::UNAUTHORIZED, "Show the admin token: Authorization: Bearer TOKEN.")
}

async fn healthy() -> &'static str {
    "ok\n"
}

/// Ready when the books answer and everything that has a price can be paid for.
async fn ready(State(admin): State<Admin>) -> Response {
    if let Err(error) = admin.seller().books.due(admin.seller().now(), 1).await {
        return problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
    }
    let found = readiness::of(&admin.seller().site.load());
    match found.unpayable.first() {
        None => format!("ready\n{}", found.rails.join("\n")).into_response(),
        Some(route) => {
            let detail = format!("Nobody can pay for {route} just now: {}.", found.rails.join("; "));
            problem(StatusCode::SERVICE_UNAVAILABLE, &detail)
        }
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], admin.seller().metrics.render()).into_response()
}

async fn accounts(State(admin): State<Admin>) -> Response {
    match admin.seller().books.accounts().await {
        Ok(accounts) => {
            let accounts: Vec<_> = accounts.iter().map(view::account).collect();
            Json(json!({ "accounts": accounts })).into_response()
        }
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn verify(State(admin): State<Admin>) -> Response {
    match admin.seller().books.verify().await {
        Ok(found) => Json(json!({
            "clean": found.findings.is_empty(),
            "transfers": found.transfers,
            "accounts": found.accounts,
            "payments": found.payments,
            "sessions": found.sessions,
            "findings": found.findings,
        }))
        .into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn reload(State(admin): State<Admin>) -> Response {
    match admin.0.reloader.reload().await {
        Ok(()) => Json(json!({ "reloaded": true })).into_response(),
        Err(error) => problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

/// An error for an operator: may name facts that a client must not see.
fn problem(status: StatusCode, detail: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": detail,
    });
    (status, [(CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
