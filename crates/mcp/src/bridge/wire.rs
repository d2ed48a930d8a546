//! What a paid call of MCP is in the shape of HTTP, and back. No I/O.
//!
//! A demand for payment becomes a 402, in whatever words it came: an error of the Payment scheme, a tool's
//! result of x402, an error of ATXP that holds an offer of x402. A payment becomes the `_meta` member of the
//! words in which it was asked for.

use std::collections::VecDeque;

use farthing_dialects::atxp;
use farthing_dialects::x402::mcp as x402;
use farthing_dialects::x402::{PAYMENT_REQUIRED, PAYMENT_RESPONSE, PAYMENT_SIGNATURE, PaymentPayload, X_PAYMENT};
use farthing_protocol::json::JsonError;
use farthing_protocol::jsonrpc::{self, VERIFICATION_FAILED};
use farthing_protocol::{Credential, JsonObject, Problem, ProblemType};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::{Response, ResponseBuilderExt as _};
use serde_json::{Value, json};
use url::Url;

/// The newest challenges that a server made, as it wrote them: a client echoes them with every member.
#[derive(Default)]
pub(super) struct Told(VecDeque<(String, JsonObject)>);

/// The field of a receipt of the Payment scheme.
const PAYMENT_RECEIPT: &str = "payment-receipt";

/// More than a server makes while one of them is being paid.
const MOST_TOLD: usize = 256;

impl Told {
    fn keep(&mut self, id: &str, challenge: JsonObject) {
        if self.0.len() >= MOST_TOLD {
            self.0.pop_front();
        }
        self.0.push_back((id.to_owned(), challenge));
    }

    fn of(&self, id: &str) -> Option<&JsonObject> {
        self.0.iter().rev().find(|(known, _)| known == id).map(|(_, challenge)| challenge)
    }
}

/// A demand, as headers and a body of HTTP.
#[derive(Default)]
struct Demanded {
    headers: HeaderMap,
    body: Vec<u8>,
    hindrance: Option<Hindrance>,
}

/// In the extensions of a response that demands what cannot be paid: why, in one sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hindrance(pub(super) &'static str);

/// The `_meta` members that carry the payment of a request, if it has one.
pub(super) fn payment(headers: &HeaderMap, told: &Told) -> Result<Option<JsonObject>, String> {
    for name in [PAYMENT_SIGNATURE, X_PAYMENT] {
        if let Some(value) = headers.get(name) {
            let payment = PaymentPayload::from_header(value.as_bytes());
            let payment = payment.map_err(|error| format!("the payment cannot be written: {error}"))?;
            return Ok(Some(x402::payment_members(&payment)));
        }
    }
    for name in [AUTHORIZATION.as_str(), "payment-authorization"] {
        let lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let credential = Credential::from_lines(lines).map_err(|_| "the payment cannot be read back".to_owned())?;
        if let Some(credential) = credential {
            let object = object_of(&credential, told).map_err(|error| error.to_string())?;
            let key = jsonrpc::CREDENTIAL_KEY.to_owned();
            return Ok(Some(JsonObject::from_iter([(key, Value::Object(object))])));
        }
    }
    Ok(None)
}

fn object_of(credential: &Credential, told: &Told) -> Result<JsonObject, JsonError> {
    let challenge = match told.of(credential.challenge().id().as_str()) {
        Some(told) => told.clone(),
        // Sent again by another process than the one that it was told: what binds is all there.
        None => jsonrpc::challenge_to_object(credential.challenge())?,
    };
    Ok(jsonrpc::credential_to_object(&challenge, credential.payload().clone(), credential.source()))
}

/// A response of JSON-RPC (`result` or `error`).
pub(super) struct Answer<'a> {
    pub(super) message: &'a JsonObject,
    /// Whether what it answers had a payment.
    pub(super) was_paid: bool,
    /// What it demands in ATXP's words.
    pub(super) atxp: Option<atxp::Demand>,
}

