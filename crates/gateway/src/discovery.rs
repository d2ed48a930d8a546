//! What the gateway says about its routes: `/openapi.json` and `/llms.txt` (discovery draft).
//!
//! A document is a hint; the 402 is what counts.

use bytes::Bytes;
use farthing_protocol::Realm;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::config::Methods;
use crate::proxy::Body;
use crate::route::{Paid, Route, SharedRoute};

/// The documents of one site, written once.
pub(crate) struct Documents {
    openapi: Bytes,
    llms: Bytes,
}

impl Documents {
    /// Describes routes.
    pub(crate) fn describe(realm: &Realm, public_url: Option<&str>, routes: &[SharedRoute]) -> Self {
        let openapi = openapi(realm, public_url, routes).to_string();
        Self { openapi: Bytes::from(openapi), llms: Bytes::from(llms(realm, routes)) }
    }

    /// The document at this path, if it is one of ours.
    pub(crate) fn answer(&self, method: &Method, path: &str) -> Option<Response<Body>> {
        let (body, kind) = match path {
            "/openapi.json" => (&self.openapi, "application/json"),
            "/llms.txt" => (&self.llms, "text/plain; charset=utf-8"),
            _ => return None,
        };
        if *method != Method::GET && *method != Method::HEAD {
            return Some(crate::answer::plain(StatusCode::METHOD_NOT_ALLOWED, "This document can only be read."));
        }
        let mut response = Response::new(Body::full(body.clone()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        Some(response)
    }
}

fn openapi(realm: &Realm, public_url: Option<&str>, routes: &[SharedRoute]) -> Value {
    let mut paths = Map::new();
    for route in routes {
        let path = route.pattern.path.replace("{*", "{");
        let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
        let Some(item) = item.as_object_mut() else { continue };
        for method in methods(&route.pattern.methods) {
            item.entry(method).or_insert_with(|| operation(route, &path));
        }
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": realm.as_str(), "version": "1" },
        "paths": paths,
    });
    if let (Some(url), Some(members)) = (public_url, document.as_object_mut()) {
        members.insert("servers".to_owned(), json!([{ "url": url }]));
    }
    document
}

fn operation(route: &Route, path: &str) -> Value {
    let parameters: Vec<Value> = path
        .split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next())
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let mut operation = json!({ "responses": { "200": { "description": "The resource" } } });
    let Some(members) = operation.as_object_mut() else { return operation };
    if !parameters.is_empty() {
        members.insert("parameters".to_owned(), Value::Array(parameters));
    }
    if let Some(description) = &route.description {
        members.insert("description".to_owned(), Value::String(description.clone()));
    }
    if let Some(paid) = &route.paid {
        members.insert("x-payment-info".to_owned(), json!({ "offers": offers(paid) }));
        if let Some(responses) = members.get_mut("responses").and_then(Value::as_object_mut) {
            responses.insert("402".to_owned(), json!({ "description": "Payment Required" }));
        }
    }
    operation
}

fn offers(paid: &Paid) -> Vec<Value> {
    let offer = |offer: &crate::route::Offer| {
        json!({
            "intent": offer.intent,
            "method": offer.method,
            "amount": offer.request.amount.to_string(),
            "currency": offer.request.currency,
        })
    };
    paid.offers.iter().map(offer).collect()
}

fn methods(methods: &Methods) -> Vec<String> {
    match methods {
        Methods::Any => ["get", "put", "post", "delete", "patch"].map(str::to_owned).to_vec(),
        Methods::These(these) => these.iter().map(|method| method.as_str().to_ascii_lowercase()).collect(),
    }
}

fn llms(realm: &Realm, routes: &[SharedRoute]) -> String {
    let mut text = format!(
        "# {realm}\n\nSome requests here are paid for with the HTTP `Payment` scheme: ask, read the 402, pay one of its \
         challenges, repeat the request with the credential.\n\n"
    );
    for route in routes {
        let price = route.paid.as_ref().map_or_else(|| "free".to_owned(), |paid| paid.price.to_string());
        text.push_str(&format!("- `{}`: {price}", route.name));
        if let Some(description) = &route.description {
            text.push_str(&format!(". {description}"));
        }
        text.push('\n');
    }
    text
}
