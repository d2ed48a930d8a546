//! Challenges and credentials as JSON objects.

use serde_json::Value;

use crate::challenge::{Challenge, ChallengeDraft, ChallengeError, ChallengeId};
use crate::credential::CredentialError;
use crate::json::{JsonError, optional_text, required_text};
use crate::{BodyDigest, Credential, EncodedObject, IntentName, JsonObject, MethodName, Realm};

/// The challenge with `request` as an object and everything else as text.
pub fn challenge_to_object(challenge: &Challenge) -> Result<JsonObject, JsonError> {
    let texts = [
        ("id", Some(challenge.id().as_str())),
        ("realm", Some(challenge.realm().as_str())),
        ("method", Some(challenge.method().as_str())),
        ("intent", Some(challenge.intent().as_str())),
        ("expires", challenge.expires_text()),
        ("digest", challenge.digest().map(BodyDigest::as_str)),
        ("opaque", challenge.opaque().map(EncodedObject::as_str)),
        ("description", challenge.description()),
        ("header", challenge.field_text()),
    ];
    let present = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?))));
    let mut object: JsonObject = present.collect();
    object.insert("request".to_owned(), Value::Object(challenge.request().decode()?));
    Ok(object)
}

/// Reads a challenge. The order of members within `request` does not matter; `opaque` may be the
/// wire text or the object it stands for; unknown members are ignored.
pub fn challenge_from_object(object: &JsonObject) -> Result<Challenge, ChallengeError> {
    let required = |name: &'static str| {
        required_text(object, name).map_err(|reason| ChallengeError::Object { parameter: name, reason })
    };
    let optional = |name: &'static str| {
        // A null is how some languages write an absent member.
        if object.get(name).is_some_and(Value::is_null) {
            return Ok(None);
        }
        optional_text(object, name).map_err(|reason| ChallengeError::Object { parameter: name, reason })
    };
    let mut terms = ChallengeDraft::new(
        Realm::read(&required("realm")?)?,
        MethodName::read(&required("method")?)?,
        IntentName::read(&required("intent")?)?,
        encoded(object, "request")?.ok_or(ChallengeError::Missing("request"))?,
    );
    if let Some(text) = optional("expires")? {
        terms = terms.expires_text(&text)?;
    }
    if let Some(text) = optional("digest")? {
        terms = terms.digest(BodyDigest::parse(&text)?);
    }
    let opaque = match object.get("opaque") {
        Some(Value::Object(_)) => encoded(object, "opaque")?,
        _ => optional("opaque")?
            .map(|text| EncodedObject::from_wire(&text))
            .transpose()
            .map_err(|reason| ChallengeError::Object { parameter: "opaque", reason })?,
    };
    if let Some(opaque) = opaque {
        terms = terms.opaque(opaque);
    }
    if let Some(text) = optional("header")? {
        terms = terms.field_text(&text)?;
    }
    if let Some(text) = optional("description")? {
        terms = terms.description(&text);
    }
    terms.with_id(ChallengeId::read(&required("id")?)?)
}

/// What a client sends: the challenge exactly as it came, unknown members included, and the proof.
pub fn credential_to_object(
    challenge_as_received: &JsonObject,
    payload: JsonObject,
    source: Option<&str>,
) -> JsonObject {
    let mut object = JsonObject::new();
    object.insert("challenge".to_owned(), Value::Object(challenge_as_received.clone()));
    object.insert("payload".to_owned(), Value::Object(payload));
    object.extend(source.map(|source| ("source".to_owned(), Value::from(source))));
    object
}

/// Reads a credential; the reason for a refusal quotes no payload.
pub fn credential_from_object(object: &JsonObject) -> Result<Credential, CredentialError> {
    let malformed = |reason: &str| CredentialError::Malformed(reason.to_owned());
    let Some(Value::Object(challenge)) = object.get("challenge") else {
        return Err(malformed("the credential has no challenge object"));
    };
    let Some(Value::Object(payload)) = object.get("payload") else {
        return Err(malformed("the credential has no payload object"));
    };
    let source = match object.get("source") {
        None | Some(Value::Null) => None,
        Some(Value::String(source)) => Some(source.clone()),
        Some(_) => return Err(malformed("the credential's source is not text")),
    };
    let challenge = challenge_from_object(challenge)
        .map_err(|reason| CredentialError::Malformed(format!("the echoed challenge cannot be read: {reason}")))?;
    Ok(Credential::new(challenge, payload.clone(), source))
}

fn encoded(object: &JsonObject, name: &'static str) -> Result<Option<EncodedObject>, ChallengeError> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::Object(inner)) => {
            EncodedObject::encode(inner).map(Some).map_err(|reason| ChallengeError::Object { parameter: name, reason })
        }
        Some(_) => Err(ChallengeError::Object { parameter: name, reason: JsonError::NotAnObject }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Binder, BindingSecret, Timestamp};
    use serde_json::json;

    fn bound(binder: &Binder) -> Challenge {
        let request = json!({"currency": "usd", "amount": "10"}).as_object().unwrap().clone();
        ChallengeDraft::new(
            Realm::new("r").unwrap(),
            MethodName::new("tempo").unwrap(),
            IntentName::new("charge").unwrap(),
            EncodedObject::encode(&request).unwrap(),
        )
        .expires(Timestamp::from_unix_millis(0))
        .description("ten")
        .opaque(EncodedObject::from_wire("eyJhIjoiYiJ9").unwrap())
        .bind(binder)
        .unwrap()
    }

    #[test]
    fn the_binding_survives_the_way_through_an_object() {
        let binder = Binder::new(BindingSecret::new(&[7; 32]).unwrap(), None);
        let challenge = bound(&binder);
        let mut object = challenge_to_object(&challenge).unwrap();
        object.insert("unknown".into(), json!([1]));
        object.insert("digest".into(), Value::Null);
        let sent = credential_to_object(&object, JsonObject::new(), Some("did:key:z"));
        assert_eq!(sent["challenge"], Value::Object(object.clone()));
        let credential = credential_from_object(&sent).unwrap();
        assert_eq!(credential.challenge(), &challenge);
        assert_eq!(binder.verify(credential.challenge()), Ok(()));

        object.insert("opaque".into(), json!({"a": "b"}));
        assert_eq!(binder.verify(&challenge_from_object(&object).unwrap()), Ok(()));
        for (name, value) in [("realm", json!("s")), ("request", json!({"amount": "11", "currency": "usd"}))] {
            let mut changed = object.clone();
            changed.insert(name.into(), value);
            assert!(binder.verify(&challenge_from_object(&changed).unwrap()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_credential_of_another_shape_is_refused() {
        let challenge = challenge_to_object(&bound(&Binder::new(BindingSecret::new(&[7; 32]).unwrap(), None))).unwrap();
        let whole = json!({"challenge": challenge, "payload": {}});
        for (member, value) in
            [("challenge", json!("x")), ("payload", Value::Null), ("payload", json!([])), ("source", json!(1))]
        {
            let mut broken = whole.clone();
            broken[member] = value;
            assert!(credential_from_object(broken.as_object().unwrap()).is_err(), "{member}");
        }
        for member in ["id", "realm", "method", "intent", "request"] {
            let mut broken = whole.clone();
            broken["challenge"].as_object_mut().unwrap().remove(member);
            assert!(credential_from_object(broken.as_object().unwrap()).is_err(), "{member}");
        }
    }
}
