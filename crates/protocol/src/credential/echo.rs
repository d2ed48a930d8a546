//! The JSON inside a credential, read without building a tree for the echoed challenge.
//!
//! Members are borrowed from the input and judged afterwards, so that a refusal names the member
//! at fault and quotes nothing.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Credential, CredentialError, malformed};
use crate::challenge::{Challenge, ChallengeDraft, ChallengeError, ChallengeId};
use crate::json::{Strict, StrictObject};
use crate::{BodyDigest, EncodedObject, IntentName, JsonObject, MethodName, Realm};

/// Reads the whole credential.
pub(super) fn read(json: &[u8]) -> Result<Credential, CredentialError> {
    // One check of the whole text is faster than one of each string.
    let json = std::str::from_utf8(json).map_err(|_| malformed("the credential is not UTF-8"))?;
    let Members(parts) = serde_json::from_str::<Members<Parts<'_>>>(json)
        .map_err(|_| malformed("the credential is not a JSON object that names each member once"))?;
    let challenge = parts.challenge.ok_or_else(|| malformed("the credential has no challenge object"))?;
    let payload = parts.payload.ok_or_else(|| malformed("the credential has no payload object"))?;
    let source = parts.source.optional("source")?.map(Cow::into_owned);
    Ok(Credential::new(challenge.into_challenge()?, payload, source))
}

/// What a member is, as far as it matters here.
#[derive(Default)]
enum Member<'a> {
    #[default]
    Absent,
    Null,
    Text(Cow<'a, str>),
    Object(JsonObject),
    Other,
}

impl<'a> Member<'a> {
    fn required(self, name: &str) -> Result<Cow<'a, str>, CredentialError> {
        self.optional(name)?.ok_or_else(|| malformed(&format!("the credential has no {name}")))
    }

    /// Takes the value; says whether there was one before.
    fn replace(&mut self, value: Self) -> bool {
        !matches!(std::mem::replace(self, value), Self::Absent)
    }

    fn optional(self, name: &str) -> Result<Option<Cow<'a, str>>, CredentialError> {
        match self {
            Self::Absent | Self::Null => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            Self::Object(_) | Self::Other => Err(malformed(&format!("the credential's {name} is not text"))),
        }
    }
}

/// The members of the credential itself.
#[derive(Default)]
struct Parts<'a> {
    challenge: Option<Echo<'a>>,
    payload: Option<JsonObject>,
    source: Member<'a>,
}

/// The members of the echoed challenge.
#[derive(Default)]
struct Echo<'a> {
    id: Member<'a>,
    realm: Member<'a>,
    method: Member<'a>,
    intent: Member<'a>,
    request: Member<'a>,
    expires: Member<'a>,
    digest: Member<'a>,
    opaque: Member<'a>,
    description: Member<'a>,
    header: Member<'a>,
}

impl Echo<'_> {
    fn into_challenge(self) -> Result<Challenge, CredentialError> {
        let id = ChallengeId::read(&self.id.required("challenge.id")?).map_err(refused)?;
        let mut terms = ChallengeDraft::new(
            Realm::read(&self.realm.required("challenge.realm")?).map_err(refused)?,
            MethodName::read(&self.method.required("challenge.method")?).map_err(refused)?,
            IntentName::read(&self.intent.required("challenge.intent")?).map_err(refused)?,
            wire(&self.request.required("challenge.request")?, "request")?,
        );
        if let Some(text) = self.expires.optional("challenge.expires")? {
            terms = terms.expires_text(&text).map_err(refused)?;
        }
        if let Some(text) = self.digest.optional("challenge.digest")? {
            terms = terms.digest(BodyDigest::parse(&text).map_err(refused)?);
        }
        // Old clients echo the decoded object; the server's own text was its canonical form.
        let opaque = match self.opaque {
            Member::Object(object) => Some(EncodedObject::encode(&object).map_err(refused)?),
            other => other.optional("challenge.opaque")?.map(|text| wire(&text, "opaque")).transpose()?,
        };
        if let Some(opaque) = opaque {
            terms = terms.opaque(opaque);
        }
        if let Some(text) = self.header.optional("challenge.header")? {
            terms = terms.field_text(&text).map_err(refused)?;
        }
        if let Some(text) = self.description.optional("challenge.description")? {
            terms = terms.description(&text);
        }
        terms.with_id(id).map_err(refused)
    }
}

fn wire(text: &str, parameter: &'static str) -> Result<EncodedObject, CredentialError> {
    EncodedObject::from_wire(text).map_err(|reason| ChallengeError::Object { parameter, reason }).map_err(refused)
}

/// The echoed terms are public, so their reasons may be shown.
fn refused(reason: impl fmt::Display) -> CredentialError {
    malformed(&format!("the echoed challenge cannot be read: {reason}"))
}

/// Something that is filled member by member.
trait Fill<'de>: Default {
    /// Reads the value of a member; says whether the name is one it knows.
    fn fill<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<bool, A::Error>;
}

impl<'de> Fill<'de> for Parts<'de> {
    fn fill<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<bool, A::Error> {
        let repeated = match name {
            "challenge" => self.challenge.replace(members.next_value::<Members<Echo<'de>>>()?.0).is_some(),
            "payload" => self.payload.replace(members.next_value::<StrictObject>()?.0).is_some(),
            "source" => self.source.replace(members.next_value()?),
            _ => return Ok(false),
        };
        once(repeated)
    }
}

