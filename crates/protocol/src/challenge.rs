//! What a server asks for (core, section 5.1).

use crate::{Binder, BodyDigest, EncodedObject, IntentName, MethodName, Realm, Timestamp};

/// The opaque, single-use name of a challenge; 43 base64url characters when we issue it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChallengeId(Box<str>);

impl ChallengeId {
    /// From the wire; refuses an empty or over-long (256 bytes) id.
    pub fn read(text: &str) -> Result<Self, ChallengeError> {
        let _ = text;
        todo!()
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a credential must be sent when not in `Authorization` (draft-02, `header`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CredentialField {
    /// `Authorization`.
    #[default]
    Authorization,
    /// `Payment-Authorization`.
    PaymentAuthorization,
}

/// One challenge, exactly as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge;

/// Why a challenge could not be built or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeError {
    /// See the text.
    #[error("{0}")]
    Invalid(String),
}

impl Challenge {
    /// The id.
    pub fn id(&self) -> &ChallengeId {
        todo!()
    }
    /// The realm.
    pub fn realm(&self) -> &Realm {
        todo!()
    }
    /// The payment method.
    pub fn method(&self) -> &MethodName {
        todo!()
    }
    /// The intent.
    pub fn intent(&self) -> &IntentName {
        todo!()
    }
    /// The request, in wire form.
    pub fn request(&self) -> &EncodedObject {
        todo!()
    }
    /// When it ends.
    pub fn expires(&self) -> Option<Timestamp> {
        todo!()
    }
    /// The body it was issued for.
    pub fn digest(&self) -> Option<&BodyDigest> {
        todo!()
    }
    /// What the server wants back, in wire form.
    pub fn opaque(&self) -> Option<&EncodedObject> {
        todo!()
    }
    /// Display text.
    pub fn description(&self) -> Option<&str> {
        todo!()
    }
    /// Where the credential goes.
    pub fn field(&self) -> CredentialField {
        todo!()
    }
    /// Reads every Payment challenge out of all `WWW-Authenticate` lines of a response; a broken one is returned as its
    /// reason, other schemes are skipped.
    pub fn parse_all<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Challenge, ChallengeError>> {
        let _ = lines.into_iter().count();
        todo!()
    }
    /// The header value.
    pub fn to_header(&self) -> String {
        todo!()
    }
}

/// Everything in a challenge that is the same for every request to a route, prepared once.
pub struct ChallengeTemplate;

impl ChallengeTemplate {
    /// Prepares a challenge of these terms.
    pub fn new(
        realm: &Realm,
        method: &MethodName,
        intent: &IntentName,
        request: &EncodedObject,
        description: Option<&str>,
    ) -> Result<Self, ChallengeError> {
        let _ = (realm, method, intent, request, description);
        todo!()
    }
    /// Appends the header value of a fresh challenge to `out`. `expires` is the wire text, `opaque` a wire string.
    pub fn issue(
        &self,
        binder: &Binder,
        expires: &str,
        digest: Option<&BodyDigest>,
        opaque: &str,
        out: &mut String,
    ) -> ChallengeId {
        let _ = (binder, expires, digest, opaque, out);
        todo!()
    }
    /// The request in wire form, to compare an echoed one with.
    pub fn request(&self) -> &EncodedObject {
        todo!()
    }
}
