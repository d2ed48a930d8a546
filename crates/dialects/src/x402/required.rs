use farthing_protocol::JsonObject;
use serde_json::Value;

use super::encoding::{decode, encode, object, object_of, optional_object, optional_text, text};
use super::{Malformed, Requirements, Version};

/// More offers than any honest server makes; the rest is not read.
const MOST_OFFERS: usize = 32;

/// What a 402 says: `PaymentRequired`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRequired {
    /// In which version.
    pub version: Version,
    /// Why an earlier payment was not taken.
    pub error: Option<String>,
    /// What is sold.
    pub resource: Resource,
    /// How it may be paid, the server's favourite first.
    pub accepts: Vec<Requirements>,
    /// What else is said, by the names of extensions; a client echoes them.
    pub extensions: JsonObject,
}

/// What is sold: `ResourceInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Its URL.
    pub url: String,
    /// Display text.
    pub description: Option<String>,
    /// The media type of the response.
    pub mime_type: Option<String>,
}

impl PaymentRequired {
    /// Reads the `PAYMENT-REQUIRED` header of version 2. Entries that cannot be read are left out.
    pub fn from_header(value: &[u8]) -> Result<Self, Malformed> {
        Self::read(&decode(value)?)
    }

    /// Reads the body of a 402, of either version.
    pub fn from_body(body: &[u8]) -> Result<Self, Malformed> {
        Self::read(&object(body)?)
    }

    fn read(required: &JsonObject) -> Result<Self, Malformed> {
        let version = Version::read(required.get("x402Version"))?;
        let Some(Value::Array(accepts)) = required.get("accepts") else {
            return Err(Malformed::member("accepts", "a list"));
        };
        let entries = accepts.iter().filter_map(Value::as_object).take(MOST_OFFERS);
        let resource = match version {
            Version::V2 => Resource::read(&object_of(required, "resource")?)?,
            Version::V1 => accepts.first().and_then(Value::as_object).map_or_else(
                || Err(Malformed::member("accepts", "a list that is not empty")),
                Resource::of_first_version,
            )?,
        };
        Ok(Self {
            version,
            error: optional_text(required, "error")?,
            resource,
            accepts: entries.filter_map(|entry| Requirements::read(entry, version).ok()).collect(),
            extensions: optional_object(required, "extensions")?,
        })
    }

    /// As the value of `PAYMENT-REQUIRED`.
    pub fn to_header(&self) -> String {
        encode(&self.to_object())
    }

    /// As version 2 writes it.
    pub fn to_object(&self) -> JsonObject {
        let mut required = JsonObject::new();
        required.insert("x402Version".into(), Version::V2.number().into());
        if let Some(error) = &self.error {
            required.insert("error".into(), error.as_str().into());
        }
        required.insert("resource".into(), Value::Object(self.resource.to_object()));
        let accepts = self.accepts.iter().map(|entry| Value::Object(entry.to_object()));
        required.insert("accepts".into(), Value::Array(accepts.collect()));
        if !self.extensions.is_empty() {
            required.insert("extensions".into(), Value::Object(self.extensions.clone()));
        }
        required
    }
}

impl Resource {
    fn read(resource: &JsonObject) -> Result<Self, Malformed> {
        Ok(Self {
            url: text(resource, "url")?.to_owned(),
            description: optional_text(resource, "description")?,
            mime_type: optional_text(resource, "mimeType")?,
        })
    }

    fn of_first_version(entry: &JsonObject) -> Result<Self, Malformed> {
        Ok(Self { url: text(entry, "resource")?.to_owned(), ..Self::default() })
    }

    pub(super) fn to_object(&self) -> JsonObject {
        let members = [
            ("url", Some(&self.url)),
            ("description", self.description.as_ref()),
            ("mimeType", self.mime_type.as_ref()),
        ];
        members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.as_str().into()))).collect()
    }
}
