use farthing_protocol::JsonObject;
use serde_json::Value;

use crate::x402::encoding::{object, take_object};
use crate::x402::{Malformed, PaymentPayload, Requirements, Resource, Version};

/// What a facilitator is asked about: a payment, and what the server that it was given to demands. `Debug`
/// shows none of the payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacilitatorRequest {
    /// The payment; its version is that of the request.
    pub payment: PaymentPayload,
    /// What is demanded: this decides, and never what the payment says of itself.
    pub requirements: Requirements,
    /// What is sold, as far as it is said; nothing is decided by it.
    pub resource: Resource,
}

/// Why a body is not a request to a facilitator: answer 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotARequest {
    /// Neither version 1 nor 2, or the payment says another than the request.
    #[error("x402Version must be the number 1 or 2, the same in the request and in its payment")]
    Version,
    /// It is not an object of the two others.
    #[error("the request cannot be read: {0}")]
    Envelope(Malformed),
    /// `paymentPayload`.
    #[error("paymentPayload cannot be read: {0}")]
    Payment(Malformed),
    /// `paymentRequirements`.
    #[error("paymentRequirements cannot be read: {0}")]
    Requirements(Malformed),
}

impl NotARequest {
    /// The code of it, for `invalidReason` and `errorReason`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Version => "invalid_x402_version",
            Self::Envelope(_) | Self::Payment(_) => "invalid_payload",
            Self::Requirements(_) => "invalid_payment_requirements",
        }
    }
}

impl FacilitatorRequest {
    /// Reads the body of `/verify` or `/settle`.
    pub fn from_json(body: &[u8]) -> Result<Self, NotARequest> {
        Self::read(object(body).map_err(NotARequest::Envelope)?)
    }

    fn read(mut request: JsonObject) -> Result<Self, NotARequest> {
        let version = Version::read(request.get("x402Version")).map_err(|_| NotARequest::Version)?;
        let payment = take_object(&mut request, "paymentPayload").map_err(NotARequest::Envelope)?;
        let requirements = take_object(&mut request, "paymentRequirements").map_err(NotARequest::Envelope)?;
        if Version::read(payment.get("x402Version")) != Ok(version) {
            return Err(NotARequest::Version);
        }
        let payment = PaymentPayload::read(payment).map_err(NotARequest::Payment)?;
        let resource = match version {
            Version::V1 => Resource::read(&requirements, "resource").ok(),
            Version::V2 => payment.resource.as_ref().and_then(|resource| Resource::read(resource, "url").ok()),
        };
        let requirements = Requirements::read(&requirements, version).map_err(NotARequest::Requirements)?;
        Ok(Self { payment, requirements, resource: resource.unwrap_or_default() })
    }

    /// Whether the payment is for what is demanded, as far as it says so itself.
    pub fn is_answered(&self) -> bool {
        self.payment.answered(std::slice::from_ref(&self.requirements)).is_some()
    }

