//! A node that misbehaves on demand: late, twice, lost, refused and outdated answers.
//!
//! [`Faults`] stands in front of a real node and hands everything through until it is told otherwise,
//! for one JSON-RPC method and a number of requests. What it does to a transaction on its way is what
//! networks and load balancers do: the node may have it although nobody heard so.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// What a settler asks of its own accord: whether it can pay for gas, and what became of what it sent.
const UPKEEP: [&str; 5] =
    ["eth_chainId", "eth_getBlockByNumber", "eth_maxPriorityFeePerGas", "eth_getBalance", "eth_getTransactionCount"];

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The node gets it at once, its answer comes after this while.
    Late(Duration),
    /// The node gets it twice, the second answer comes back.
    Twice,
    /// The node gets it, its answer does not come back.
    Lost,
    /// The node never gets it, and nothing comes back.
    Swallowed,
    /// The node never gets it; this error comes back.
    Refused {
        /// The JSON-RPC error code.
        code: i64,
        /// Its message.
        message: String,
    },
    /// What the node said the first time it was asked this very question comes back.
    Old,
}

/// A server in front of a node. It stops when this is dropped.
#[derive(Debug)]
pub struct Faults {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    node: String,
    state: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// What happens to the next requests of a method, in order.
    faults: HashMap<String, VecDeque<Fault>>,
    /// How often a method was asked.
    asked: HashMap<String, usize>,
    /// How many requests came for a payment's sake, a batch being one.
    round_trips: usize,
    /// The first answer to each question.
    first: HashMap<String, Value>,
}

/// What came of a request.
enum Outcome {
    Answer(Value),
    Nothing,
}

impl Faults {
    /// Listens on a free port of this machine in front of the node at this URL.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn in_front_of(node: impl Into<String>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { client: Client::new(), node: node.into(), state: Mutex::default() });
        let app = Router::new().route("/", post(serve)).with_state(Arc::clone(&shared));
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
        format!("http://{}/", self.address)
    }

    /// Lets the next `times` requests of a method go wrong, after those that were ordered before.
    pub fn next(&self, method: &str, times: usize, fault: Fault) {
        let mut known = self.shared.known();
        known.faults.entry(method.to_owned()).or_default().extend(std::iter::repeat_n(fault, times));
    }

    /// Lets a method go well again.
    pub fn heal(&self, method: &str) {
        self.shared.known().faults.remove(method);
    }

    /// How many requests came so far for a payment's sake, a batch being one. What a settler asks of its own accord does
    /// not count: when it does so is its own affair.
    pub fn round_trips(&self) -> usize {
        self.shared.known().round_trips
    }

    /// How often a method was asked.
    pub fn asked(&self, method: &str) -> usize {
        self.shared.known().asked.get(method).copied().unwrap_or(0)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Value) -> Outcome {
        let method = method_of(&request).to_owned();
        let question = format!("{method}{}", request.get("params").unwrap_or(&Value::Null));
        let fault = {
            let mut known = self.known();
            *known.asked.entry(method.clone()).or_default() += 1;
            known.faults.get_mut(&method).and_then(VecDeque::pop_front)
        };
        match fault {
            None => self.forward(&request, &question).await,
            Some(Fault::Late(while_)) => {
                let outcome = self.forward(&request, &question).await;
                tokio::time::sleep(while_).await;
                outcome
            }
            Some(Fault::Twice) => {
                self.forward(&request, &question).await;
                self.forward(&request, &question).await
            }
            Some(Fault::Lost) => {
                self.forward(&request, &question).await;
                Outcome::Nothing
            }
            Some(Fault::Swallowed) => Outcome::Nothing,
            Some(Fault::Refused { code, message }) => {
                Outcome::Answer(reply(&request, "error", json!({ "code": code, "message": message })))
            }
            Some(Fault::Old) => {
                let first = self.known().first.get(&question).cloned();
                match first {
                    Some(result) => Outcome::Answer(reply(&request, "result", result)),
                    None => self.forward(&request, &question).await,
                }
            }
        }
    }

    async fn forward(&self, request: &Value, question: &str) -> Outcome {
        let Ok(response) = self.client.post(&self.node).json(request).send().await else { return Outcome::Nothing };
        let Ok(answer) = response.json::<Value>().await else { return Outcome::Nothing };
        if let Some(result) = answer.get("result") {
            self.known().first.entry(question.to_owned()).or_insert_with(|| result.clone());
        }
        Outcome::Answer(answer)
    }
}

fn method_of(request: &Value) -> &str {
    request.get("method").and_then(Value::as_str).unwrap_or_default()
}

fn reply(request: &Value, member: &str, value: Value) -> Value {
    let mut reply = json!({ "jsonrpc": "2.0", "id": request.get("id") });
    if let Some(object) = reply.as_object_mut() {
        object.insert(member.to_owned(), value);
    }
    reply
}

/// Answers one request or a batch of them. A batch with one lost answer is lost as a whole, as on a
/// real connection.
async fn serve(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let (is_batch, requests) = match body {
        Value::Array(requests) => (true, requests),
        request => (false, vec![request]),
    };
    let is_upkeep = requests.iter().all(|request| UPKEEP.contains(&method_of(request)));
    shared.known().round_trips += usize::from(!is_upkeep);
    let mut answers = Vec::new();
    for request in requests {
        match shared.answer(request).await {
            Outcome::Answer(answer) => answers.push(answer),
            Outcome::Nothing => return StatusCode::GATEWAY_TIMEOUT.into_response(),
        }
    }
    match answers.pop() {
        Some(answer) if !is_batch => Json(answer).into_response(),
        last => {
            answers.extend(last);
            Json(answers).into_response()
        }
    }
}
