//! Orders to fund a balance: who will send how much, under which reference.
//!
//! An order promises nothing. It is what a reference stands for, for as long as there are books: money that comes late,
//! or twice, or more than was ordered, is still its payer's.

mod open;

use std::fmt;
use std::str::FromStr;

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::PayerId;
use sha2::{Digest, Sha256};

pub(crate) use open::{open, touches};

/// So many orders of one payer may be open.
pub const MOST_OPEN: usize = 16;

/// The one name of an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopUpId([u8; 16]);

/// Not the name of an order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order is top_ and 32 hexadecimal digits; got \"{0}\"")]
pub struct NotATopUpId(String);

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopUpState {
    /// What was ordered has not come, or not all of it.
    Open,
    /// It has.
    Paid,
}

/// An order to fund a balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopUp {
    /// Its name: random, or made of the caller's own. Ordering twice under one name is ordering once.
    pub id: TopUpId,
    /// Whose balance.
    pub payer: PayerId,
    /// Over which rail: the NAME of its table.
    pub rail: String,
    /// What the payer's transfer will carry.
    pub reference: String,
    /// The balance.
    pub asset: Asset,
    /// How much, in base units of the balance, if the payer said.
    pub expected: Option<Amount>,
    /// Now.
    pub at: Timestamp,
}

/// An order as the books keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpRecord {
    /// What was ordered.
    pub order: NewTopUp,
    /// Where it stands.
    pub state: TopUpState,
    /// What came, less what was taken back, in base units of the balance.
    pub credited: Amount,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopUpOutcome {
    /// It is new.
    Opened(Box<TopUpRecord>),
    /// It stands, under its name or as an open order of the same payer for the same.
    Stands(Box<TopUpRecord>),
    /// The payer has as many open orders as anybody may.
    TooMany,
    /// The reference is another order's; draw another.
    ReferenceTaken,
}

impl TopUpId {
    /// The name of the order that a payer calls this.
    pub fn of(payer: &PayerId, name: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"farthing/top-up/1\0");
        hasher.update(payer.as_str().as_bytes());
        hasher.update(b"\0");
        hasher.update(name.as_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(hash.split_at(16).0);
        Self(id)
    }

    /// From stored or random bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// For storing.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for TopUpId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "top_{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TopUpId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for TopUpId {
    type Err = NotATopUpId;

    fn from_str(text: &str) -> Result<Self, NotATopUpId> {
        let digits = text.strip_prefix("top_").filter(|digits| digits.len() == 32);
        let plain = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let number = plain.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        number.map(|number| Self(number.to_be_bytes())).ok_or_else(|| NotATopUpId(text.chars().take(64).collect()))
    }
}

impl TopUpState {
    /// The word in the store and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::Paid].into_iter().find(|state| state.as_str() == word)
    }
}

impl TopUpRecord {
    /// After so much more came for it; `None` when it is more than a balance holds.
    pub(crate) fn with_more(&self, amount: Amount, at: Timestamp) -> Option<Self> {
        let credited = self.credited.checked_add(amount)?;
        Some(self.standing_at(credited, at))
    }

    /// After so much of it was taken back; `None` when so much never came.
    pub(crate) fn with_less(&self, amount: Amount, at: Timestamp) -> Option<Self> {
        let credited = self.credited.checked_sub(amount)?;
        Some(self.standing_at(credited, at))
    }

    fn standing_at(&self, credited: Amount, at: Timestamp) -> Self {
        let enough = !credited.is_zero() && self.order.expected.is_none_or(|expected| credited >= expected);
        let state = if enough { TopUpState::Paid } else { TopUpState::Open };
        Self { order: self.order.clone(), state, credited, updated_at: at }
    }
}
