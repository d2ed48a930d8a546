//! The same tools over streamable HTTP, for whoever has the token.
//!
//! A browser on this machine can be made to send requests here by any page that it shows (DNS rebinding).
//! Three things stand against that: requests are answered only under the names that the owner listed (`Host`),
//! none is answered that says it comes from a page (`Origin`), unless that page was listed, and every one needs
//! the token.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;

use crate::Server;

/// Where the tools are.
const PATH: &str = "/mcp";

/// Who may ask.
#[derive(Clone, Debug)]
pub struct Access {
    /// The names, `host` or `host:port`, under which requests are answered besides those of this machine.
    pub hosts: Vec<String>,
    /// The pages, `https://host:port`, from which requests are answered; of others none is.
    pub origins: Vec<String>,
    /// What every request shows: `Authorization: Bearer ...`.
    pub token: SecretString,
}

/// Serves clients on this listener until `end` resolves.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve_http(
    server: Server,
    listener: TcpListener,
    access: Access,
    end: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let Access { hosts, origins, token } = access;
    let mut config = StreamableHttpServerConfig::default().enforce_origin_validation();
    config.allowed_hosts.extend(hosts);
    config.allowed_origins = origins;
    let stop = config.cancellation_token.clone();
    let tools =
        StreamableHttpService::new(move || Ok(server.clone()), Arc::new(LocalSessionManager::default()), config);
    let router = Router::new().route_service(PATH, tools).layer(from_fn_with_state(Arc::new(token), must_show_token));
    let end = async move {
        end.await;
        stop.cancel();
    };
    axum::serve(listener, router).with_graceful_shutdown(end).await
}

async fn must_show_token(State(token): State<Arc<SecretString>>, request: Request, next: Next) -> Response {
    if shows(request.headers(), &token) {
        return next.run(request).await;
    }
    let sentence = "send the token of this server as Authorization: Bearer\n";
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], sentence).into_response()
}

fn shows(headers: &HeaderMap, token: &SecretString) -> bool {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(shown), None) = (shown.next(), shown.next()) else { return false };
    let Some(shown) = shown.as_bytes().strip_prefix(b"Bearer ") else { return false };
    bool::from(shown.ct_eq(token.expose_secret().as_bytes()))
}
