//! A double of the suite's compliance server: it asks for, and checks, payments of an imaginary
//! method whose proof is a text that the flow itself names.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, StatusCode, response};
use farthing_protocol::binding::{Binder, BindingSecret};
use farthing_protocol::challenge::{ChallengeDraft, CredentialField};
use farthing_protocol::jsonrpc::{self, Placement};
use farthing_protocol::{
    BodyDigest, Challenge, Credential, EncodedObject, IntentName, JsonObject, MethodName, Problem, ProblemType, Realm,
    Receipt, Timestamp, caching, json, problem,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const SECRET: &str = "conformance-secret";
const REALM: &str = "conformance";
const METHOD: &str = "tempo";
const SETTLED_AT: &str = "2026-01-01T00:00:00Z";
/// Every flow was made to be valid, or expired, at this time.
const NOW: &str = "2026-01-01T00:00:00Z";

/// Two origins that serve the same cases; redirects lead from the first to the second.
pub(crate) struct Server {
    pub(crate) origin: String,
    double: Arc<Double>,
}

struct Double {
    cases: HashMap<String, Value>,
    binder: Binder,
    origins: [String; 2],
    accept_payment: Mutex<HashMap<String, Option<String>>>,
    used: Mutex<HashSet<String>>,
    side_effects: Mutex<HashMap<String, u64>>,
    misdirected: AtomicUsize,
}

/// Why a request is not served.
enum Refusal {
    Problem(ProblemType),
    /// A challenge alone.
    Bare,
}

impl Server {
    /// Serves these cases until the runtime ends.
    pub(crate) async fn start(cases: &[Value]) -> Self {
        let listeners = [listener().await, listener().await];
        let origins = listeners.each_ref().map(|one| format!("http://{}", one.local_addr().unwrap()));
        let by_path = cases.iter().map(|case| (case["path"].as_str().unwrap().to_owned(), case.clone()));
        let double = Arc::new(Double {
            cases: by_path.collect(),
            binder: Binder::new(BindingSecret::unchecked_for_vectors(SECRET.as_bytes()), None),
            origins: origins.clone(),
            accept_payment: Mutex::default(),
            used: Mutex::default(),
            side_effects: Mutex::default(),
            misdirected: AtomicUsize::new(0),
        });
        for listener in listeners {
            let router = Router::new().fallback(serve).with_state(Arc::clone(&double));
            tokio::spawn(async move { axum::serve(listener, router).await });
        }
        let [origin, _] = origins;
        Self { origin, double }
    }

    /// How many credentials reached a path that no credential may reach.
    pub(crate) fn misdirected(&self) -> usize {
        self.double.misdirected.load(Ordering::SeqCst)
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn serve(State(double): State<Arc<Double>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let Some(case) = double.cases.get(parts.uri.path()) else {
        return respond(StatusCode::NOT_FOUND).body(Body::from("not found")).unwrap();
    };
    let is_paid = parts.headers.contains_key(field(case).name());
    if case["reject_authorization"] == true && is_paid {
        double.misdirected.fetch_add(1, Ordering::SeqCst);
    }
    if case["stall"] == true {
        std::future::pending::<()>().await;
    }
    if let Some(status) = case["force_status"].as_u64() {
        let status = StatusCode::from_u16(status.try_into().unwrap()).unwrap();
        return respond(status).body(Body::from("forced status")).unwrap();
    }
    let moved = case["redirect_to"].as_str().filter(|_| is_paid || case["redirect_only_paid"] != true);
    if let Some(path) = moved {
        let origin = &double.origins[usize::from(case["redirect_to_port_offset"] == 1)];
        let moved = respond(StatusCode::TEMPORARY_REDIRECT).header(LOCATION, format!("{origin}{path}"));
        return moved.body(Body::empty()).unwrap();
    }
    if case["discovery"] == true {
        return json_response(respond(StatusCode::OK).header(CACHE_CONTROL, "no-store"), &discovery_document());
    }
    if case["json_rpc"] == true {
        return json_response(respond(StatusCode::OK), &Value::Object(double.call(case, &body)));
    }
    if case["no_payment"] == true {
        return json_response(respond(StatusCode::OK), &json!({"ok": true, "name": case["name"]}));
    }
    double.charge(case, &parts, &body)
}

impl Double {
    fn charge(&self, case: &Value, parts: &Parts, body: &Bytes) -> Response<Body> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            self.accept_payment.lock().unwrap().insert(parts.uri.path().to_owned(), header(parts, "accept-payment"));
        }
        let route = self.challenge(case, &parts.uri.to_string(), body);
        match self.judge(case, parts, body, &route) {
            Ok(receipt) => self.deliver(case, parts, body, &receipt),
            Err(refusal) => refuse(case, &route, &refusal),
        }
    }

    /// What the route asks of this very request.
    fn challenge(&self, case: &Value, target: &str, body: &Bytes) -> Challenge {
        let default =
            json!({"amount": "1", "currency": "USD", "recipient": "merchant", "expires": "2099-01-01T00:00:00Z"});
        let mut request = case["request"].as_object().or(default.as_object()).unwrap().clone();
        if case["bind_request_resource"] == true {
            request.insert("resource".to_owned(), target.into());
        }
        let mut terms = ChallengeDraft::new(
            Realm::new(REALM).unwrap(),
            MethodName::new(METHOD).unwrap(),
            IntentName::new(case["intent"].as_str().unwrap_or("charge")).unwrap(),
            EncodedObject::encode(&request).unwrap(),
        );
        if let Some(expires) = request.get("expires").and_then(Value::as_str) {
            terms = terms.expires_text(expires).unwrap();
        }
        if case["digest_binding"] == true {
            terms = terms.digest(BodyDigest::of(case["digest_of"].as_str().map_or(body, str::as_bytes)));
        }
        terms.field(field(case)).bind(&self.binder).unwrap()
    }

    fn judge(&self, case: &Value, parts: &Parts, body: &Bytes, route: &Challenge) -> Result<Receipt, Refusal> {
        let lines = parts.headers.get_all(field(case).name()).iter().map(HeaderValue::as_bytes);
        let credential = Credential::from_lines(lines)
            .map_err(|_| Refusal::Problem(ProblemType::MalformedCredential))?
            .ok_or(Refusal::Problem(ProblemType::PaymentRequired))?;
        let echoed = credential.challenge();
        let (paid, asked) = (echoed.request().decode().unwrap(), route.request().decode().unwrap());
        let is_the_price = ["amount", "currency", "recipient"].iter().all(|name| paid.get(*name) == asked.get(*name));
        if self.binder.verify(echoed).is_err() || !is_the_price {
            return Err(Refusal::Problem(ProblemType::InvalidChallenge));
        }
        if echoed.is_expired(Timestamp::parse(NOW).unwrap()) {
            return Err(Refusal::Problem(ProblemType::PaymentExpired));
        }
        let is_proven = credential.payload().get("signature") == case.get("expected_signature");
        if case["fail_verification"] == true || !is_proven {
            return Err(Refusal::Problem(ProblemType::VerificationFailed));
        }
        let token = header(parts, "authorization").unwrap_or_default();
        if case["concurrent_replay"] == true && !self.used.lock().unwrap().insert(token) {
            return Err(Refusal::Problem(ProblemType::InvalidChallenge));
        }
        let is_the_body = echoed.digest().is_some_and(|digest| digest.matches(body));
        if (case["digest_binding"] == true && !is_the_body) || paid.get("resource") != asked.get("resource") {
            return Err(Refusal::Bare);
        }
        Ok(receipt(case["receipt"]["reference"].as_str().unwrap_or("ref-default")))
    }

    fn deliver(&self, case: &Value, parts: &Parts, body: &Bytes, receipt: &Receipt) -> Response<Body> {
        let path = parts.uri.path();
        let accepts = self.accept_payment.lock().unwrap().get(path).cloned().flatten();
        let mut content = json!({"ok": true, "name": case["name"], "accept_payment_observed": accepts});
        if case["verify_body_preserved"] == true {
            content["received_body"] = String::from_utf8_lossy(body).into();
        }
        if case["idempotency_key"].is_string() {
            let key = header(parts, "idempotency-key").expect("the request has an Idempotency-Key");
            let mut side_effects = self.side_effects.lock().unwrap();
            content["side_effect_count"] = (*side_effects.entry(format!("{path}:{key}")).or_insert(1)).into();
            content["idempotency_key_observed"] = key.into();
        }
        if case["show_schemes"] == true {
            let lines = parts.headers.get_all(AUTHORIZATION).iter().map(|line| line.to_str().unwrap());
            content["schemes"] = lines.map(|line| line.split(' ').next()).collect();
        }
        let mut response = respond(StatusCode::OK).header(CACHE_CONTROL, "private");
        if case["omit_receipt"] != true {
            response = response.header("Payment-Receipt", receipt.to_header());
        }
        json_response(response, &content)
    }

    /// A call over JSON-RPC.
    fn call(&self, case: &Value, body: &Bytes) -> JsonObject {
        let message = json::parse_object(body).unwrap();
        let mut response = JsonObject::from_iter([("jsonrpc".to_owned(), "2.0".into())]);
        response.insert("id".to_owned(), message["id"].clone());
        match jsonrpc::credential(&message).unwrap() {
            None => {
                let problem = Problem::new(ProblemType::PaymentRequired, "Pay first.");
                let challenge = self.challenge(case, "", body);
                let error = jsonrpc::payment_required(&[challenge], &problem).unwrap();
                response.insert("error".to_owned(), error.into());
            }
            Some(credential) => {
                self.binder.verify(credential.challenge()).unwrap();
                response.insert("result".to_owned(), json!({"content": [{"type": "text", "text": "paid"}]}));
                let challenge_id = Some(credential.challenge().id().clone());
                let receipt = Receipt { challenge_id, ..receipt("json-rpc-ref") };
                jsonrpc::attach_receipt(&mut response, &receipt, Placement::Mcp);
            }
        }
        response
    }
}

fn refuse(case: &Value, route: &Challenge, refusal: &Refusal) -> Response<Body> {
    let broken = r#"Payment id="bad", realm="conformance", method="tempo", intent="charge""#;
    let is_broken = case["invalid_www_authenticate"] == true;
    let mut response = respond(StatusCode::PAYMENT_REQUIRED)
        .header(WWW_AUTHENTICATE, if is_broken { broken.to_owned() } else { route.to_header() })
        .header(CACHE_CONTROL, caching::CHALLENGE);
    if let Some(seconds) = case["expect_retry_after"].as_str() {
        response = response.header(RETRY_AFTER, seconds);
    }
    let Refusal::Problem(kind) = refusal else { return response.body(Body::empty()).unwrap() };
    let body = match &case["expect_problem_details"] {
        Value::Null => Problem::new(*kind, "Ask for a new challenge.").to_json(),
        expected => expected.to_string(),
    };
    response.header(CONTENT_TYPE, problem::MEDIA_TYPE).body(Body::from(body)).unwrap()
}

/// Where the case wants its credential.
fn field(case: &Value) -> CredentialField {
    if case["beside_authorization"] == true {
        CredentialField::PaymentAuthorization
    } else {
        CredentialField::Authorization
    }
}

fn receipt(reference: &str) -> Receipt {
    Receipt {
        method: MethodName::new(METHOD).unwrap(),
        reference: reference.to_owned(),
        timestamp: Timestamp::parse(SETTLED_AT).unwrap(),
        challenge_id: None,
        external_id: None,
        extra: JsonObject::new(),
    }
}

fn discovery_document() -> Value {
    let offers = json!([
        {"method": "tempo", "intent": "charge", "amount": "1000", "currency": "USD"},
        {"method": "tempo", "intent": "charge", "amount": null, "currency": "USD"},
    ]);
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Conformance double", "version": "1.0.0"},
        "x-service-info": {"categories": ["testing"]},
        "paths": {"/charge/success": {"get": {
            "responses": {"200": {"description": "OK"}, "402": {"description": "Payment Required"}},
            "x-payment-info": {"offers": offers},
        }}},
    })
}

fn header(parts: &Parts, name: &str) -> Option<String> {
    Some(parts.headers.get(name)?.to_str().unwrap().to_owned())
}

fn respond(status: StatusCode) -> response::Builder {
    Response::builder().status(status)
}

fn json_response(response: response::Builder, body: &Value) -> Response<Body> {
    response.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}
