//! The terms of a challenge before it has an id.

use super::{Challenge, ChallengeError, ChallengeId, CredentialField, header};
use crate::binding::BindingSlots;
use crate::{Binder, BodyDigest, EncodedObject, IntentName, MethodName, Realm, Timestamp};

/// Everything a challenge says but its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeDraft {
    pub(super) realm: Realm,
    pub(super) method: MethodName,
    pub(super) intent: IntentName,
    pub(super) request: EncodedObject,
    pub(super) expires: Option<Expiry>,
    pub(super) digest: Option<BodyDigest>,
    pub(super) opaque: Option<EncodedObject>,
    pub(super) description: Option<Box<str>>,
    /// The text of the `header` member, when it names another field than `Authorization`.
    pub(super) header: Option<Box<str>>,
}

/// An instant and the text that stands for it in the binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expiry {
    pub(super) wire: Box<str>,
    pub(super) at: Timestamp,
}

impl ChallengeDraft {
    /// The four members that every challenge has.
    pub fn new(realm: Realm, method: MethodName, intent: IntentName, request: EncodedObject) -> Self {
        Self {
            realm,
            method,
            intent,
            request,
            expires: None,
            digest: None,
            opaque: None,
            description: None,
            header: None,
        }
    }

    /// When it ends. Challenges without an end are refused by every deployed server.
    pub fn expires(mut self, at: Timestamp) -> Self {
        self.expires = Some(Expiry { wire: at.to_rfc3339().into(), at });
        self
    }

    /// When it ends, in somebody's own words.
    pub fn expires_text(mut self, text: &str) -> Result<Self, ChallengeError> {
        self.expires = Some(Expiry { wire: text.into(), at: Timestamp::parse(text)? });
        Ok(self)
    }

    /// The body it is for.
    pub fn digest(mut self, digest: BodyDigest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// What the server wants back: a flat object of texts.
    pub fn opaque(mut self, opaque: EncodedObject) -> Self {
        self.opaque = Some(opaque);
        self
    }

    /// Display text.
    pub fn description(mut self, text: &str) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Where the credential must be sent.
    pub fn field(mut self, field: CredentialField) -> Self {
        self.header = match field {
            CredentialField::Authorization => None,
            CredentialField::PaymentAuthorization => Some(field.name().into()),
        };
        self
    }

    /// Where the credential must be sent, in somebody's own words: any case of
    /// `Payment-Authorization` is kept as it is, `Authorization` is the same as none.
    pub fn field_text(mut self, text: &str) -> Result<Self, ChallengeError> {
        self.header = match CredentialField::read(text)? {
            CredentialField::Authorization => None,
            CredentialField::PaymentAuthorization => Some(text.into()),
        };
        Ok(self)
    }

    /// Issues it: strict names, canonical objects, safe text, bounded size, an id from the binder.
    pub fn bind(self, binder: &Binder) -> Result<Challenge, ChallengeError> {
        self.check_issuable()?;
        let id = binder.id_of(&self.slots());
        let challenge = self.with_id(id)?;
        let length = challenge.to_header().len();
        let longest = super::LONGEST_ISSUED_BYTES;
        if length > longest { Err(ChallengeError::TooLong { length, longest }) } else { Ok(challenge) }
    }

    /// Gives it somebody else's id. Refuses only text that no header can carry.
    pub fn with_id(self, id: ChallengeId) -> Result<Challenge, ChallengeError> {
        if self.description.as_deref().is_some_and(|text| !header::is_safe(text)) {
            return Err(ChallengeError::ControlCharacter("description"));
        }
        Ok(Challenge { id, terms: self })
    }

    pub(super) fn check_issuable(&self) -> Result<(), ChallengeError> {
        Realm::new(self.realm.as_str())?;
        MethodName::new(self.method.as_str())?;
        IntentName::new(self.intent.as_str())?;
        for (parameter, object) in [("request", Some(&self.request)), ("opaque", self.opaque.as_ref())] {
            if object.is_some_and(|object| !object.is_canonical()) {
                return Err(ChallengeError::NotCanonical(parameter));
            }
        }
        if let Some(opaque) = &self.opaque {
            opaque.decode_text_map().map_err(|reason| ChallengeError::Object { parameter: "opaque", reason })?;
        }
        Ok(())
    }

    pub(super) fn slots(&self) -> BindingSlots<'_> {
        BindingSlots {
            realm: self.realm.as_str(),
            method: self.method.as_str(),
            intent: self.intent.as_str(),
            request: self.request.as_str(),
            expires: self.expires.as_ref().map_or("", |expiry| &expiry.wire),
            digest: self.digest.as_ref().map_or("", BodyDigest::as_str),
            opaque: self.opaque.as_ref().map_or("", EncodedObject::as_str),
            header: self.header.as_deref(),
        }
    }
}
