//! Payments that wait for a person: what is asked, what was answered, and that an answer is used once.
//!
//! An approval is for [`Facts`], all of them decoded from what would be signed and from the request itself.
//! The same facts may be paid once at no higher cost; any other fact is another question.

pub(crate) mod command;
pub(crate) mod step;

use std::fmt;
use std::str::FromStr;

use farthing_money::{Amount, Asset, Price};
use farthing_protocol::Timestamp;
use sha2::{Digest, Sha256};

use crate::budget::ReservationId;

pub use command::{Answer, ApprovalCommand, ApprovalOutcome, Question};

/// The name of an approval: random, chosen by who asks, short enough to be typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApprovalId(pub [u8; 8]);

/// What would be paid for what. Nothing here is text that a seller wrote for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The wallet that pays.
    pub wallet: String,
    /// SHA-256 over the method, the URL and the body of the request that is paid for.
    pub request: [u8; 32],
    /// What is bought, for the owner: `GET /v1/x`, without the query.
    pub bought: String,
    /// Who asks for the money.
    pub origin: String,
    /// Who gets it, where the payment method names one.
    pub payee: Option<String>,
    /// The payment method and intent: `tempo/charge`.
    pub method: String,
    /// Of what, with the chain that it is on.
    pub asset: Asset,
    /// How much of it, without fees.
    pub amount: Amount,
    /// What it costs at most, fees included, in the owner's currency.
    pub cost: Price,
}

/// What the [`Facts`] are known by: all of them but the cost, which the bound of an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactsDigest(pub [u8; 32]);

/// Where an approval stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApprovalState {
    /// Nobody answered yet.
    Pending,
    /// It may be paid, once, before the deadline.
    Allowed,
    /// It may not; the same facts are not asked about again before the deadline.
    Denied,
    /// The deadline passed before it was answered, or before it was paid.
    Expired,
    /// It was paid.
    Used,
}

/// An approval as the books hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// Its name.
    pub id: ApprovalId,
    /// What it is for.
    pub facts: Facts,
    /// The level and the rule of the policy that ask: `agent`, `new-payee`.
    pub level: String,
    /// See `level`.
    pub rule: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// Where it stands. A pending or allowed one past its deadline has expired, whatever is written here:
    /// see [`ApprovalRecord::state_at`].
    pub state: ApprovalState,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// It can be answered and used until before this instant.
    pub deadline: Timestamp,
    /// The answer.
    pub answer: Option<Answer>,
    /// The reservation that used it.
    pub used_by: Option<ReservationId>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What a reservation uses an approval for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalUse {
    /// Which.
    pub id: ApprovalId,
    /// What is about to be paid.
    pub facts: FactsDigest,
}

impl Facts {
    /// What they are known by. Every field stands with its length, so that no two sets of facts read alike.
    pub fn digest(&self) -> FactsDigest {
        let payee = self.payee.as_deref();
        let (asset, amount) = (self.asset.to_string(), self.amount.to_string());
        let fields: [&[u8]; 9] = [
            b"farthing approval 1",
            self.wallet.as_bytes(),
            &self.request,
            self.bought.as_bytes(),
            self.origin.as_bytes(),
            payee.map_or(b"-", |_| b"+"),
            payee.unwrap_or_default().as_bytes(),
            self.method.as_bytes(),
            asset.as_bytes(),
        ];
        let mut hasher = Sha256::new();
        for field in fields.into_iter().chain([amount.as_bytes()]) {
            hasher.update((field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        FactsDigest(hasher.finalize().into())
    }

    /// Whether an answer to these facts is one to the others: all the same, at no higher cost.
    pub fn cover(&self, other: &Self) -> bool {
        self.digest() == other.digest() && self.pay_for(other.cost)
    }

    /// Whether a cost is within the one that was asked about.
    pub(crate) fn pay_for(&self, cost: Price) -> bool {
        cost.currency() == self.cost.currency() && cost.millionths() <= self.cost.millionths()
    }
}

impl ApprovalRecord {
    /// Where it stands at an instant.
    pub fn state_at(&self, now: Timestamp) -> ApprovalState {
        match self.state {
            ApprovalState::Pending | ApprovalState::Allowed if now >= self.deadline => ApprovalState::Expired,
            state => state,
        }
    }
}

impl ApprovalState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Allowed, Self::Denied, Self::Expired, Self::Used];

    /// The word in the store and in lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Used => "used",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// That a text is not the name of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an approval is named by 16 hexadecimal digits; farthing approvals list shows them")]
pub struct NotAnApproval;

impl FromStr for ApprovalId {
    type Err = NotAnApproval;

    fn from_str(text: &str) -> Result<Self, NotAnApproval> {
        let plain = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| plain);
        number.map(|number| Self(number.to_be_bytes())).ok_or(NotAnApproval)
    }
}

impl fmt::Display for FactsDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}
