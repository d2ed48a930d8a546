//! Offers and payments made to order.

use farthing_protocol::challenge::ChallengeDraft;
use farthing_protocol::{
    Challenge, ChallengeId, ChargeRequest, Credential, EncodedObject, IntentName, JsonObject, MethodName, Realm,
};
use farthing_rail::{Method, Presented, Proof, Refusal};
use serde_json::{Value, json};

use super::METHOD;
use crate::evm::testing::{REALM, now, order};

/// What a method asks for [`order`], in its own words.
pub(crate) fn request(method: &dyn Method) -> ChargeRequest {
    ChargeRequest::from_object(&method.request(&order()).unwrap()).unwrap()
}

/// The same with one member of `methodDetails` changed.
pub(crate) fn with_detail(request: &ChargeRequest, name: &str, value: impl Into<Value>) -> ChargeRequest {
    let mut changed = request.clone();
    changed.method_details.insert(name.into(), value.into());
    changed
}

/// A challenge as a dialect makes it: under an id of 32 bytes of its own.
pub(crate) fn challenge(scheme: &str, request: &ChargeRequest, id: [u8; 32]) -> Challenge {
    let request = EncodedObject::encode(&request.to_object()).unwrap();
    let (method, intent) = (MethodName::read(METHOD).unwrap(), IntentName::read(scheme).unwrap());
    let draft = ChallengeDraft::new(Realm::new(REALM).unwrap(), method, intent, request);
    draft.with_id(ChallengeId::read(&farthing_protocol::base64url::encode(id)).unwrap()).unwrap()
}

/// What a method says to a payload that answers an offer.
pub(crate) fn verify(method: &dyn Method, request: &ChargeRequest, payload: &Value) -> Result<Proof, Refusal> {
    let challenge = challenge(method.terms().intent.as_str(), request, [7; 32]);
    let credential = Credential::new(challenge, payload.as_object().unwrap().clone(), None);
    method.verify(&Presented { credential: &credential, request, now: now() })
}

/// The members of an authorization, its signature beside it.
pub(crate) fn payload(members: JsonObject) -> Value {
    let mut members = members;
    let signature = members.remove("signature").unwrap();
    members.remove("type");
    json!({ "signature": signature, "authorization": members })
}
