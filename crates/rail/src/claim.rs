use std::fmt;

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;

use crate::{PayerId, PaymentId};

/// What may be used only once, ever, across payload kinds and protocols: a transaction hash, an
/// authorization nonce, a payment token, a preimage hash; for a balance, the challenge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProofKey(Box<str>);

impl ProofKey {
    /// Takes the rail's key. It begins with the rail's name, so that two rails never collide.
    pub fn new(key: impl Into<Box<str>>) -> Self {
        Self(key.into())
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a method found in a presented credential: everything the books and the rail need from here
/// on, so that the credential itself need not be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// What makes it single-use.
    pub key: ProofKey,
    /// Who pays, when the rail knows.
    pub payer: Option<PayerId>,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
    /// What the rail needs to finish or look up the payment after a crash. Stored, so it must hold
    /// nothing that could be used for another payment.
    pub kept: Vec<u8>,
}

impl fmt::Debug for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Proof")
            .field("payer", &self.payer)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}

/// One payment, claimed durably, on its way to the rail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its name.
    pub payment: PaymentId,
    /// Its proof.
    pub proof: Proof,
    /// When it was claimed.
    pub claimed_at: Timestamp,
}

/// Money to send back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The payment it undoes, wholly or in part.
    pub payment: PaymentId,
    /// The rail's reference of that payment.
    pub reference: String,
    /// Who gets it.
    pub payer: Option<PayerId>,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
}

/// Which way the money of a statement's line went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the seller.
    In,
    /// From the seller to somebody: a refund, or the seller's own money on its way elsewhere.
    Out,
    /// From the seller to the rail, for its services.
    Fee,
}

impl Direction {
    /// The word in the store and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Fee => "fee",
        }
    }

    /// The direction of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::In, Self::Out, Self::Fee].into_iter().find(|direction| direction.as_str() == word)
    }
}

/// One line of a rail's own statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The one name of this movement: equal to a [`crate::Settled::consumed`] key when the books know it.
    pub key: ProofKey,
    /// The rail's reference, as people look it up.
    pub reference: String,
    /// Which way it went.
    pub direction: Direction,
    /// Where it came from or went to, when the rail says.
    pub payer: Option<PayerId>,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
    /// When.
    pub at: Timestamp,
}

/// How far a rail's statement has been read. What it says is the rail's own; it is only handed back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A page of a rail's own statement, in the order in which things happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RailStatement {
    /// What happened. Only what can no longer be taken back.
    pub movements: Vec<Movement>,
    /// Where to go on.
    pub next: Cursor,
    /// Whether there is more to read at once.
    pub more: bool,
}
