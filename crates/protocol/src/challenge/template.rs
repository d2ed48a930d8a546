//! Issuing the same challenge again and again, fast.

use std::sync::{Arc, OnceLock};

use hmac::Hmac;
use sha2::Sha256;

use super::{Challenge, ChallengeDraft, ChallengeError, ChallengeId, CredentialField, LONGEST_ISSUED_BYTES, header};
use crate::binding::{self, BindingSecret, BindingSlots, ISSUED_HEADER_SLOT};
use crate::{Binder, BodyDigest, EncodedObject, IntentName, MethodName, Realm};

/// Room left for what changes from challenge to challenge: id, expires, digest, opaque.
const VARYING_BYTES: usize = 512;

/// Everything in a challenge that is the same for every request to a route, prepared once.
#[derive(Debug)]
pub struct ChallengeTemplate {
    terms: ChallengeDraft,
    /// The parameters from `realm` to `description`, as they stand in the header.
    constant_text: String,
    prefix: OnceLock<HashedPrefix>,
}

/// An echoed challenge is not for this route: the member that differs (core, section 5.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the challenge is for another route: its {0} differs")]
pub struct Mismatch(pub &'static str);

/// The hash of the constant slots under one secret.
struct HashedPrefix {
    secret: Arc<BindingSecret>,
    state: Hmac<Sha256>,
}

impl ChallengeTemplate {
    /// Prepares a challenge of these terms. Refuses names and objects that may be read but not
    /// issued, and terms that leave no room within 8 KiB for the rest.
    pub fn new(
        realm: &Realm,
        method: &MethodName,
        intent: &IntentName,
        request: &EncodedObject,
        description: Option<&str>,
    ) -> Result<Self, ChallengeError> {
        let mut terms = ChallengeDraft::new(realm.clone(), method.clone(), intent.clone(), request.clone());
        if let Some(text) = description {
            terms = terms.description(text);
        }
        terms.check_issuable()?;
        if description.is_some_and(|text| !header::is_safe(text)) {
            return Err(ChallengeError::ControlCharacter("description"));
        }
        let mut constant_text = String::new();
        header::write_constant(&terms, &mut constant_text);
        let (length, longest) = (constant_text.len(), LONGEST_ISSUED_BYTES - VARYING_BYTES);
        if length > longest {
            return Err(ChallengeError::TooLong { length, longest });
        }
        Ok(Self { terms, constant_text, prefix: OnceLock::new() })
    }

    /// The same, for credentials that travel in another field.
    pub fn for_field(mut self, field: CredentialField) -> Self {
        self.terms = self.terms.field(field);
        self
    }

    /// Appends the header value of a fresh challenge to `out`. `expires` is the wire text, `opaque` a wire string; either
    /// may be empty and is then left out. Both are the caller's own, written without quotes, `|` or control characters.
    pub fn issue(
        &self,
        binder: &Binder,
        expires: &str,
        digest: Option<&BodyDigest>,
        opaque: &str,
        out: &mut String,
    ) -> ChallengeId {
        let slots = BindingSlots {
            expires,
            opaque,
            digest: digest.map_or("", BodyDigest::as_str),
            header: self.terms.header.as_deref(),
            ..BindingSlots::default()
        };
        let mut state = self.hashed_prefix(binder);
        binding::push_rest(&mut state, &slots, ISSUED_HEADER_SLOT);
        let id = binding::finish(state);

        out.reserve(self.constant_text.len() + VARYING_BYTES);
        out.push_str("Payment id=\"");
        out.push_str(id.as_str());
        out.push('"');
        out.push_str(&self.constant_text);
        header::write_varying(&slots, out);
        id
    }

    /// The request in wire form, to compare an echoed one with.
    pub fn request(&self) -> &EncodedObject {
        &self.terms.request
    }

    /// The payment method.
    pub fn method(&self) -> &MethodName {
        &self.terms.method
    }

    /// The intent.
    pub fn intent(&self) -> &IntentName {
        &self.terms.intent
    }

    /// Compares every member that this route fixes with an echo. The binder proves that the echo
    /// was issued here; this proves that it was issued for this offer.
    pub fn check_echo(&self, echoed: &Challenge) -> Result<(), Mismatch> {
        let (ours, theirs) = (self.terms.slots(), echoed.slots());
        let pinned = [
            ("realm", ours.realm == theirs.realm),
            ("method", ours.method == theirs.method),
            ("intent", ours.intent == theirs.intent),
            ("request", ours.request == theirs.request),
            ("header", ours.header == theirs.header),
        ];
        match pinned.into_iter().find(|(_, same)| !same) {
            Some((member, _)) => Err(Mismatch(member)),
            None => Ok(()),
        }
    }

    /// The same offer with another request: one that also says something to a payer who is known.
    pub fn with_request(&self, request: &EncodedObject) -> Result<Self, ChallengeError> {
        let ChallengeDraft { realm, method, intent, description, header, .. } = &self.terms;
        let mut other = Self::new(realm, method, intent, request, description.as_deref())?;
        other.terms.header.clone_from(header);
        Ok(other)
    }

    /// Compares as [`Self::check_echo`] does, but for one member of `methodDetails`: a hint that a server adds to its
    /// own request for one payer. The binder proves that the server itself wrote it.
    pub fn check_echo_but_hint(&self, echoed: &Challenge, hint: &str) -> Result<(), Mismatch> {
        let Err(mismatch) = self.check_echo(echoed) else { return Ok(()) };
        if mismatch != Mismatch("request") || echoed.slots().header != self.terms.slots().header {
            return Err(mismatch);
        }
        let is_same = without(echoed.request(), hint).is_some_and(|request| request == self.terms.request);
        if is_same { Ok(()) } else { Err(mismatch) }
    }

    fn hashed_prefix(&self, binder: &Binder) -> Hmac<Sha256> {
        let hash = |secret: &BindingSecret| {
            let slots = self.terms.slots();
            secret.prefix(slots.realm, slots.method, slots.intent, slots.request)
        };
        let secret = binder.current();
        let prepared = self.prefix.get_or_init(|| HashedPrefix { secret: Arc::clone(secret), state: hash(secret) });
        // A template outlives a rotation of secrets; the first secret's prefix is then of no use.
        if Arc::ptr_eq(&prepared.secret, secret) { prepared.state.clone() } else { hash(secret) }
    }
}

/// A request without a member of its `methodDetails`.
fn without(request: &EncodedObject, hint: &str) -> Option<EncodedObject> {
    let mut object = request.decode().ok()?;
    let details = object.get_mut("methodDetails")?.as_object_mut()?;
    details.remove(hint)?;
    if details.is_empty() {
        object.remove("methodDetails");
    }
    EncodedObject::encode(&object).ok()
}

impl std::fmt::Debug for HashedPrefix {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HashedPrefix(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JsonObject, Timestamp};

    fn binder(byte: u8) -> Binder {
        Binder::new(BindingSecret::new(&[byte; 32]).unwrap(), None)
    }

    fn template(description: Option<&str>) -> Result<ChallengeTemplate, ChallengeError> {
        ChallengeTemplate::new(
            &Realm::new("api.example.com").unwrap(),
            &MethodName::new("tempo").unwrap(),
            &IntentName::new("charge").unwrap(),
            &EncodedObject::encode(&JsonObject::new()).unwrap(),
            description,
        )
    }

    fn issued(template: &ChallengeTemplate, binder: &Binder, digest: Option<&BodyDigest>) -> (ChallengeId, Challenge) {
        let mut out = String::new();
        let id = template.issue(binder, "2099-01-01T00:00:00Z", digest, "e30", &mut out);
        let mut read = Challenge::parse_all([out.as_bytes()]);
        (id, read.remove(0).unwrap())
    }

    #[test]
    fn an_issued_challenge_is_what_the_draft_would_have_bound() {
        let digest = BodyDigest::of(b"body");
        let template = template(Some("a \"quoted\" café")).unwrap().for_field(CredentialField::PaymentAuthorization);
        for secret in [1, 2] {
            let (id, read) = issued(&template, &binder(secret), Some(&digest));
            assert_eq!(read.id(), &id);
            assert_eq!(read.id().as_str().len(), 43);
            assert_eq!(binder(secret).verify(&read), Ok(()));
            let drafted = template
                .terms
                .clone()
                .expires(Timestamp::parse("2099-01-01T00:00:00Z").unwrap())
                .digest(digest.clone())
                .opaque(EncodedObject::from_wire("e30").unwrap())
                .bind(&binder(secret))
                .unwrap();
            assert_eq!(read, drafted);
            assert_eq!(template.check_echo(&read), Ok(()));
        }
    }

    #[test]
    fn the_first_secrets_prefix_is_not_used_for_the_second() {
        let template = template(None).unwrap();
        let (old, new) = (binder(1), binder(2));
        let (first, _) = issued(&template, &old, None);
        let (second, challenge) = issued(&template, &new, None);
        assert_ne!(first, second);
        assert_eq!(new.verify(&challenge), Ok(()));
    }

    #[test]
    fn an_echo_for_another_route_names_what_differs() {
        let (_, echoed) = issued(&template(None).unwrap(), &binder(1), None);
        let request = EncodedObject::from_wire("eyJhIjoxfQ").unwrap();
        let other = ChallengeTemplate::new(echoed.realm(), echoed.method(), echoed.intent(), &request, None).unwrap();
        assert_eq!(other.check_echo(&echoed), Err(Mismatch("request")));
        let elsewhere = template(None).unwrap().for_field(CredentialField::PaymentAuthorization);
        assert_eq!(elsewhere.check_echo(&echoed), Err(Mismatch("header")));
    }

    #[test]
    fn a_hint_for_one_payer_is_no_other_offer() {
        let encoded =
            |json: &str| EncodedObject::encode(serde_json::from_str::<JsonObject>(json).as_ref().unwrap()).unwrap();
        let plain = template(None).unwrap().with_request(&encoded(r#"{"amount":"1"}"#)).unwrap();
        for (json, same) in [
            (r#"{"amount":"1","methodDetails":{"hint":{"x":1}}}"#, true),
            (r#"{"amount":"1","methodDetails":{"hint":1,"y":2}}"#, false),
            (r#"{"amount":"2","methodDetails":{"hint":1}}"#, false),
            (r#"{"amount":"1","methodDetails":{}}"#, false),
        ] {
            let (_, echoed) = issued(&plain.with_request(&encoded(json)).unwrap(), &binder(1), None);
            assert_eq!(plain.check_echo_but_hint(&echoed, "hint").is_ok(), same, "{json}");
            assert!(plain.check_echo(&echoed).is_err(), "{json}");
        }
        let (_, echoed) = issued(&plain, &binder(1), None);
        assert_eq!(plain.check_echo_but_hint(&echoed, "hint"), Ok(()));
    }

    #[test]
    fn terms_that_may_not_be_issued_are_refused_once_and_early() {
        assert!(matches!(template(Some("two\r\nlines")), Err(ChallengeError::ControlCharacter(_))));
        assert!(matches!(template(Some(&"x".repeat(9000))), Err(ChallengeError::TooLong { .. })));
        let read = |method: &str, request: &str| {
            ChallengeTemplate::new(
                &Realm::new("r").unwrap(),
                &MethodName::read(method).unwrap(),
                &IntentName::new("charge").unwrap(),
                &EncodedObject::from_wire(request).unwrap(),
                None,
            )
        };
        assert!(matches!(read("te-mpo", "e30"), Err(ChallengeError::Name(_))));
        assert!(matches!(read("tempo", "e30="), Err(ChallengeError::NotCanonical("request"))));
    }
}
