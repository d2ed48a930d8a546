//! The suite's flow runner: it speaks HTTP itself and asks the adapter for everything that concerns
//! payment. Each flow ends in a result of the same shape as the published ones.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::adapter;
use crate::server::{SECRET, Server};

pub(crate) struct Runner<'a> {
    server: &'a Server,
    cases: &'a [Value],
    client: Client,
}

/// An answer, read whole.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(server: &'a Server, cases: &'a [Value]) -> Self {
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { server, cases, client }
    }

    /// Runs one flow.
    pub(crate) async fn run(&self, case: &Value) -> Value {
        let mut result = if case["client_flow"] == true {
            self.client_flow(case).await
        } else if case["json_rpc"] == true {
            self.json_rpc(case).await
        } else if case["discovery"] == true {
            self.discovery(case).await
        } else {
            self.charge(case).await
        };
        result["name"] = case["name"].clone();
        result
    }

    async fn charge(&self, case: &Value) -> Value {
        let asked_at = self.cases.iter().find(|other| other["path"] == case["challenge_path"]).unwrap_or(case);
        let asked = self.send(asked_at, "initial_query", "body", None).await;
        if case["no_payment"] == true {
            return json!({"outcome": {"ok": asked.status < 400, "status": asked.status}});
        }
        if asked.status != 402 {
            return json!({"outcome": {"ok": false, "status": asked.status, "error_type": "unexpected_status"}});
        }
        let parsed = adapter::ask("challenge.parse", &json!({"header": asked.header("www-authenticate")})).await;
        if parsed["ok"] != true {
            let mut result = refusal(&asked, "challenge_parse_error");
            result["problem_details"] = asked.problem();
            return result;
        }

        let mut challenge = parsed["value"].clone();
        if case["mismatch_request"] == true {
            challenge["request"]["amount"] = "1".into();
        }
        if case["invalid_challenge_id"] == true {
            challenge["id"] = "invalid-challenge-id".into();
        }
        let is_bound = recomputed_id(&challenge).await == challenge["id"];
        if case["omit_challenge_expires"] == true {
            challenge.as_object_mut().unwrap().remove("expires");
        }
        let credential = json!({"challenge": challenge, "payload": case["payload"]});
        let credential = adapter::value("credential.format", &credential).await;
        let credential = credential["header"].as_str().filter(|_| case["skip_authorization"] != true);

        let paid = self.send(case, "retry_query", "retry_body", credential).await;
        let mut result = if case["concurrent_replay"] == true {
            let again = self.send(case, "retry_query", "retry_body", credential).await;
            json!({
                "outcome": {"ok": true, "status": 200},
                "concurrent_statuses": [paid.status.min(again.status), paid.status.max(again.status)],
            })
        } else if paid.status == 402 {
            let mut result = refusal(&paid, "payment_required");
            result["problem_details"] = paid.problem();
            result
        } else {
            delivered(case, &paid).await
        };
        if case["check_cache_headers"] == true {
            result["initial_cache_control"] = asked.header("cache-control");
            result["retry_cache_control"] = paid.header("cache-control");
            if paid.status == 402 {
                result["retry_after"] = paid.header("retry-after");
                result["receipt_on_error"] = paid.headers.contains_key("payment-receipt").into();
            }
        }
        let shown =
            ["id", "method", "intent", "realm", "request"].map(|name| (name.to_owned(), challenge[name].clone()));
        result["challenge"] = Value::Object(shown.into_iter().collect());
        result["credential"] = json!({"payload": case["payload"]});
        result["hmac_recomputed_ok"] = is_bound.into();
        result
    }

    /// A flow in which the adapter speaks HTTP.
    async fn client_flow(&self, case: &Value) -> Value {
        let mode = case["mode"].as_str().unwrap_or("payment");
        let answer = adapter::ask("http.payment_request", &payment_request(&self.server.origin, case, mode)).await;
        if let Some(expected) = case["expect_error_type"].as_str() {
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            let as_expected = answer["error"]["type"] == expected
                && message.contains(case["expect_error_message_contains"].as_str().unwrap_or_default());
            return json!({
                "outcome": {"ok": as_expected, "status": 0},
                "authorization_observed": self.server.misdirected() > 0,
            });
        }
        let status = answer["value"]["status"].as_u64().unwrap_or_default();
        let mut result = json!({"outcome": {"ok": (200..300).contains(&status), "status": status}});
        if case["expect_payment_receipt"] == true {
            let body: Value = serde_json::from_str(answer["value"]["body"].as_str().unwrap()).unwrap();
            let receipt = json!({"header": answer["value"]["headers"]["payment-receipt"]});
            result["ok"] = body["ok"].clone();
            result["response_name"] = body["name"].clone();
            result["payment_receipt_observed"] = adapter::ask("receipt.parse", &receipt).await["ok"].clone();
        }
        result
    }

    async fn json_rpc(&self, case: &Value) -> Value {
        let mut call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "paid"}});
        let asked = self.post(case, &call).await;
        let challenge = &asked.json()["error"]["data"]["challenges"][0];
        call["_meta"] = json!({"org.paymentauth/credential": {"challenge": challenge, "payload": case["payload"]}});
        let paid = self.post(case, &call).await;
        json!({
            "outcome": {"ok": paid.status < 300, "status": paid.status},
            "json_rpc_receipt": paid.json()["result"]["_meta"]["org.paymentauth/receipt"].is_object(),
        })
    }

    async fn discovery(&self, case: &Value) -> Value {
        let answer = self.send(case, "initial_query", "body", None).await;
        let document = answer.json();
        let offers = document.pointer("/paths/~1charge~1success/get/x-payment-info/offers").and_then(Value::as_array);
        let has_open_price = offers.is_some_and(|offers| offers.iter().any(|offer| offer["amount"].is_null()));
        json!({
            "outcome": {"ok": answer.status < 300, "status": answer.status},
            "discovery_valid": document["openapi"] == "3.1.0" && document["x-service-info"].is_object() && has_open_price,
        })
    }

    async fn send(&self, case: &Value, query: &str, body: &str, credential: Option<&str>) -> Answer {
        let query = case[query].as_str().or(case["initial_query"].as_str()).unwrap_or_default();
        let url = format!("{}{}{query}", self.server.origin, case["path"].as_str().unwrap());
        let method: Method = case["http_method"].as_str().unwrap_or("GET").parse().unwrap();
        let mut request = self.client.request(method, url);
        for (name, member) in [("Accept-Payment", "accept_payment"), ("Idempotency-Key", "idempotency_key")] {
            if let Some(value) = case[member].as_str() {
                request = request.header(name, value);
            }
        }
        if let Some(body) = case[body].as_str().or(case["body"].as_str()) {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_owned());
        }
        if let Some(credential) = credential {
            request = request.header("Authorization", credential);
        }
        Answer::read(request).await
    }

    async fn post(&self, case: &Value, message: &Value) -> Answer {
        let url = format!("{}{}", self.server.origin, case["path"].as_str().unwrap());
        Answer::read(self.client.post(url).json(message)).await
    }
}