impl<'de> Fill<'de> for Echo<'de> {
    fn fill<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<bool, A::Error> {
        let member = match name {
            "id" => &mut self.id,
            "realm" => &mut self.realm,
            "method" => &mut self.method,
            "intent" => &mut self.intent,
            "request" => &mut self.request,
            "expires" => &mut self.expires,
            "digest" => &mut self.digest,
            "opaque" => &mut self.opaque,
            "description" => &mut self.description,
            "header" => &mut self.header,
            _ => return Ok(false),
        };
        once(member.replace(members.next_value()?))
    }
}

fn once<E: Error>(repeated: bool) -> Result<bool, E> {
    if repeated { Err(E::custom("the same member twice")) } else { Ok(true) }
}

/// Reads an object into something that is filled member by member.
struct Members<T>(T);

impl<'de, T: Fill<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor(PhantomData)).map(Self)
    }
}

struct MembersVisitor<T>(PhantomData<T>);

impl<'de, T: Fill<'de>> Visitor<'de> for MembersVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<T, A::Error> {
        let mut filled = T::default();
        let mut unknown: Vec<Cow<'de, str>> = Vec::new();
        while let Some(Name(name)) = members.next_key()? {
            if !filled.fill(&name, &mut members)? {
                members.next_value::<Strict>()?;
                unknown.push(name);
            }
        }
        unknown.sort_unstable();
        let repeated = unknown.iter().zip(unknown.iter().skip(1)).any(|(name, next)| name == next);
        once(repeated).map(|_| filled)
    }
}

/// A member's name, borrowed where it holds no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Member::deserialize(deserializer)? {
            Member::Text(text) => Ok(Self(text)),
            _ => Err(D::Error::custom("a name is text")),
        }
    }
}

impl<'de> Deserialize<'de> for Member<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Member::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<Strict>()?.is_some() {}
        Ok(Member::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        let object = StrictObject::deserialize(serde::de::value::MapAccessDeserializer::new(members))?;
        Ok(Member::Object(object.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn credential() -> Value {
        json!({
            "challenge": {"id": "a", "realm": "r", "method": "tempo", "intent": "charge", "request": "e30"},
            "payload": {"proof": "hidden"},
        })
    }

    fn with(path: &str, value: Value) -> Result<Credential, CredentialError> {
        let mut changed = credential();
        let (parent, name) = path.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[name] = value;
        read(changed.to_string().as_bytes())
    }

    #[test]
    fn what_is_missing_or_of_another_shape_is_named_and_nothing_is_quoted() {
        assert!(read(credential().to_string().as_bytes()).is_ok());
        for name in ["id", "realm", "method", "intent", "request"] {
            for value in [Value::Null, json!(7), json!(["x"]), json!({})] {
                let reason = with(&format!("/challenge/{name}"), value).unwrap_err().to_string();
                assert!(reason.contains(&format!("challenge.{name}")), "{reason}");
            }
        }
        for value in [Value::Null, json!("hidden"), json!(["hidden"]), json!(1)] {
            let reason = with("/payload", value).unwrap_err().to_string();
            assert!(!reason.contains("hidden"), "{reason}");
        }
        assert!(with("/source", json!(1)).is_err());
        assert!(with("/challenge/method", json!("Tempo")).is_err());
        assert!(with("/challenge/header", json!("Cookie")).is_err());
        for text in ["[]", "", "{}", "null", "{\"challenge\":{}}"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn null_is_absence_for_optional_members_only() {
        for name in ["expires", "digest", "opaque", "description", "header"] {
            assert!(with(&format!("/challenge/{name}"), Value::Null).is_ok(), "{name}");
            assert!(with(&format!("/challenge/{name}"), json!(7)).is_err(), "{name}");
        }
        assert_eq!(with("/source", Value::Null).unwrap().source(), None);
    }

    #[test]
    fn unknown_members_are_ignored_and_repeated_ones_are_not() {
        assert!(with("/x", json!({"deep": [1]})).is_ok());
        assert!(with("/challenge/x", json!(1.5)).is_ok());
        let text = credential().to_string();
        for (from, to) in [
            (r#""id":"a""#, r#""id":"a","id":"a""#),
            (r#""id":"a""#, r#""id":"a","x":1,"x":1"#),
            (r#""id":"a""#, r#""id":"a","expires":null,"expires":null"#),
            (r#""proof":"hidden""#, r#""proof":"hidden","proof":"hidden""#),
            (r#""proof":"hidden""#, r#""proof":{"a":1,"a":1}"#),
        ] {
            assert!(read(text.replace(from, to).as_bytes()).is_err(), "{to}");
        }
    }

    #[test]
    fn an_opaque_object_is_taken_for_its_canonical_text() {
        let object = with("/challenge/opaque", json!({"b": "2", "a": "1"})).unwrap();
        let text = with("/challenge/opaque", json!("eyJhIjoiMSIsImIiOiIyIn0")).unwrap();
        assert_eq!(object, text);
    }
}
