use farthing_protocol::JsonObject;

use crate::Spt;

/// The proof in a credential: a token, and the seller's reference if the request has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The token to charge.
    pub spt: Spt,
    /// What the payer echoes.
    pub external_id: Option<String>,
}

/// Why a payload is not of this method, in words for whoever wrote the client. No token is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPayload {
    /// No token.
    #[error("the payload has no \"spt\"; a stripe payload is {{\"spt\": \"spt_...\"}}, with \"externalId\" if asked")]
    Missing,
    /// Something else in its place.
    #[error("the payload's \"spt\" is not a Shared Payment Token, which begins with spt_")]
    Token,
    /// Not text.
    #[error("the payload's \"externalId\" is not a text; echo that of the request, or leave it out")]
    ExternalId,
}

impl Payload {
    /// Reads a payload; members it does not know are ignored (core, section 9.2.1).
    pub fn read(object: &JsonObject) -> Result<Self, InvalidPayload> {
        let spt = object.get("spt").ok_or(InvalidPayload::Missing)?;
        let spt = spt.as_str().and_then(|text| Spt::parse(text).ok()).ok_or(InvalidPayload::Token)?;
        let external_id = match object.get("externalId") {
            None => None,
            Some(value) => Some(value.as_str().ok_or(InvalidPayload::ExternalId)?.to_owned()),
        };
        Ok(Self { spt, external_id })
    }

    /// As it stands in a credential.
    pub fn to_object(&self) -> JsonObject {
        let mut object = JsonObject::new();
        object.insert("spt".into(), self.spt.reveal().into());
        if let Some(external_id) = &self.external_id {
            object.insert("externalId".into(), external_id.as_str().into());
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(value: &Value) -> Result<Payload, InvalidPayload> {
        Payload::read(value.as_object().unwrap())
    }

    #[test]
    fn a_payload_reads_back_from_its_object() {
        for wire in [json!({ "spt": "spt_1" }), json!({ "spt": "spt_1", "externalId": "order-1" })] {
            assert_eq!(Value::Object(read(&wire).unwrap().to_object()), wire);
        }
        assert!(read(&json!({ "spt": "spt_1", "new": [1] })).is_ok());
    }

    #[test]
    fn a_payload_of_another_form_is_refused_without_repeating_it() {
        for (wire, error) in [
            (json!({}), InvalidPayload::Missing),
            (json!({ "spt": 7 }), InvalidPayload::Token),
            (json!({ "spt": "pm_card_visa" }), InvalidPayload::Token),
            (json!({ "spt": "spt_1", "externalId": null }), InvalidPayload::ExternalId),
        ] {
            assert_eq!(read(&wire), Err(error));
            assert!(!error.to_string().contains("pm_card_visa"));
        }
    }
}