/// The input of `http.payment_request` for a flow.
pub(crate) fn payment_request(origin: &str, case: &Value, mode: &str) -> Value {
    let mut headers = json!({});
    for (name, member) in [("Accept-Payment", "accept_payment"), ("Idempotency-Key", "idempotency_key")] {
        if case[member].is_string() {
            headers[name] = case[member].clone();
        }
    }
    let query = case["initial_query"].as_str().unwrap_or_default();
    let payload = case["payload"].as_object().cloned().unwrap_or_default();
    json!({
        "url": format!("{origin}{}{query}", case["path"].as_str().unwrap()),
        "method": case["http_method"].as_str().unwrap_or("GET"),
        "headers": headers,
        "body": case["body"],
        "payment": {"payload": payload, "source": null},
        "mode": mode,
    })
}

fn refusal(answer: &Answer, error_type: &str) -> Value {
    let mut outcome = json!({"ok": false, "status": answer.status, "error_type": error_type});
    if !answer.problem().is_null() {
        outcome["content_type"] = answer.header("content-type");
    }
    json!({"outcome": outcome})
}

async fn delivered(case: &Value, paid: &Answer) -> Value {
    let body = paid.json();
    let receipt = match paid.header("payment-receipt") {
        Value::Null => Value::Null,
        header => adapter::value("receipt.parse", &json!({"header": header})).await,
    };
    let mut result = json!({"outcome": {"ok": paid.status < 400, "status": paid.status}, "receipt": receipt});
    if case["verify_body_preserved"] == true {
        result["body_preserved"] = (body["received_body"] == case["body"]).into();
    }
    for name in ["accept_payment_observed", "side_effect_count", "idempotency_key_observed"] {
        if let Some(observed) = body.get(name) {
            result[name] = observed.clone();
        }
    }
    result
}

/// What the adapter says the id of these terms is. The suite's secret is shorter than ours may be.
async fn recomputed_id(challenge: &Value) -> Value {
    let mut input = challenge.clone();
    input["secretKey"] = SECRET.into();
    adapter::ask_with_weak_secrets("challenge.id", &input).await["value"]["id"].take()
}

impl Answer {
    async fn read(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.text().await.unwrap() }
    }

    fn header(&self, name: &str) -> Value {
        self.headers.get(name).map_or(Value::Null, |value| value.to_str().unwrap().into())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// The problem without its wording; nothing when the body is none.
    fn problem(&self) -> Value {
        let is_problem = self.header("content-type") == "application/problem+json";
        if is_problem { without_wording(self.json()) } else { Value::Null }
    }
}

/// A problem's `detail` is for people, and everybody words it differently.
pub(crate) fn without_wording(mut problem: Value) -> Value {
    if let Some(members) = problem.as_object_mut() {
        members.remove("detail");
    }
    problem
}
