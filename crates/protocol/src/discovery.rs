//! The discovery document: OpenAPI with `x-payment-info` (discovery draft).
//!
//! Discovery helps a client plan. The 402 is what counts: no decision about money may depend on
//! what is read here.

mod document;
mod offer;

pub use document::{DiscoveryError, Document, LONGEST_DOCUMENT_BYTES, Operation, paid_operations};
pub use offer::{Offer, OfferError, PaymentInfo, PlannedAmount};

use serde_json::Value;

use crate::JsonObject;

/// Where the document is served.
pub const PATH: &str = "/openapi.json";

/// What a service says about itself at the root of the document, as `x-service-info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceInfo {
    /// Lower case, hyphenated, short; registries keep five.
    pub categories: Vec<String>,
    /// URI of the reference for programmers.
    pub api_reference: Option<String>,
    /// URI of the home page.
    pub homepage: Option<String>,
    /// URI of the text for language models.
    pub llms: Option<String>,
}

impl ServiceInfo {
    /// Reads the member; what is not as the draft has it is left out.
    pub fn read(value: &Value) -> Self {
        let docs = |name: &str| value.get("docs")?.get(name)?.as_str().map(str::to_owned);
        let listed = value.get("categories").and_then(Value::as_array).into_iter().flatten();
        Self {
            categories: listed.filter_map(Value::as_str).map(str::to_owned).collect(),
            api_reference: docs("apiReference"),
            homepage: docs("homepage"),
            llms: docs("llms"),
        }
    }

    /// The member, with absent parts left out.
    pub fn to_value(&self) -> Value {
        let mut info = JsonObject::new();
        if !self.categories.is_empty() {
            info.insert("categories".to_owned(), Value::from(self.categories.clone()));
        }
        let docs = [("apiReference", &self.api_reference), ("homepage", &self.homepage), ("llms", &self.llms)];
        let docs: JsonObject =
            docs.into_iter().filter_map(|(name, uri)| Some((name.to_owned(), Value::from(uri.clone()?)))).collect();
        if !docs.is_empty() {
            info.insert("docs".to_owned(), Value::Object(docs));
        }
        Value::Object(info)
    }
}
