use serde_json::{Value, json};

/// A result of JSON-RPC, or the error object.
pub(super) type Answer = Result<Value, Value>;

/// The node behind the shim.
pub(super) struct Node {
    http: reqwest::Client,
    url: String,
}

impl Node {
    pub(super) fn new(url: &str) -> Self {
        Self { http: reqwest::Client::new(), url: url.to_owned() }
    }

    /// Asks the node itself.
    pub(super) async fn ask(&self, method: &str, parameters: Vec<Value>) -> Answer {
        let asked = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
        let unreachable = |error: reqwest::Error| failure(-32603, &format!("the node did not answer: {error}"));
        let response = self.http.post(&self.url).json(&asked).send().await.map_err(unreachable)?;
        let mut answer: Value = response.json().await.map_err(unreachable)?;
        match answer.get_mut("error").map(Value::take) {
            Some(error) => Err(error),
            None => Ok(answer["result"].take()),
        }
    }
}

/// An error object.
pub(super) fn failure(code: i64, message: &str) -> Value {
    json!({ "code": code, "message": message })
}

/// What a node says of a method that it does not have.
pub(super) fn not_found(method: &str) -> Value {
    failure(-32601, &format!("the method {method} does not exist/is not available"))
}
