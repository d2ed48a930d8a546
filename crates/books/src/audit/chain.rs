use std::fmt::{self, Write as _};
use std::str::FromStr;

use farthing_protocol::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{AuditRecord, Entry, Event, Grounds};
use crate::shelf::Missing;

/// What sets these hashes apart from every other use of SHA-256.
const DOMAIN: &[u8] = b"farthing audit 1\0";

/// The hash of a record, and through it of every record before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RecordHash(pub [u8; 32]);

/// The newest record of a log; sequence 0 before there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub sequence: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Its hash.
    pub hash: RecordHash,
}

/// The end of the log as a batch works on it: the newest record, and those that the batch appends.
#[derive(Debug, Default)]
pub struct Trail {
    /// The newest record; `None` when it is not loaded.
    pub head: Option<Head>,
    appended: Vec<AuditRecord>,
}

impl RecordHash {
    /// The hash of a record's text after the one of this hash.
    pub fn followed_by(self, text: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(self.0);
        hash.update(text.as_bytes());
        Self(hash.finalize().into())
    }
}

impl fmt::Display for RecordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for RecordHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NotAHash);
        }
        for (to, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| NotAHash)?;
            *to = u8::from_str_radix(digits, 16).map_err(|_| NotAHash)?;
        }
        Ok(Self(hash))
    }
}

/// Not the hash of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is not the hash of a record: 64 digits of 0-9 and a-f, as `farthing audit head` prints it")]
pub struct NotAHash;

impl Head {
    /// Before the first record.
    pub const EMPTY: Self = Self { sequence: 0, at: Timestamp::from_unix_millis(0), hash: RecordHash([0; 32]) };
}

impl Trail {
    /// The newest record.
    pub(crate) fn head(&self) -> Result<Head, Missing> {
        self.head.ok_or(Missing("the newest record of the log"))
    }

    /// What the batch appended.
    pub fn appended(&self) -> &[AuditRecord] {
        &self.appended
    }

    /// After a commit: nothing is to be appended any more. The end of the log stays known only where nobody
    /// else writes.
    pub(crate) fn settle(&mut self) {
        self.appended.clear();
    }

    /// Appends a record with what the books know of the event, and what was decided.
    pub(crate) fn append<T: Serialize>(
        &mut self,
        (event, wallet, at): (Event, &str, Timestamp),
        books: Option<T>,
        decided: Option<&Grounds>,
    ) -> Result<(), Missing> {
        let head = self.head()?;
        let sequence = head.sequence.saturating_add(1);
        let at = at.max(head.at);
        let text = text(sequence, (event, wallet, at), books, decided);
        let hash = head.hash.followed_by(&text);
        self.head = Some(Head { sequence, at, hash });
        self.appended.push(AuditRecord { sequence, wallet: wallet.to_owned(), at, text, hash });
        Ok(())
    }

    /// An owner who signs a policy says by it what time it is, so that a clock that was once ahead can be set right.
    pub(crate) fn owner_says_it_is(&mut self, now: Timestamp) -> Result<(), Missing> {
        let head = self.head()?;
        self.head = Some(Head { at: head.at.min(now), ..head });
        Ok(())
    }

    /// Appends what changes nothing else.
    pub(crate) fn note(&mut self, entry: &Entry) -> Result<(), Missing> {
        self.append((entry.event, &entry.wallet, entry.at), None::<()>, entry.decided.as_ref())
    }
}

/// The text of a record: its fields in the order of their names, as RFC 8785 has it, and no space.
fn text<T: Serialize>(
    sequence: u64,
    (event, wallet, at): (Event, &str, Timestamp),
    books: Option<T>,
    decided: Option<&Grounds>,
) -> Box<str> {
    let mut text = String::with_capacity(1_024);
    text.push_str("{\"at\":\"");
    at.write_rfc3339(&mut text);
    text.push('"');
    if let Some(books) = books.and_then(|books| serde_json::to_string(&books).ok()) {
        text.push_str(",\"books\":");
        text.push_str(&books);
    }
    if let Some(decided) = decided {
        text.push_str(",\"decided\":");
        text.push_str(decided.as_str());
    }
    let (event, wallet) = (event.as_str(), serde_json::Value::from(wallet));
    // Writing to a text does not fail.
    let _ = write!(text, ",\"event\":\"{event}\",\"sequence\":{sequence},\"wallet\":{wallet}}}");
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::json::canonical;

    fn entry(decided: &str) -> Entry {
        let at = Timestamp::from_unix_millis(1_800_000_000_000);
        let decided = serde_json::from_str::<serde_json::Value>(decided).unwrap();
        Entry { event: Event::Denied, wallet: "a\"g".into(), decided: Grounds::of(&decided), at }
    }

    #[test]
    fn a_record_is_canonical_and_its_hash_follows_the_one_before() {
        let mut trail = Trail { head: Some(Head::EMPTY), ..Trail::default() };
        for decided in [r#"{"rule":"max","a":1}"#, r#"{"é\n\u001f":"\"\\/"}"#, "7"] {
            trail.note(&entry(decided)).unwrap();
        }
        let mut before = RecordHash::default();
        for (record, sequence) in trail.appended().iter().zip(1..) {
            let value: serde_json::Value = serde_json::from_str(&record.text).unwrap();
            assert_eq!(canonical(&value).unwrap(), *record.text);
            assert_eq!((record.sequence, record.hash), (sequence, before.followed_by(&record.text)));
            before = record.hash;
        }
        assert_eq!(before.to_string().parse(), Ok(before));
        assert_eq!("0x".parse::<RecordHash>(), Err(NotAHash));
    }

    #[test]
    fn the_time_of_the_log_goes_back_for_an_owner_only() {
        let mut trail = Trail { head: Some(Head::EMPTY), ..Trail::default() };
        let earlier = Timestamp::from_unix_millis(1_000);
        trail.note(&entry("{}")).unwrap();
        trail.note(&Entry { at: earlier, ..entry("{}") }).unwrap();
        trail.owner_says_it_is(earlier).unwrap();
        trail.note(&Entry { at: earlier, ..entry("{}") }).unwrap();
        let times: Vec<_> = trail.appended().iter().map(|record| record.at).collect();
        assert_eq!(times, [entry("{}").at, entry("{}").at, earlier]);
    }
}
