//! The `charge` intent: the request fields every method shares (charge intent, section 5.1).

use crate::json::{JsonError, JsonObject};
use farthing_money::Amount;

/// What a charge asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeRequest {
    /// Base units of `currency`.
    pub amount: Amount,
    /// ISO 4217 in lower case, a token address, or what the method defines (`usd.6`).
    pub currency: String,
    /// Who is paid, where the method names one.
    pub recipient: Option<String>,
    /// Display text.
    pub description: Option<String>,
    /// The seller's own reference.
    pub external_id: Option<String>,
    /// The method's own fields.
    pub method_details: JsonObject,
}

impl ChargeRequest {
    /// Reads the shared fields strictly; unknown members are ignored.
    pub fn from_object(object: &JsonObject) -> Result<Self, JsonError> {
        let _ = object;
        todo!()
    }
    /// As a JSON object with absent members left out.
    pub fn to_object(&self) -> JsonObject {
        todo!()
    }
}
