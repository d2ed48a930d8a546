use std::fmt;

use farthing_protocol::JsonObject;
use serde_json::Value;

use super::encoding::{decode, encode, object, take_object, take_optional_object, text};
use super::{Malformed, Network, Requirements, Version};

/// What a client pays with: `PaymentPayload`. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentPayload {
    /// In which version.
    pub version: Version,
    /// The offer that it answers. Version 1 names only scheme and network.
    pub answers: Answers,
    /// The scheme's own payload.
    pub payload: JsonObject,
    /// The resource that the client believes to pay for, as it was told.
    pub resource: Option<JsonObject>,
    /// What the server said, echoed, and what the client adds.
    pub extensions: JsonObject,
}

/// Which offer a payment answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answers {
    /// The whole offer, copied: version 2.
    Offer(Accepted),
    /// Version 1.
    Scheme {
        /// `exact`.
        scheme: String,
        /// Where.
        network: Network,
    },
}

/// An offer as a client copies it: what it says, and every member as the server wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    offer: Requirements,
    told: JsonObject,
}

impl Accepted {
    /// Reads an offer of version 2, keeping members that are not known.
    pub fn read(told: JsonObject) -> Result<Self, Malformed> {
        Ok(Self { offer: Requirements::read(&told, Version::V2)?, told })
    }

    /// What it says.
    pub fn offer(&self) -> &Requirements {
        &self.offer
    }
}

impl From<Requirements> for Accepted {
    fn from(offer: Requirements) -> Self {
        Self { told: offer.to_object(), offer }
    }
}

impl PaymentPayload {
    /// The scheme that it pays by.
    pub fn scheme(&self) -> &str {
        match &self.answers {
            Answers::Offer(accepted) => &accepted.offer.scheme,
            Answers::Scheme { scheme, .. } => scheme,
        }
    }

    /// The network that it pays on.
    pub fn network(&self) -> &Network {
        match &self.answers {
            Answers::Offer(accepted) => &accepted.offer.network,
            Answers::Scheme { network, .. } => network,
        }
    }

    /// Reads the value of `PAYMENT-SIGNATURE` or `X-PAYMENT`.
    pub fn from_header(value: &[u8]) -> Result<Self, Malformed> {
        Self::read(decode(value)?)
    }

    /// Reads JSON.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::read(object(bytes)?)
    }

    /// Reads an object that was read strictly.
    pub(super) fn read(mut payment: JsonObject) -> Result<Self, Malformed> {
        let version = Version::read(payment.get("x402Version"))?;
        let answers = match version {
            Version::V2 => Answers::Offer(Accepted::read(take_object(&mut payment, "accepted")?)?),
            Version::V1 => {
                let network = Network::read(text(&payment, "network")?);
                let network = network.ok_or(Malformed::member("network", "a network's name such as base"))?;
                Answers::Scheme { scheme: text(&payment, "scheme")?.to_owned(), network }
            }
        };
        let resource = take_optional_object(&mut payment, "resource")?;
        Ok(Self {
            version,
            answers,
            payload: take_object(&mut payment, "payload")?,
            resource: Some(resource).filter(|resource| !resource.is_empty()),
            extensions: take_optional_object(&mut payment, "extensions")?,
        })
    }

    /// As a header value. Sensitive.
    pub fn to_header(&self) -> String {
        encode(&self.to_object())
    }

    /// As an object. Sensitive.
    pub fn to_object(&self) -> JsonObject {
        let mut payment = JsonObject::new();
        payment.insert("x402Version".into(), self.version.number().into());
        match &self.answers {
            Answers::Offer(accepted) => {
                payment.insert("accepted".into(), Value::Object(accepted.told.clone()));
            }
            Answers::Scheme { scheme, network } => {
                payment.insert("scheme".into(), scheme.as_str().into());
                payment.insert("network".into(), network.name().unwrap_or(network.as_str()).into());
            }
        }
        payment.insert("payload".into(), Value::Object(self.payload.clone()));
        if let Some(resource) = &self.resource {
            payment.insert("resource".into(), Value::Object(resource.clone()));
        }
        if !self.extensions.is_empty() {
            payment.insert("extensions".into(), Value::Object(self.extensions.clone()));
        }
        payment
    }
}

impl fmt::Debug for PaymentPayload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PaymentPayload").field("version", &self.version).finish_non_exhaustive()
    }
}
