//! What the gateway says about its routes: `/openapi.json` and `/llms.txt` (discovery draft), and
//! `/.well-known/x402` where any of them takes that.
//!
//! A document is a hint; the 402 is what counts.

use std::sync::Arc;

use bytes::Bytes;
use farthing_protocol::caching::DISCOVERY;
use farthing_protocol::discovery::{Document, Offer, Operation, PATH, PaymentInfo, PlannedAmount, ServiceInfo};
use farthing_protocol::{JsonObject, Realm};
use farthing_rail::FundingAccount;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::config::Methods;
use crate::proxy::Body;
use crate::route::{Paid, SharedRoute};

/// The documents of one site, written once.
pub(crate) struct Documents {
    /// Nothing when the routes cannot be described.
    openapi: Option<Bytes>,
    llms: Bytes,
    /// Nothing when no route takes x402.
    x402: Option<Bytes>,
}

/// Where x402 clients look for what is sold.
const X402_PATH: &str = "/.well-known/x402";

impl Documents {
    /// Describes routes, and how balances are funded.
    pub(crate) fn describe(
        realm: &Realm,
        public_url: Option<&str>,
        routes: &[SharedRoute],
        fundings: &[Arc<dyn FundingAccount>],
    ) -> Self {
        let llms_address = public_url.map(|url| format!("{url}/llms.txt"));
        Self {
            openapi: openapi(realm, llms_address, routes),
            llms: Bytes::from(llms(realm, routes, fundings)),
            x402: x402(public_url, routes),
        }
    }

    /// The document at this path, if it is one of ours.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> Option<Response<Body>> {
        let (body, kind) = match path {
            PATH => (self.openapi.as_ref()?, "application/json"),
            "/llms.txt" => (&self.llms, "text/plain; charset=utf-8"),
            X402_PATH => (self.x402.as_ref()?, "application/json"),
            _ => return None,
        };
        if *method != Method::GET && *method != Method::HEAD {
            return Some(crate::answer::plain(StatusCode::METHOD_NOT_ALLOWED, "This document can only be read."));
        }
        let mut response = Response::new(Body::full(body.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(DISCOVERY));
        Some(response)
    }
}

fn openapi(realm: &Realm, llms: Option<String>, routes: &[SharedRoute]) -> Option<Bytes> {
    let mut document = Document::new(realm.as_str(), "1", ServiceInfo { llms, ..ServiceInfo::default() });
    for route in routes {
        let path = route.pattern.path.replace("{*", "{");
        for method in methods(&route.pattern.methods) {
            let operation = Operation {
                summary: route.description.clone(),
                payment: route.paid.as_ref().and_then(payment),
                other_payments: route.paid.as_ref().map(other_payments).unwrap_or_default(),
                request_schema: None,
            };
            // OpenAPI does not know every method a route may answer.
            if let Err(error) = document.add(&path, method, operation) {
                tracing::debug!(%error, route = route.name, "not in the discovery document");
            }
        }
    }
    match document.to_json() {
        Ok(text) => Some(Bytes::from(text)),
        Err(error) => {
            tracing::warn!(%error, "there is no discovery document");
            None
        }
    }
}

/// What is paid with a challenge.
fn payment(paid: &Paid) -> Option<PaymentInfo> {
    let challenged = paid.offers.iter().filter(|offer| offer.template().is_some());
    let offers = challenged.map(|offer| Offer {
        intent: offer.acceptor.terms().intent.clone(),
        method: offer.acceptor.terms().method.clone(),
        amount: PlannedAmount::parse(&offer.request.amount.to_string()),
        currency: Some(offer.request.currency.clone()),
        description: None,
    });
    let offers: Vec<Offer> = offers.collect();
    (!offers.is_empty()).then_some(PaymentInfo { offers })
}

/// What x402 pays for, in its own words: the draft's own list has none for it.
fn other_payments(paid: &Paid) -> JsonObject {
    let Some(list) = &paid.x402 else { return JsonObject::new() };
    let accepts: Vec<Value> = list.listed().map(|offer| Value::Object(offer.to_object())).collect();
    JsonObject::from_iter([("x-x402".to_owned(), json!({ "x402Version": 2, "accepts": accepts }))])
}

/// Everything that x402 pays for, each as a facilitator would list it. Parts of a path that may vary stand in
/// braces.
fn x402(public_url: Option<&str>, routes: &[SharedRoute]) -> Option<Bytes> {
    let mut items = Vec::new();
    for route in routes {
        let Some(list) = route.paid.as_ref().and_then(|paid| paid.x402.as_ref()) else { continue };
        let accepts: Vec<_> = list.listed().map(|offer| Value::Object(offer.to_object())).collect();
        let site = match &route.host {
            Some(host) => format!("https://{host}"),
            None => public_url.unwrap_or_default().to_owned(),
        };
        for method in methods(&route.pattern.methods) {
            items.push(json!({
                "resource": format!("{site}{}", route.pattern.path.replace("{*", "{")),
                "type": "http",
                "x402Version": 2,
                "accepts": accepts,
                "metadata": { "method": method, "description": route.description },
            }));
        }
    }
    let document = json!({ "x402Version": 2, "items": items });
    (!items.is_empty()).then(|| Bytes::from(document.to_string()))
}

fn methods(methods: &Methods) -> Vec<&str> {
    match methods {
        Methods::Any => vec!["GET", "PUT", "POST", "DELETE", "PATCH"],
        Methods::These(these) => these.iter().map(Method::as_str).collect(),
    }
}

fn llms(realm: &Realm, routes: &[SharedRoute], fundings: &[Arc<dyn FundingAccount>]) -> String {
    let mut text = format!(
        "# {realm}\n\nSome requests here are paid for with the HTTP `Payment` scheme: ask, read the 402, pay one of its \
         challenges, repeat the request with the credential.\n\n"
    );
    if routes.iter().any(|route| schemes(route).is_some()) {
        text.push_str("Where x402 stands, the same price is in the `PAYMENT-REQUIRED` header for x402 clients.\n\n");
    }
    for account in fundings {
        text.push_str(&format!(
            "A balance in {currency} is topped up over the rail {}: POST /balance/topups {{\"payer\": \"did:key:...\", \
             \"currency\": \"{currency}\", \"amount\": \"5\"}} says what to send where.\n\n",
            account.name(),
            currency = account.currency(),
        ));
    }
    for route in routes {
        let price = route.paid.as_ref().map_or_else(|| "free".to_owned(), |paid| paid.price.to_string());
        text.push_str(&format!("- `{}`: {price}", route.name));
        if let Some(schemes) = schemes(route) {
            text.push_str(&format!(" (x402: {schemes})"));
        }
        if let Some(description) = &route.description {
            text.push_str(&format!(". {description}"));
        }
        text.push('\n');
    }
    text
}

/// The schemes of x402 that a route takes.
fn schemes(route: &SharedRoute) -> Option<String> {
    let list = route.paid.as_ref()?.x402.as_ref()?;
    let mut schemes: Vec<&str> = list.listed().map(|offer| offer.scheme.as_str()).collect();
    schemes.dedup();
    Some(schemes.join(", "))
}
