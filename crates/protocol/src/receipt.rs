//! What a server hands out for a success (core, section 5.3).

use crate::{ChallengeId, JsonObject, MethodName, Timestamp};

/// A receipt; `status` is always `success`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The payment method.
    pub method: MethodName,
    /// The rail's or the ledger's reference.
    pub reference: String,
    /// When the payment was settled.
    pub timestamp: Timestamp,
    /// The challenge it answers.
    pub challenge_id: Option<ChallengeId>,
    /// The seller's own reference.
    pub external_id: Option<String>,
    /// Members this software does not know, kept.
    pub extra: JsonObject,
}

/// Why a text is not a receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidReceipt(pub String);

impl Receipt {
    /// The `Payment-Receipt` value. Sensitive.
    pub fn to_header(&self) -> String {
        todo!()
    }
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, InvalidReceipt> {
        let _ = text;
        todo!()
    }
}
