use farthing_protocol::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Event, RecordHash};
use crate::shelf::{Missing, Shelf};

/// A policy that is about to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPolicy {
    /// The level it is for: `agent`, `group/research`, `agent/card/4f2a`.
    pub level: String,
    /// Its version, which only rises, when its owner signed it as that: whoever hands it in has verified so. `None`
    /// only keeps the text, under the next number.
    pub version: Option<u64>,
    /// Its text, kept as long as the log is.
    pub text: Box<str>,
    /// Now.
    pub at: Timestamp,
}

/// The newest policy of a level that the books have seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Its version.
    pub version: u64,
    /// The hash of its text, by which the log names it.
    pub hash: [u8; 32],
    /// The text.
    pub text: Box<str>,
    /// When it was first seen.
    pub at: Timestamp,
}

/// What became of a policy that was shown to the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// It is the newest of its level.
    Newest,
    /// A newer one was seen before, or another text of the same version: this one is not to be followed.
    Older {
        /// The newest version.
        newest: u64,
    },
}

/// The hash by which the log names a policy's text.
pub fn policy_hash(text: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"farthing policy 1\0");
    hash.update(text.as_bytes());
    hash.finalize().into()
}

#[derive(Serialize)]
struct Shown<'a> {
    hash: String,
    level: &'a str,
    version: u64,
}

/// Takes a policy as the newest of its level, if it is; what is newest already changes nothing.
pub(crate) fn adopt(shelf: &mut Shelf, new: &NewPolicy) -> Result<Adopted, Missing> {
    let hash = policy_hash(&new.text);
    let newest = shelf.policies.get(&new.level)?.map(|known| (known.version, known.hash));
    let version = match (newest, new.version) {
        (Some((_, known)), None) if known == hash => return Ok(Adopted::Newest),
        (Some((known, same)), Some(version)) if known == version && same == hash => return Ok(Adopted::Newest),
        (Some((newest, _)), Some(version)) if version <= newest => return Ok(Adopted::Older { newest }),
        (_, Some(version)) => version,
        (newest, None) => newest.map_or(1, |(version, _)| version.saturating_add(1)),
    };
    if new.version.is_some() {
        shelf.audit.owner_says_it_is(new.at)?;
    }
    let shown = Shown { hash: RecordHash(hash).to_string(), level: &new.level, version };
    let wallet = new.level.split('/').next().unwrap_or_default();
    shelf.audit.append((Event::Policy, wallet, new.at), Some(shown), None)?;
    let version = PolicyVersion { version, hash, text: new.text.clone(), at: new.at };
    shelf.policies.put(new.level.clone(), version);
    Ok(Adopted::Newest)
}
