//! What a server asks for (core, section 5.1).

mod auth_params;
mod draft;
mod header;
mod template;

pub use draft::ChallengeDraft;
pub use template::{ChallengeTemplate, Mismatch};

use crate::binding::BindingSlots;
use crate::digest::InvalidDigest;
use crate::json::JsonError;
use crate::names::InvalidName;
use crate::time::NotATimestamp;
use crate::{BodyDigest, EncodedObject, IntentName, MethodName, Realm, Timestamp};

/// The longest challenge we issue, as a header value; larger ones trip over header limits on the
/// way (core, section 9.4).
pub const LONGEST_ISSUED_BYTES: usize = 8 * 1024;

const LONGEST_ID_BYTES: usize = 256;

/// The opaque, single-use name of a challenge; 43 base64url characters when we issue it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChallengeId(Box<str>);

impl ChallengeId {
    /// From the wire; refuses an empty or over-long (256 bytes) id and anything but printable ASCII.
    pub fn read(text: &str) -> Result<Self, ChallengeError> {
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if text.is_empty() || text.len() > LONGEST_ID_BYTES || !printable {
            return Err(ChallengeError::Id);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_binding(encoded_hash: String) -> Self {
        Self(encoded_hash.into())
    }
}

impl std::fmt::Display for ChallengeId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
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

impl CredentialField {
    /// The header's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorization => "Authorization",
            Self::PaymentAuthorization => "Payment-Authorization",
        }
    }

    /// Reads the value of a `header` member; `Authorization` is the same as none.
    fn read(text: &str) -> Result<Self, ChallengeError> {
        [Self::Authorization, Self::PaymentAuthorization]
            .into_iter()
            .find(|field| text.eq_ignore_ascii_case(field.name()))
            .ok_or(ChallengeError::Field)
    }
}

/// One challenge, exactly as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    id: ChallengeId,
    terms: ChallengeDraft,
}

/// Why a challenge could not be built or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeError {
    /// The line does not follow the grammar of `WWW-Authenticate`.
    #[error("the challenge is not a list of name=\"value\" parameters: {0}")]
    Grammar(&'static str),
    /// A parameter stands twice.
    #[error("the challenge names the parameter \"{0}\" twice")]
    Repeated(String),
    /// A parameter that every challenge has is not there.
    #[error("the challenge has no \"{0}\"")]
    Missing(&'static str),
    /// The id is empty, too long, or not printable ASCII.
    #[error("the challenge's id must be 1 to 256 printable ASCII characters")]
    Id,
    /// Realm, method or intent.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// `request` or `opaque`.
    #[error("the challenge's {parameter} cannot be used: {reason}")]
    Object {
        /// Which.
        parameter: &'static str,
        /// Why.
        reason: JsonError,
    },
    /// `request` or `opaque` is not in the one form that binds it; encode the object instead.
    #[error("the challenge's {0} is not canonical JSON; encode the object instead of passing text on")]
    NotCanonical(&'static str),
    /// `expires`.
    #[error("the challenge's expires cannot be used: {0}")]
    Expires(#[from] NotATimestamp),
    /// `digest`.
    #[error("the challenge's digest cannot be used: {0}")]
    Digest(#[from] InvalidDigest),
    /// `header` names a field that no credential may travel in.
    #[error("the challenge wants its credential in a field other than Authorization or Payment-Authorization")]
    Field,
    /// Display text that would break out of its header line.
    #[error("the challenge's {0} holds a control character; write it on one line")]
    ControlCharacter(&'static str),
    /// More than intermediaries let through.
    #[error("the challenge has {length} bytes; at most {longest} reach the client")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        longest: usize,
    },
}

impl Challenge {
    /// The id.
    pub fn id(&self) -> &ChallengeId {
        &self.id
    }

    /// The realm.
    pub fn realm(&self) -> &Realm {
        &self.terms.realm
    }

    /// The payment method.
    pub fn method(&self) -> &MethodName {
        &self.terms.method
    }

    /// The intent.
    pub fn intent(&self) -> &IntentName {
        &self.terms.intent
    }

    /// The request, in wire form.
    pub fn request(&self) -> &EncodedObject {
        &self.terms.request
    }

    /// When it ends.
    pub fn expires(&self) -> Option<Timestamp> {
        self.terms.expires.as_ref().map(|expiry| expiry.at)
    }

    /// When it ends, as written.
    pub fn expires_text(&self) -> Option<&str> {
        self.terms.expires.as_ref().map(|expiry| &*expiry.wire)
    }

    /// Whether it is over at this instant. The instant of expiry itself is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires().is_some_and(|expires| expires <= now)
    }

    /// The body it was issued for.
    pub fn digest(&self) -> Option<&BodyDigest> {
        self.terms.digest.as_ref()
    }

    /// What the server wants back, in wire form.
    pub fn opaque(&self) -> Option<&EncodedObject> {
        self.terms.opaque.as_ref()
    }

    /// Display text. No decision may depend on it.
    pub fn description(&self) -> Option<&str> {
        self.terms.description.as_deref()
    }

    /// Where the credential goes.
    pub fn field(&self) -> CredentialField {
        match self.terms.header {
            None => CredentialField::Authorization,
            Some(_) => CredentialField::PaymentAuthorization,
        }
    }

    /// The `header` member exactly as written, when there is one.
    pub fn field_text(&self) -> Option<&str> {
        self.terms.header.as_deref()
    }

    /// The same terms under another id.
    pub fn with_id(self, id: ChallengeId) -> Self {
        Self { id, ..self }
    }

    /// Whether this echo has the id and every bound member of `original`. The description is left
    /// out: it binds nothing, and published samples drop it.
    pub fn echoes(&self, original: &Self) -> bool {
        let of_terms = |challenge: &Self| ChallengeDraft { description: None, ..challenge.terms.clone() };
        self.id == original.id && of_terms(self) == of_terms(original)
    }

    /// Reads every Payment challenge out of all `WWW-Authenticate` lines of a response; a broken one is returned as its
    /// reason, other schemes are skipped. `request` and `opaque` of a challenge returned here decode.
    pub fn parse_all<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<Challenge, ChallengeError>> {
        lines.into_iter().flat_map(header::parse_line).collect()
    }

    /// The header value.
    pub fn to_header(&self) -> String {
        let mut out = String::with_capacity(512);
        header::write(self, &mut out);
        out
    }

    /// The terms, to change and bind again.
    pub fn terms(&self) -> &ChallengeDraft {
        &self.terms
    }

    pub(crate) fn slots(&self) -> BindingSlots<'_> {
        self.terms.slots()
    }
}
