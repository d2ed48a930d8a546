//! Building and reading the OpenAPI document.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{OfferError, PaymentInfo, ServiceInfo};
use crate::JsonObject;

/// The longest document a registry reads: 64 KB.
pub const LONGEST_DOCUMENT_BYTES: usize = 64_000;

/// The methods that OpenAPI 3.1 knows.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// An OpenAPI document in the making.
#[derive(Clone, Debug)]
pub struct Document {
    title: String,
    version: String,
    service: ServiceInfo,
    paths: BTreeMap<String, BTreeMap<String, Operation>>,
}

/// One operation of the document.
#[derive(Clone, Debug, Default)]
pub struct Operation {
    /// One line on what it does.
    pub summary: Option<String>,
    /// What it costs; `None` when it is free.
    pub payment: Option<PaymentInfo>,
    /// How other protocols pay for it, by the name of their own member, such as `x-x402`.
    pub other_payments: JsonObject,
    /// JSON Schema of its JSON body.
    pub request_schema: Option<Value>,
}

/// Why a document cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// OpenAPI has no such method.
    #[error("OpenAPI has no operation for the method {0}")]
    Method(String),
    /// Not a path.
    #[error("\"{0}\" is not a path; it must start with \"/\"")]
    Path(String),
    /// An offer the schema refuses.
    #[error("{path}: {reason}")]
    Offer {
        /// Where.
        path: String,
        /// Why.
        reason: OfferError,
    },
    /// Nothing to publish.
    #[error("a discovery document lists at least one operation")]
    Empty,
    /// Registries would cut it off.
    #[error("the discovery document has {length} bytes; registries read {longest}. Shorten summaries and schemas")]
    TooLong {
        /// In bytes.
        length: usize,
        /// In bytes.
        longest: usize,
    },
}

impl Document {
    /// A document without operations.
    pub fn new(title: &str, version: &str, service: ServiceInfo) -> Self {
        Self { title: title.to_owned(), version: version.to_owned(), service, paths: BTreeMap::new() }
    }

    /// Adds an operation. `path` is an OpenAPI template such as `/v1/things/{id}`, `method` an HTTP
    /// method in any case.
    pub fn add(&mut self, path: &str, method: &str, operation: Operation) -> Result<(), DiscoveryError> {
        let method = method.to_ascii_lowercase();
        if !METHODS.contains(&method.as_str()) {
            return Err(DiscoveryError::Method(method));
        }
        if !path.starts_with('/') {
            return Err(DiscoveryError::Path(path.to_owned()));
        }
        if let Some(payment) = &operation.payment {
            let checked = PaymentInfo::read_strictly(&payment.to_value());
            checked.map_err(|reason| DiscoveryError::Offer { path: path.to_owned(), reason })?;
        }
        self.paths.entry(path.to_owned()).or_default().insert(method, operation);
        Ok(())
    }

    /// The text to serve at [`super::PATH`].
    pub fn to_json(&self) -> Result<String, DiscoveryError> {
        if self.paths.is_empty() {
            return Err(DiscoveryError::Empty);
        }
        let paths: JsonObject =
            self.paths.iter().map(|(path, operations)| (path.clone(), path_item(path, operations))).collect();
        let mut document = json!({
            "openapi": "3.1.0",
            "info": {"title": self.title, "version": self.version},
            "paths": paths,
        });
        if self.service != ServiceInfo::default()
            && let Value::Object(members) = &mut document
        {
            members.insert("x-service-info".to_owned(), self.service.to_value());
        }
        let text = document.to_string();
        let (length, longest) = (text.len(), LONGEST_DOCUMENT_BYTES);
        if length > longest { Err(DiscoveryError::TooLong { length, longest }) } else { Ok(text) }
    }
}

/// The path and method of every operation that says what it costs, and what it says.
pub fn paid_operations(document: &JsonObject) -> Vec<(String, String, Result<PaymentInfo, OfferError>)> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        let item = item.as_object().into_iter().flatten();
        item.map(move |(method, operation)| (path, method, operation.get("x-payment-info")))
    });
    operations
        .filter(|(_, method, _)| METHODS.contains(&method.as_str()))
        .filter_map(|(path, method, payment)| Some((path.clone(), method.clone(), PaymentInfo::read(payment?))))
        .collect()
}