    /// As an object, in the payment's version. `None` where version 1 has no name for the network. Sensitive.
    pub fn to_object(&self) -> Option<JsonObject> {
        let requirements = match self.payment.version {
            Version::V1 => self.requirements.to_first_version(&self.resource)?,
            Version::V2 => self.requirements.to_object(),
        };
        let mut request = JsonObject::new();
        request.insert("x402Version".into(), self.payment.version.number().into());
        request.insert("paymentPayload".into(), Value::Object(self.payment.to_object()));
        request.insert("paymentRequirements".into(), Value::Object(requirements));
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn accepted() -> Value {
        json!({
            "scheme": "exact", "network": "eip155:8453", "amount": "10000", "asset": "0xa", "payTo": "0xb",
            "maxTimeoutSeconds": 60, "extra": {},
        })
    }

    fn second() -> Value {
        json!({
            "x402Version": 2, "paymentRequirements": accepted(),
            "paymentPayload": {"x402Version": 2, "accepted": accepted(), "payload": {"signature": "0x"}},
        })
    }

    fn first() -> Value {
        json!({
            "x402Version": 1,
            "paymentPayload": {"x402Version": 1, "scheme": "exact", "network": "base", "payload": {"signature": "0x"}},
            "paymentRequirements": {
                "scheme": "exact", "network": "base", "maxAmountRequired": "10000", "asset": "0xa", "payTo": "0xb",
                "maxTimeoutSeconds": 60, "resource": "https://x.example/", "description": "", "mimeType": "",
                "extra": {},
            },
        })
    }

    fn read(request: &Value) -> Result<FacilitatorRequest, NotARequest> {
        FacilitatorRequest::from_json(request.to_string().as_bytes())
    }

    #[test]
    fn a_request_of_either_version_reads_back() {
        for request in [first(), second()] {
            let read = read(&request).unwrap();
            assert!(read.is_answered());
            assert_eq!(Value::Object(read.to_object().unwrap()), request);
        }
    }

    #[test]
    fn c_11_a_payment_for_another_offer_is_told_apart() {
        for (member, value) in [
            ("scheme", json!("upto")),
            ("network", json!("eip155:1")),
            ("amount", json!("9999")),
            ("asset", json!("0xc")),
            ("payTo", json!("0xc")),
            ("maxTimeoutSeconds", json!(61)),
        ] {
            let mut request = second();
            request["paymentPayload"]["accepted"][member] = value;
            assert!(!read(&request).unwrap().is_answered(), "{member}");
        }
        let mut request = second();
        request["paymentRequirements"]["extra"]["name"] = "USDC".into();
        assert!(!read(&request).unwrap().is_answered());
        for (member, value) in [("scheme", "upto"), ("network", "polygon")] {
            let mut request = first();
            request["paymentPayload"][member] = value.into();
            assert!(!read(&request).unwrap().is_answered(), "{member}");
        }
    }

    #[test]
    fn c_14_a_number_has_one_spelling() {
        let long = "9".repeat(400);
        let too_large = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        let texts = ["0x2710", "010000", " 10000", "+10000", "1e4", "10000.0", "-1", "", too_large, &long];
        for amount in texts.map(Value::from).into_iter().chain([json!(10_000), json!(null), json!(1e4)]) {
            let mut request = second();
            request["paymentRequirements"]["amount"] = amount.clone();
            assert_eq!(read(&request).unwrap_err().code(), "invalid_payment_requirements", "{amount}");
            let mut request = second();
            request["paymentPayload"]["accepted"]["amount"] = amount.clone();
            assert_eq!(read(&request).unwrap_err().code(), "invalid_payload", "{amount}");
            let mut request = first();
            request["paymentRequirements"]["maxAmountRequired"] = amount.clone();
            assert_eq!(read(&request).unwrap_err().code(), "invalid_payment_requirements", "{amount}");
        }
    }

    #[test]
    fn c_19_there_is_one_version_and_it_is_one_of_two() {
        for version in [json!(0), json!(3), json!("2"), json!(2.0), json!(null), json!(true), json!(-1)] {
            for place in ["/x402Version", "/paymentPayload/x402Version"] {
                let mut request = second();
                *request.pointer_mut(place).unwrap() = version.clone();
                assert_eq!(read(&request), Err(NotARequest::Version), "{version} in {place}");
            }
        }
        for (outer, inner) in [(1, 2), (2, 1)] {
            let mut request = second();
            request["x402Version"] = outer.into();
            request["paymentPayload"]["x402Version"] = inner.into();
            assert_eq!(read(&request), Err(NotARequest::Version));
        }
        let mut request = second();
        request.as_object_mut().unwrap().remove("x402Version");
        assert_eq!(read(&request), Err(NotARequest::Version));
        let mut request = second();
        request["paymentPayload"].as_object_mut().unwrap().remove("x402Version");
        assert_eq!(read(&request).unwrap_err().code(), "invalid_x402_version");
    }

    #[test]
    fn a_body_of_something_else_is_refused() {
        for body in ["", "[]", "null", "{}", r#"{"x402Version":2}"#, r#"{"x402Version":2,"paymentPayload":[]}"#] {
            assert!(FacilitatorRequest::from_json(body.as_bytes()).is_err(), "{body}");
        }
    }
}
