use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farthing_protocol::JsonObject;

use crate::PayerKey;

/// The proof in a credential: whose balance, and that key's signature.
pub(crate) struct Payload {
    pub(crate) payer: PayerKey,
    /// The payer's one spelling.
    pub(crate) did: String,
    pub(crate) signature: [u8; 64],
}

/// Why a payload is not of this method, in words for whoever wrote the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPayload {
    #[error(
        "the payload has no text member \"{0}\"; a balance payload is {{\"payer\": did:key, \"signature\": base64url}}"
    )]
    Missing(&'static str),
    #[error("the payload's \"payer\" is not the did:key of an Ed25519 key")]
    Payer,
    #[error("the payload's \"signature\" is not the base64url, without padding, of 64 bytes")]
    Signature,
}

impl Payload {
    /// Reads a payload; members it does not know are ignored (core, section 9.2.1).
    pub(crate) fn read(object: &JsonObject) -> Result<Self, InvalidPayload> {
        let text = |name| object.get(name).and_then(|value| value.as_str()).ok_or(InvalidPayload::Missing(name));
        let did = text("payer")?;
        let payer = did.parse().map_err(|_| InvalidPayload::Payer)?;
        let signature = URL_SAFE_NO_PAD.decode(text("signature")?).map_err(|_| InvalidPayload::Signature)?;
        Ok(Self { payer, did: did.to_owned(), signature: signature.try_into().map_err(|_| InvalidPayload::Signature)? })
    }

    pub(crate) fn to_object(&self) -> JsonObject {
        let mut object = JsonObject::new();
        object.insert("payer".into(), self.did.clone().into());
        object.insert("signature".into(), URL_SAFE_NO_PAD.encode(self.signature).into());
        object
    }
}
