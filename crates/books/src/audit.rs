//! The log of a wallet's decisions: append-only, one record after the other, each with a hash over itself and
//! the hash of the one before.
//!
//! A record is canonical JSON (RFC 8785). What the books know of it (`books`) they write themselves, in the same
//! commit as the change; what was decided and on which grounds (`decided`) is handed in by the caller as
//! canonical JSON and kept as it is. From the log alone the counters and every decision can be made again.

mod chain;
pub(crate) mod facts;
mod policy;
mod verify;

use farthing_protocol::Timestamp;
use farthing_protocol::json::canonical;
use serde::Serialize;

pub use chain::{Head, RecordHash, Trail};
pub use facts::{Facts, ReadError};
pub(crate) use policy::adopt;
pub use policy::{Adopted, NewPolicy, PolicyVersion, policy_hash};
pub use verify::{LogVerification, LogVerifier, MakeAgain};

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A payment was allowed and reserved: `books` holds the reservation.
    Allowed,
    /// A payment was refused: by a rule, or because a counter has no room (`books` then says which).
    Denied,
    /// A person has to approve a payment.
    Asked,
    /// A person answered.
    Answered,
    /// A reserved payment happened.
    Confirmed,
    /// A reserved payment is proven not to have happened.
    Released,
    /// Something was stopped: a wallet, a card, everything.
    Frozen,
    /// It may go on.
    Thawed,
    /// Something was ended for ever: a card.
    Revoked,
    /// An owner's policy took effect.
    Policy,
}

/// Something that the log is told by itself, because it changes nothing else in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What happened.
    pub event: Event,
    /// The wallet it is about; empty for all of them.
    pub wallet: String,
    /// What was decided on which grounds.
    pub decided: Option<Grounds>,
    /// Now.
    pub at: Timestamp,
}

/// What was decided on which grounds, for the log: canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grounds(Box<str>);

/// One record of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its number, from 1, without gaps.
    pub sequence: u64,
    /// The wallet it is about; empty for all of them.
    pub wallet: String,
    /// When it was written, never before the record before it, except where an owner's policy sets the time.
    pub at: Timestamp,
    /// The record itself: canonical JSON, which repeats the fields above.
    pub text: Box<str>,
    /// Over the hash of the record before it and `text`.
    pub hash: RecordHash,
}

impl AuditRecord {
    /// The record as it was written, with its hash as one member more.
    pub fn with_hash(&self) -> String {
        let text = self.text.strip_suffix('}').unwrap_or(&self.text);
        format!("{text},\"hash\":\"{}\"}}", self.hash)
    }
}

impl Grounds {
    /// The canonical text of a value; `None` for one that JSON has no form for.
    pub fn of(value: &impl Serialize) -> Option<Self> {
        let value = serde_json::to_value(value).ok()?;
        canonical(&value).ok().map(|text| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 10] = [
        Self::Allowed,
        Self::Denied,
        Self::Asked,
        Self::Answered,
        Self::Confirmed,
        Self::Released,
        Self::Frozen,
        Self::Thawed,
        Self::Revoked,
        Self::Policy,
    ];

    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Asked => "asked",
            Self::Answered => "answered",
            Self::Confirmed => "confirmed",
            Self::Released => "released",
            Self::Frozen => "frozen",
            Self::Thawed => "thawed",
            Self::Revoked => "revoked",
            Self::Policy => "policy",
        }
    }

    /// The event of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }
}
