use farthing_protocol::JsonObject;
use serde_json::Value;

use super::encoding::{encode, optional_text, text};
use super::{Malformed, PriceList, Requirements, Version};

/// What a 402 says: `PaymentRequired`. A server writes this; a client that answers reads a [`PriceList`].
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
        PriceList::from_header(value).map(Self::from)
    }

    /// Reads the body of a 402, of either version. Entries that cannot be read are left out.
    pub fn from_body(body: &[u8]) -> Result<Self, Malformed> {
        PriceList::from_body(body).map(Self::from)
    }

    /// As the value of `PAYMENT-REQUIRED`.
    pub fn to_header(&self) -> String {
        encode(&self.to_object())
    }

    /// As version 2 writes it.
    pub fn to_object(&self) -> JsonObject {
        let mut required = self.beginning(Version::V2);
        required.insert("resource".into(), Value::Object(self.resource.to_object()));
        let accepts = self.accepts.iter().map(|entry| Value::Object(entry.to_object()));
        required.insert("accepts".into(), Value::Array(accepts.collect()));
        if !self.extensions.is_empty() {
            required.insert("extensions".into(), Value::Object(self.extensions.clone()));
        }
        required
    }

    /// The body that version 1 writes. A payment of version 1 names nothing but scheme and network: of the
    /// offers alike in both the first is made, and networks that have no name there are left out.
    pub fn to_first_version(&self) -> JsonObject {
        let mut required = self.beginning(Version::V1);
        let first = |index: &usize| {
            let entry = self.accepts.get(*index);
            let same = |other: &Requirements| entry.is_some_and(|entry| entry.is_alike_in_first_version(other));
            self.accepts.iter().position(same) == Some(*index)
        };
        let offered = (0..self.accepts.len()).filter(first).filter_map(|index| self.accepts.get(index));
        let entries = offered.filter_map(|entry| entry.to_first_version(&self.resource));
        required.insert("accepts".into(), entries.map(Value::Object).collect::<Vec<_>>().into());
        required
    }

    fn beginning(&self, version: Version) -> JsonObject {
        let mut required = JsonObject::new();
        required.insert("x402Version".into(), version.number().into());
        if let Some(error) = &self.error {
            required.insert("error".into(), error.as_str().into());
        }
        required
    }
}

impl Resource {
    /// Reads what is sold; `url` names the member that holds its URL.
    pub(super) fn read(resource: &JsonObject, url: &'static str) -> Result<Self, Malformed> {
        Ok(Self {
            url: text(resource, url)?.to_owned(),
            description: optional_text(resource, "description")?,
            mime_type: optional_text(resource, "mimeType")?,
        })
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
