use farthing_protocol::{JsonObject, Realm};
use serde_json::Value;
use url::Url;

use super::encryption::is_name;
use super::{EncryptionKey, NotAKey};

/// Where the key is that a token is encrypted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In the request itself.
    Embedded(EncryptionKey),
    /// In a set on the seller's own server.
    Set {
        /// Where the set is: https, and of the realm's own origin.
        uri: Url,
        /// Which key of it.
        kid: String,
    },
}

/// Why a request names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAKeySource {
    /// None or both.
    #[error("the request's methodDetails have exactly one of \"encryptionJwk\" and \"jwksUri\" with \"kid\"")]
    NotOne,
    /// An embedded key has a name of its own.
    #[error("the request's methodDetails have a \"kid\" beside \"encryptionJwk\", which has its own")]
    TwoNames,
    /// A set without a name.
    #[error("the request's methodDetails have no \"kid\" for the key of the set at \"jwksUri\"")]
    NoName,
    /// A key of another form.
    #[error("the request's encryptionJwk is not an object")]
    NotAnObject,
    /// Not a place to fetch keys from.
    #[error("the request's jwksUri is not an https URL without user, password and fragment")]
    Place,
    /// Somebody else's place.
    #[error("the request's jwksUri is not of the realm's own origin; a seller shows its keys itself")]
    Elsewhere,
    /// See [`NotAKey`].
    #[error(transparent)]
    Key(#[from] NotAKey),
}

impl KeySource {
    /// Reads it out of the details of a request.
    pub fn read(details: &JsonObject) -> Result<Self, NotAKeySource> {
        let kid = details.get("kid");
        match (details.get("encryptionJwk"), details.get("jwksUri")) {
            (Some(_), None) if kid.is_some() => Err(NotAKeySource::TwoNames),
            (Some(Value::Object(key)), None) => Ok(Self::Embedded(EncryptionKey::from_object(key)?)),
            (Some(_), None) => Err(NotAKeySource::NotAnObject),
            (None, Some(uri)) => {
                let kid = kid.and_then(Value::as_str).filter(|kid| is_name(kid)).ok_or(NotAKeySource::NoName)?;
                Self::at(uri.as_str().unwrap_or_default(), kid)
            }
            _ => Err(NotAKeySource::NotOne),
        }
    }

    /// A key of the set that is there.
    pub fn at(uri: &str, kid: &str) -> Result<Self, NotAKeySource> {
        let uri = uri.parse::<Url>().ok().filter(|uri| {
            let is_bare = uri.username().is_empty() && uri.password().is_none() && uri.fragment().is_none();
            uri.scheme() == "https" && uri.has_host() && is_bare
        });
        Ok(Self::Set { uri: uri.ok_or(NotAKeySource::Place)?, kid: kid.to_owned() })
    }

    /// Whether it is the seller's own: a set elsewhere is a third party that says whom a token is for. A realm is
    /// a host with perhaps a port, or an origin.
    pub fn belongs_to(&self, realm: &Realm) -> Result<(), NotAKeySource> {
        let Self::Set { uri, .. } = self else { return Ok(()) };
        let realm = realm.as_str();
        let origin = if realm.contains("://") { realm.to_owned() } else { format!("https://{realm}") };
        match origin.parse::<Url>() {
            Ok(origin) if origin.origin() == uri.origin() => Ok(()),
            _ => Err(NotAKeySource::Elsewhere),
        }
    }

    /// What the key is called.
    pub fn kid(&self) -> &str {
        match self {
            Self::Embedded(key) => key.kid(),
            Self::Set { kid, .. } => kid,
        }
    }

    /// Writes it into the details of a request.
    pub(crate) fn put(&self, details: &mut JsonObject) {
        match self {
            Self::Embedded(key) => {
                details.insert("encryptionJwk".into(), key.to_object().into());
            }
            Self::Set { uri, kid } => {
                details.insert("jwksUri".into(), uri.as_str().into());
                details.insert("kid".into(), kid.as_str().into());
            }
        }
    }
}
