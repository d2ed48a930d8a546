//! What stands between a chain's users and its node, where sessions are to be tried.
//!
//! Tempo's channel reserve gets the expiring nonce hash of each transaction from its node, and moves the payer's tokens
//! by itself. The contract that stands in its place can do neither, so what it needs is written into its storage right
//! before the node gets such a transaction. Everything else goes through byte for byte.

mod preparation;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::error::NodeError;
use crate::node::Node;
pub use preparation::{StorageWord, reserve_overrides, reserve_storage};

/// The largest request that is taken, in bytes.
const MOST: usize = 4 << 20;

/// A server in front of a node; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Front {
    url: String,
    task: JoinHandle<io::Result<()>>,
}

struct Service {
    node: Node,
    http: reqwest::Client,
    /// A payer has one slot for its hash: one transaction into the reserve at a time.
    turn: Mutex<()>,
}

impl Front {
    /// Listens on this port of the loopback address; 0 takes a free one.
    pub(crate) async fn start(port: u16, node: Node) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let http = reqwest::Client::builder().no_proxy().build().map_err(io::Error::other)?;
        let service = Arc::new(Service { node, http, turn: Mutex::default() });
        let router = Router::new().route("/", post(serve)).with_state(service);
        let router = router.layer(axum::extract::DefaultBodyLimit::max(MOST));
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, task })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(service): State<Arc<Service>>, asked: Bytes) -> Response {
    let Ok(mut request) = serde_json::from_slice::<Value>(&asked) else { return service.pass(asked).await };
    let calls = match &mut request {
        Value::Array(batch) => batch.iter_mut().collect(),
        one => vec![one],
    };
    let mut storage = Vec::new();
    let mut is_changed = false;
    for call in calls {
        match call["method"].as_str() {
            Some("eth_sendRawTransaction" | "eth_sendRawTransactionSync") => {
                storage.extend(call["params"][0].as_str().map(reserve_storage).into_iter().flatten());
            }
            Some("eth_simulateV1") => is_changed |= add_overrides(&mut call["params"][0]),
            _ => {}
        }
    }
    if storage.is_empty() {
        let body = if is_changed { Bytes::from(request.to_string()) } else { asked };
        return service.pass(body).await;
    }
    let _turn = service.turn.lock().await;
    match service.write(&storage).await {
        Ok(()) => service.pass(asked).await,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// Whether any block of a simulation calls the reserve, and so has storage of its own now.
fn add_overrides(simulation: &mut Value) -> bool {
    let mut is_changed = false;
    for block in simulation["blockStateCalls"].as_array_mut().into_iter().flatten() {
        let calls = block["calls"].as_array().cloned().unwrap_or_default();
        if let Some(overrides) = reserve_overrides(&calls).filter(|_| block.get("stateOverrides").is_none()) {
            block["stateOverrides"] = overrides;
            is_changed = true;
        }
    }
    is_changed
}

impl Service {
    async fn write(&self, storage: &[StorageWord]) -> Result<(), NodeError> {
        for (contract, slot, word) in storage {
            self.node.control::<Value>("anvil_setStorageAt", json!([contract, slot, word])).await?;
        }
        Ok(())
    }

    /// Hands a request to the node, and its answer back.
    async fn pass(&self, body: Bytes) -> Response {
        let json = (header::CONTENT_TYPE, "application/json");
        let sent = self.http.post(self.node.rpc()).header(json.0.clone(), json.1).body(body).send().await;
        let answer = match sent {
            Ok(answer) => answer.bytes().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(bytes) => ([json], bytes).into_response(),
            Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
        }
    }
}
