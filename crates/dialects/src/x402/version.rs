use serde_json::Value;

use super::Malformed;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The price list in the body, networks by name.
    V1,
    /// The price list in a header, networks by CAIP-2.
    V2,
}

impl Version {
    /// `x402Version` as it stands in an object.
    pub(super) fn read(value: Option<&Value>) -> Result<Self, Malformed> {
        match value.and_then(Value::as_u64) {
            Some(1) => Ok(Self::V1),
            Some(2) => Ok(Self::V2),
            _ => Err(Malformed::Version),
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u64 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// The request header that carries a payment.
    pub const fn payment_header(self) -> &'static str {
        match self {
            Self::V1 => super::X_PAYMENT,
            Self::V2 => super::PAYMENT_SIGNATURE,
        }
    }

    /// The response header that carries the outcome.
    pub const fn outcome_header(self) -> &'static str {
        match self {
            Self::V1 => super::X_PAYMENT_RESPONSE,
            Self::V2 => super::PAYMENT_RESPONSE,
        }
    }
}
