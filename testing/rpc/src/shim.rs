//! Anvil in Tempo mode, as the official SDKs expect a Tempo node to answer.
//!
//! Anvil executes Tempo transactions as Tempo does, but its view of a transaction that is not sent yet is Ethereum's:
//! it overlooks the `calls` of one. The shim asks it to simulate those calls one after the other (`simulate`), says in
//! receipts who paid the fee (`receipt`), offers what only Tempo's nodes have (`tempo_simulateV1`,
//! `tempo_fundAddress`), does for the stand-in of the channel reserve what a node does for the real one (`reserve`), and
//! refuses to fill transactions, which anvil does wrongly.

mod fund;
mod node;
mod receipt;
mod simulate;

use std::io;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use farthing_devnet::reserve_storage;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use node::{Answer, Node};
use receipt::Fees;

/// The node, and what the shim has seen go to it.
struct Service {
    node: Node,
    fees: Fees,
}

/// A running shim; it ends when dropped.
pub struct Shim {
    url: String,
    task: JoinHandle<io::Result<()>>,
}

impl Shim {
    /// Listens on a free port of the loopback address, in front of the node at this URL.
    pub async fn start(node: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let service = Service { node: Node::new(node), fees: Fees::default() };
        let router = Router::new().route("/", post(serve)).with_state(Arc::new(service));
        let task = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, task })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(State(service): State<Arc<Service>>, Json(asked): Json<Value>) -> Json<Value> {
    let Value::Array(batch) = asked else { return Json(one(&service, &asked).await) };
    let mut answers = Vec::with_capacity(batch.len());
    for asked in &batch {
        answers.push(one(&service, asked).await);
    }
    Json(Value::Array(answers))
}

/// One request of JSON-RPC and its answer.
async fn one(service: &Service, asked: &Value) -> Value {
    let method = asked["method"].as_str().unwrap_or_default();
    let parameters = asked["params"].as_array().cloned().unwrap_or_default();
    match answer(service, method, parameters).await {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }),
        Err(error) => json!({ "jsonrpc": "2.0", "id": asked["id"], "error": error }),
    }
}

async fn answer(service: &Service, method: &str, mut parameters: Vec<Value>) -> Answer {
    let Service { node, fees } = service;
    if matches!(method, "eth_sendRawTransaction" | "eth_sendRawTransactionSync") {
        fees.remember(parameters.first());
        for (contract, slot, word) in
            parameters.first().and_then(Value::as_str).map(reserve_storage).unwrap_or_default()
        {
            node.ask("anvil_setStorageAt", vec![json!(contract), json!(slot), json!(word)]).await?;
        }
        // Anvil knows no second parameter, the time to wait.
        parameters.truncate(1);
    }
    match method {
        "eth_call" if simulate::has_calls(&parameters) => simulate::call(node, &parameters).await,
        "eth_estimateGas" if simulate::has_calls(&parameters) => simulate::estimate(node, &parameters).await,
        "eth_fillTransaction" => Err(node::not_found(method)),
        "eth_getTransactionReceipt" | "eth_sendRawTransactionSync" => {
            Ok(fees.mended(node.ask(method, parameters).await?))
        }
        "tempo_fundAddress" => fund::fund(node, &parameters).await,
        "tempo_simulateV1" => simulate::blocks(node, &parameters).await,
        _ => node.ask(method, parameters).await,
    }
}
