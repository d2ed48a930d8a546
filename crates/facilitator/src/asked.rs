use farthing_dialects::x402::{Answers, Malformed, PaymentPayload, Requirements, Version};
use farthing_protocol::JsonObject;
use farthing_protocol::json::parse_object;
use serde_json::Value;

use crate::refused::Refused;

/// No honest request is nested deeper.
const DEEPEST: usize = 32;

/// What a seller sends: a payment, and what it asks for. The two are of one version and speak of one offer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) payment: PaymentPayload,
    pub(crate) requirements: Requirements,
    /// The most that the payment may be for: what the payer was offered. More than what is asked for only
    /// where a part of it may be taken.
    pub(crate) most: Requirements,
}

impl Asked {
    /// Reads a body strictly.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refused> {
        let object = parse_object(body).map_err(|error| malformed(&Malformed::Json(error.to_string())))?;
        if object.values().any(|value| is_deeper(value, DEEPEST - 1)) {
            let reason = format!("it is nested more than {DEEPEST} levels deep");
            return Err(malformed(&Malformed::Json(reason)));
        }
        let version = version_of(&object)?;
        let payment = PaymentPayload::read(member(&object, "paymentPayload")?).map_err(|error| malformed(&error))?;
        if payment.version != version {
            return Err(malformed(&Malformed::Version));
        }
        let requirements = Requirements::read(member(&object, "paymentRequirements")?, version);
        let requirements = requirements.map_err(|error| malformed(&error))?;
        let most = offered(&payment, &requirements)?;
        Ok(Self { payment, requirements, most })
    }
}

/// The offer that the payment answers, if what is asked for is that offer, or less of it.
fn offered(payment: &PaymentPayload, asked: &Requirements) -> Result<Requirements, Refused> {
    let differs = |what: &str| {
        let message = format!("paymentRequirements and the payment's {what} differ; send the offer that was accepted");
        Refused::requirements("invalid_payment_requirements", message)
    };
    match &payment.answers {
        Answers::Offer(accepted) => {
            let whole = Requirements { amount: accepted.amount, ..asked.clone() };
            if whole.is_accepted_as(accepted) { Ok(whole) } else { Err(differs("accepted offer")) }
        }
        Answers::Scheme { scheme, .. } if *scheme != asked.scheme => Err(differs("scheme")),
        Answers::Scheme { network, .. } if *network != asked.network => Err(differs("network")),
        Answers::Scheme { .. } => Ok(asked.clone()),
    }
}

fn version_of(object: &JsonObject) -> Result<Version, Refused> {
    match object.get("x402Version").and_then(Value::as_u64) {
        Some(1) => Ok(Version::V1),
        Some(2) => Ok(Version::V2),
        _ => Err(malformed(&Malformed::Version)),
    }
}

fn member<'a>(object: &'a JsonObject, name: &'static str) -> Result<&'a JsonObject, Refused> {
    let member = object.get(name).and_then(Value::as_object);
    member.ok_or_else(|| malformed(&Malformed::Member { member: name, rule: "an object" }))
}

fn malformed(error: &Malformed) -> Refused {
    Refused::malformed(error)
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else { return value.is_object() || value.is_array() };
    match value {
        Value::Object(members) => members.values().any(|member| is_deeper(member, below)),
        Value::Array(items) => items.iter().any(|item| is_deeper(item, below)),
        _ => false,
    }
}