fn path_item(path: &str, operations: &BTreeMap<String, Operation>) -> Value {
    let mut item: JsonObject =
        operations.iter().map(|(method, operation)| (method.clone(), operation.to_value())).collect();
    let parameters: Vec<Value> = parameter_names(path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    if !parameters.is_empty() {
        item.insert("parameters".to_owned(), Value::Array(parameters));
    }
    Value::Object(item)
}

/// The names between braces. OpenAPI demands that each is declared.
fn parameter_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

impl Operation {
    fn to_value(&self) -> Value {
        let mut responses = json!({"200": {"description": "Successful response"}});
        let mut operation = JsonObject::new();
        if let Some(summary) = &self.summary {
            operation.insert("summary".to_owned(), Value::from(summary.as_str()));
        }
        if let Some(schema) = &self.request_schema {
            let body = json!({"content": {"application/json": {"schema": schema}}});
            operation.insert("requestBody".to_owned(), body);
        }
        if let Some(payment) = &self.payment {
            operation.insert("x-payment-info".to_owned(), payment.to_value());
        }
        operation.extend(self.other_payments.clone());
        if self.payment.is_some() || !self.other_payments.is_empty() {
            responses = json!({
                "200": {"description": "Successful response"},
                "402": {"description": "Payment Required"},
            });
        }
        operation.insert("responses".to_owned(), responses);
        Value::Object(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Offer, PlannedAmount};
    use super::*;
    use crate::json::parse_object;
    use crate::{IntentName, MethodName};

    fn paid(intent: &str) -> Operation {
        let offer = Offer {
            intent: IntentName::new(intent).unwrap(),
            method: MethodName::new("balance").unwrap(),
            amount: PlannedAmount::parse("1000"),
            currency: Some("usd.6".into()),
            description: None,
        };
        Operation { payment: Some(PaymentInfo { offers: vec![offer] }), ..Operation::default() }
    }

    fn document() -> Document {
        Document::new("Example", "1.0.0", ServiceInfo { categories: vec!["compute".into()], ..ServiceInfo::default() })
    }

    #[test]
    fn a_published_document_says_what_each_operation_costs() {
        let mut document = document();
        document.add("/v1/things/{id}", "POST", paid("charge")).unwrap();
        document.add("/free", "get", Operation::default()).unwrap();
        let read = parse_object(document.to_json().unwrap().as_bytes()).unwrap();
        let operations = paid_operations(&read);
        let priced = &operations[0];
        assert_eq!((operations.len(), priced.0.as_str(), priced.1.as_str()), (1, "/v1/things/{id}", "post"));
        assert_eq!(priced.2.as_ref().ok(), paid("charge").payment.as_ref());
        let item = &read["paths"]["/v1/things/{id}"];
        assert_eq!(item["parameters"][0]["name"], "id");
        assert!(item["post"]["responses"].get("402").is_some());
        assert!(read["paths"]["/free"]["get"]["responses"].get("402").is_none());
        assert_eq!(read["x-service-info"], json!({"categories": ["compute"]}));
    }

    #[test]
    fn what_registries_would_refuse_is_not_published() {
        let mut document = document();
        assert_eq!(document.to_json(), Err(DiscoveryError::Empty));
        assert!(matches!(document.add("/", "CONNECT", paid("charge")), Err(DiscoveryError::Method(_))));
        assert!(matches!(document.add("x", "get", paid("charge")), Err(DiscoveryError::Path(_))));
        assert!(matches!(document.add("/", "get", paid("subscription")), Err(DiscoveryError::Offer { .. })));
        let summary = Some("x".repeat(LONGEST_DOCUMENT_BYTES));
        document.add("/", "get", Operation { summary, ..Operation::default() }).unwrap();
        assert!(matches!(document.to_json(), Err(DiscoveryError::TooLong { .. })));
    }
}