/// An answer as one of HTTP, for a request to this URL. What it tells of challenges is added to `told`.
pub(super) fn response(answer: Answer<'_>, url: &Url, told: &mut Told) -> Result<Response, String> {
    let Answer { message, was_paid, .. } = answer;
    let result = message.get("result").and_then(Value::as_object);
    let (status, Demanded { mut headers, body, hindrance }) = match demanded(answer, url, told) {
        Some(demanded) => (StatusCode::PAYMENT_REQUIRED, demanded),
        None => answered(message, was_paid),
    };
    headers.extend(outcome(result).and_then(|told| header(PAYMENT_RESPONSE, &told)));
    let mut response = http::Response::builder().status(status).url(url.clone());
    if let Some(all) = response.headers_mut() {
        all.extend(headers);
    }
    if let (Some(all), Some(hindrance)) = (response.extensions_mut(), hindrance) {
        all.insert(hindrance);
    }
    let response = response.body(body).map_err(|error| format!("the answer cannot be read: {error}"))?;
    Ok(Response::from(response))
}

/// An answer that demands nothing: the message itself.
fn answered(message: &JsonObject, was_paid: bool) -> (StatusCode, Demanded) {
    let result = message.get("result").and_then(Value::as_object);
    let receipt = jsonrpc::receipt(message).and_then(Result::ok);
    let failed = result.is_none_or(|result| result.get("isError") == Some(&Value::Bool(true)));
    // A paid call that failed and has no receipt may have been taken or not.
    let is_open = was_paid && failed && receipt.is_none() && outcome(result).is_none();
    let status = if is_open { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let body = Value::Object(message.clone()).to_string().into_bytes();
    let headers = receipt.and_then(|receipt| header(PAYMENT_RECEIPT, &receipt.to_header())).into_iter().collect();
    (status, Demanded { headers, body, hindrance: None })
}

fn demanded(answer: Answer<'_>, url: &Url, told: &mut Told) -> Option<Demanded> {
    let Answer { message, was_paid, atxp } = answer;
    let list = message.get("result").and_then(Value::as_object).and_then(x402::Demand::of);
    let scheme = jsonrpc::Demand::of(message);
    let refused = problem(message).filter(|_| was_paid);
    if scheme.is_none() && list.is_none() && atxp.is_none() && refused.is_none() {
        return None;
    }
    let mut demanded = Demanded::default();
    match scheme {
        Some(demand) => demanded.add_challenges(demand, told),
        None => demanded.body = refused.map(|problem| problem.to_json().into()).unwrap_or_default(),
    }
    if let Some(demand) = list {
        if demand.text_differs {
            tracing::warn!("a tool's price list and the text beside it differ; the price list counts");
        }
        demanded.add_price_list(&demand);
    }
    if let Some(demand) = atxp {
        demanded.hindrance = demand.hindrance.map(Hindrance);
        if let Some(mut list) = demand.x402 {
            if !is_first_version(&list) {
                // Some sellers do not say what is sold: it is what was asked for.
                list.entry("resource").or_insert_with(|| json!({ "url": url.as_str() }));
            }
            demanded.add_price_list(&x402::Demand { list, text_differs: false });
        }
    }
    Some(demanded)
}

impl Demanded {
    fn add_challenges(&mut self, demand: jsonrpc::Demand, told: &mut Told) {
        for (object, challenge) in demand.challenges {
            let Ok(challenge) = challenge else { continue };
            let Ok(value) = HeaderValue::from_bytes(challenge.to_header().as_bytes()) else { continue };
            told.keep(challenge.id().as_str(), object);
            self.headers.append(WWW_AUTHENTICATE, value);
        }
        let refused = || Problem::new(ProblemType::VerificationFailed, "");
        let problem = demand.problem.or_else(|| (demand.code == VERIFICATION_FAILED).then(refused));
        self.body = problem.map(|problem| problem.to_json().into()).unwrap_or_default();
    }

    /// Version 2 stands in a header, version 1 in the body.
    fn add_price_list(&mut self, demand: &x402::Demand) {
        if is_first_version(&demand.list) {
            self.body = Value::Object(demand.list.clone()).to_string().into_bytes();
        } else {
            self.headers.extend(header(PAYMENT_REQUIRED, &demand.to_header()));
        }
    }
}

fn is_first_version(list: &JsonObject) -> bool {
    list.get("x402Version").and_then(Value::as_u64) == Some(1)
}

/// What x402 says became of a payment.
fn outcome(result: Option<&JsonObject>) -> Option<String> {
    result.and_then(x402::outcome_header)
}

fn header(name: &'static str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
}

/// The registered problem of an error that makes no new offer.
fn problem(message: &JsonObject) -> Option<Problem> {
    let problem = message.get("error")?.get("data")?.get("problem")?;
    Problem::parse(problem.to_string().as_bytes())
}
