use farthing_protocol::JsonObject;
use farthing_protocol::json::{JsonError, parse_object};
use serde_json::Value;

use super::{EncryptionKey, NotAKey};

/// More keys than any enabler has at a time.
const MOST: usize = 64;
/// Larger than any honest set, certificate chains included.
const LARGEST: usize = 256 * 1024;

/// A set of keys (RFC 7517, section 5), of which one is meant.
#[derive(Clone, Debug)]
pub struct KeySet(Vec<JsonObject>);

/// Why a set holds no key to encrypt to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAKeySet {
    /// Too much.
    #[error("the key set has more than 256 KiB or 64 keys")]
    Large,
    /// Not an object of JSON.
    #[error("the key set cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// Another form.
    #[error("the key set has no \"keys\", a list of objects")]
    Keys,
    /// The one that is meant is not there.
    #[error("the key set has no key of the \"kid\" that the request names")]
    Absent,
    /// Nobody can say which one is meant.
    #[error("the key set has that \"kid\" more than once")]
    Twice,
    /// See [`NotAKey`].
    #[error(transparent)]
    Key(#[from] NotAKey),
}

impl KeySet {
    /// Reads a set. Keys in it that are not for this method are no fault: they are somebody else's.
    pub fn read(bytes: &[u8]) -> Result<Self, NotAKeySet> {
        if bytes.len() > LARGEST {
            return Err(NotAKeySet::Large);
        }
        let mut object = parse_object(bytes)?;
        let Some(Value::Array(keys)) = object.remove("keys") else { return Err(NotAKeySet::Keys) };
        if keys.len() > MOST {
            return Err(NotAKeySet::Large);
        }
        let object = |key| match key {
            Value::Object(key) => Ok(key),
            _ => Err(NotAKeySet::Keys),
        };
        Ok(Self(keys.into_iter().map(object).collect::<Result<_, _>>()?))
    }

    /// The one key of this name.
    pub fn find(&self, kid: &str) -> Result<EncryptionKey, NotAKeySet> {
        let mut found = self.0.iter().filter(|key| key.get("kid").and_then(Value::as_str) == Some(kid));
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(EncryptionKey::from_object(key)?),
            (Some(_), Some(_)) => Err(NotAKeySet::Twice),
            (None, _) => Err(NotAKeySet::Absent),
        }
    }
}
