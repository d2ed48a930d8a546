use farthing_protocol::JsonObject;
use serde_json::Value;

use super::encoding::{decode, object, optional_text, take_object, take_optional_object};
use super::{Malformed, PaymentRequired, Requirements, Resource, Version};

/// More offers than any honest server makes; the rest is not read. The cheapest is not the first of them.
const MOST_OFFERS: usize = 64;

/// A price list as a client received it: what it says, and every object as the server wrote it, because a
/// client copies back what it was told, members that it does not know included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceList {
    /// In which version.
    pub version: Version,
    /// Why an earlier payment was not taken. Display text.
    pub error: Option<String>,
    /// What is sold, as the server wrote it; empty in version 1, where each entry says it.
    pub resource: JsonObject,
    /// How it may be paid, the server's favourite first.
    pub entries: Vec<Entry>,
    /// How many more entries there were than anybody reads.
    pub unread: usize,
    /// What else is said, by the names of extensions, as the server wrote it.
    pub extensions: JsonObject,
}

/// One entry of a price list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As the server wrote it.
    pub told: JsonObject,
    /// What it says, or why it cannot be read.
    pub offer: Result<Requirements, Malformed>,
    /// What is sold.
    pub resource: Resource,
}

impl PriceList {
    /// Reads the `PAYMENT-REQUIRED` header of version 2.
    pub fn from_header(value: &[u8]) -> Result<Self, Malformed> {
        Self::read(decode(value)?)
    }

    /// Reads the body of a 402, of either version.
    pub fn from_body(body: &[u8]) -> Result<Self, Malformed> {
        Self::read(object(body)?)
    }

    /// Reads an object that was read strictly.
    fn read(mut required: JsonObject) -> Result<Self, Malformed> {
        let version = Version::read(required.get("x402Version"))?;
        let error = optional_text(&required, "error")?;
        let extensions = take_optional_object(&mut required, "extensions")?;
        let resource = match version {
            Version::V1 => JsonObject::new(),
            Version::V2 => take_object(&mut required, "resource")?,
        };
        let sold = match version {
            Version::V1 => None,
            Version::V2 => Some(Resource::read(&resource, "url")?),
        };
        let Some(Value::Array(mut accepts)) = required.remove("accepts") else {
            return Err(Malformed::member("accepts", "a list"));
        };
        let unread = accepts.len().saturating_sub(MOST_OFFERS);
        accepts.truncate(MOST_OFFERS);
        let entries = accepts.into_iter().map(|entry| Entry::read(entry, version, sold.as_ref())).collect();
        Ok(Self { version, error, resource, entries, unread, extensions })
    }
}

impl Entry {
    fn read(entry: Value, version: Version, sold: Option<&Resource>) -> Self {
        let Value::Object(told) = entry else {
            let refused = Err(Malformed::member("accepts", "a list of objects"));
            return Self { told: JsonObject::new(), offer: refused, resource: sold.cloned().unwrap_or_default() };
        };
        let resource = sold.map_or_else(|| Resource::read(&told, "resource"), |sold| Ok(sold.clone()));
        let offer = resource.as_ref().map_err(Clone::clone).and_then(|_| Requirements::read(&told, version));
        Self { offer, resource: resource.unwrap_or_default(), told }
    }
}

/// What it says, without what cannot be read.
impl From<PriceList> for PaymentRequired {
    fn from(list: PriceList) -> Self {
        let sold = list.entries.first().map(|entry| entry.resource.clone());
        Self {
            version: list.version,
            error: list.error,
            resource: sold.or_else(|| Resource::read(&list.resource, "url").ok()).unwrap_or_default(),
            accepts: list.entries.into_iter().filter_map(|entry| entry.offer.ok()).collect(),
            extensions: list.extensions,
        }
    }
}
