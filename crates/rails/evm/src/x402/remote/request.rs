//! A claimed payment as a facilitator takes it. What was kept of it is all that is needed.

use alloy_primitives::Address;
use farthing_dialects::x402::facilitator::FacilitatorRequest;
use farthing_dialects::x402::{Answers, PaymentPayload, Requirements, Resource, Version};
use farthing_money::Amount;
use farthing_protocol::JsonObject;
use serde_json::{Value, json};

use crate::x402::{Permit, Proxy};
use crate::{Payment, Way};

/// The body of `POST /settle`: the offer as it was accepted, and how much of it is demanded. Sensitive.
pub(super) fn body(payment: &Payment, offer: Requirements, asked: Amount, version: Version) -> Option<Value> {
    let payload = payload(payment)?.as_object()?.clone();
    let answers = match version {
        Version::V2 => Answers::Offer(offer.clone().into()),
        Version::V1 => Answers::Scheme { scheme: offer.scheme.clone(), network: offer.network.clone() },
    };
    let payment = PaymentPayload { version, answers, payload, resource: None, extensions: JsonObject::new() };
    let request = FacilitatorRequest {
        payment,
        requirements: Requirements { amount: asked, ..offer },
        resource: Resource::default(),
    };
    request.to_object().map(Value::Object)
}

fn payload(payment: &Payment) -> Option<Value> {
    let text = |address: &Address| address.to_checksum(None);
    match &payment.way {
        Way::Authorization { from, to, value, valid_after, valid_before, nonce, signature, .. } => Some(json!({
            "signature": signature.to_string(),
            "authorization": {
                "from": text(from),
                "to": text(to),
                "value": value.to_string(),
                "validAfter": valid_after.to_string(),
                "validBefore": valid_before.to_string(),
                "nonce": nonce.to_string(),
            },
        })),
        Way::Proxied { proxy, owner, to, permitted, nonce, deadline, valid_after, facilitator, signature, .. } => {
            let permit = Permit {
                from: *owner,
                token: payment.token,
                permitted: *permitted,
                spender: proxy.address(),
                nonce: *nonce,
                deadline: *deadline,
                to: *to,
                facilitator: (*proxy == Proxy::Upto).then_some(*facilitator),
                valid_after: *valid_after,
                signature: signature.clone(),
            };
            Some(Value::Object(permit.to_object()))
        }
        _ => None,
    }
}
