//! The record of one payment and the steps it may take.

pub(crate) mod claim;
pub(crate) mod entries;
mod renewal;
pub(crate) mod step;
mod top_up;

pub use self::renewal::renewal;

use farthing_money::{Amount, Asset};
use farthing_protocol::{ChallengeId, Timestamp};
use farthing_rail::{Claim, PayerId, PaymentId, Proof, ProofKey, SessionId, Settled};

/// Where a payment stands. `Claimed -> Posted -> Delivered -> Closed` is the good way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaymentState {
    /// Recorded; the rail may have been asked.
    Claimed,
    /// The rail gave no answer; it must be looked up.
    Unknown,
    /// The rail said no. Final.
    Rejected,
    /// Paid and in the ledger; the upstream is being asked.
    Posted,
    /// The upstream said success; the response is on its way.
    Delivered,
    /// The response went out, or the client left. Nothing more happens unless the operator pays it back.
    Closed,
    /// Paid, not delivered: the same credential may be presented again until the deadline.
    Entitled,
    /// Being paid back over a rail that must be asked: past the deadline, or by the operator.
    Refunding,
    /// Paid back. Final.
    Refunded,
    /// The rail took the money back. Final: it is neither delivered nor refunded.
    Reversed,
}

impl PaymentState {
    /// Every state, in the order of the good way first.
    pub const ALL: [Self; 10] = [
        Self::Claimed,
        Self::Unknown,
        Self::Rejected,
        Self::Posted,
        Self::Delivered,
        Self::Closed,
        Self::Entitled,
        Self::Refunding,
        Self::Refunded,
        Self::Reversed,
    ];

    /// Whether a process has it in hand, and goes on with it by itself.
    pub const fn is_in_hand(self) -> bool {
        matches!(self, Self::Claimed | Self::Posted | Self::Delivered)
    }

    /// Whether nothing more happens to it by itself. The operator may still pay a closed payment back.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Closed | Self::Refunded | Self::Reversed)
    }

    /// Whether the payment's money is in the ledger, be it that it left again.
    pub const fn is_paid(self) -> bool {
        !matches!(self, Self::Claimed | Self::Unknown | Self::Rejected)
    }

    /// Whether an idempotency key may be used again, because nothing was bought under it.
    pub const fn frees_its_key(self) -> bool {
        matches!(self, Self::Rejected | Self::Refunded | Self::Reversed)
    }

    /// The word in the store, in statements and in the admin API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Unknown => "unknown",
            Self::Rejected => "rejected",
            Self::Posted => "posted",
            Self::Delivered => "delivered",
            Self::Closed => "closed",
            Self::Entitled => "entitled",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::Reversed => "reversed",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A hash of what makes a retried request the same request: realm, route scope, `Idempotency-Key`.
pub type IdempotencyHash = [u8; 32];

/// A payment about to be claimed.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// [`PaymentId::answering`] the challenge; one that does not is refused.
    pub id: PaymentId,
    /// The challenge it answers.
    pub challenge: ChallengeId,
    /// What the method found.
    pub proof: Proof,
    /// Whether the money is in these books already: then the claim and the ledger entry are one commit.
    pub prepaid: bool,
    /// `balance`.
    pub method: String,
    /// `charge`.
    pub intent: String,
    /// The name of the rail's table in the configuration: of several that are alike it is this one that
    /// is asked about the payment.
    pub rail: String,
    /// The route's name: revenue is booked on it.
    pub route: String,
    /// The request bought, for people: `GET /v1/x`.
    pub request: String,
    /// A hash of realm, route scope and `Idempotency-Key`, when the client sent one.
    pub idempotency: Option<IdempotencyHash>,
    /// The asset of the payer's balance, where the payment tops that up instead of buying something.
    pub tops_up: Option<Asset>,
    /// Now.
    pub at: Timestamp,
}

/// A payment as the books hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields mean what they mean in NewPayment")]
pub struct PaymentRecord {
    pub id: PaymentId,
    pub challenge: ChallengeId,
    pub key: ProofKey,
    pub method: String,
    pub intent: String,
    pub rail: String,
    pub route: String,
    pub request: String,
    pub payer: Option<PayerId>,
    /// What was claimed; once settled, what was taken of it.
    pub amount: Amount,
    pub asset: Asset,
    pub prepaid: bool,
    pub idempotency: Option<IdempotencyHash>,
    pub kept: Vec<u8>,
    pub state: PaymentState,
    /// The rail's reference, once settled; for a balance, the ledger transfer.
    pub reference: Option<String>,
    /// The movements that it and its refund were, by the keys under which the rail's statement shows them.
    pub consumed: Vec<ProofKey>,
    /// When to ask the rail whether the settlement still stands; nothing once it is final.
    pub confirm_at: Option<Timestamp>,
    /// What the rail kept, for the payment and for paying it back.
    pub fee: Amount,
    /// What went straight to others of it.
    pub passed_on: Amount,
    /// The reference of the refund, once it is paid back.
    pub refund: Option<String>,
    /// Why it is rejected, unknown, entitled or reversed, for the operator.
    pub reason: Option<String>,
    /// Until when an entitlement holds, or when an unknown settlement is asked again.
    pub deadline: Option<Timestamp>,
    /// The upstream's status.
    pub status: Option<u16>,
    /// The session that it collects from: then nothing is delivered for it, and it is closed once it is settled.
    pub session: Option<SessionId>,
    /// The asset of the balance that it tops up: then nothing is delivered for it either.
    pub tops_up: Option<Asset>,
    /// What left that balance again, to be paid back or because the rail took the payment back; in base units of
    /// `asset`.
    pub taken_back: Amount,
    pub claimed_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    pub updated_at: Timestamp,
}

impl PaymentRecord {
    /// What the rail is asked with.
    pub fn claim(&self) -> Claim {
        let proof = Proof {
            key: self.key.clone(),
            payer: self.payer.clone(),
            amount: self.amount,
            asset: self.asset.clone(),
            kept: self.kept.clone(),
        };
        Claim { payment: self.id, proof, claimed_at: self.claimed_at }
    }

    /// What the rail said when it settled; `None` before.
    pub fn settled(&self) -> Option<Settled> {
        Some(Settled {
            reference: self.reference.clone()?,
            at: self.settled_at?,
            fee: self.fee,
            passed_on: self.passed_on,
            consumed: self.consumed.clone(),
            captured: Some(self.amount),
        })
    }

    /// Whether something left for this payment that does not come back with a reversal: what was
    /// delivered, or a refund.
    pub fn is_spent(&self) -> bool {
        self.refund.is_some() || self.renews() || self.status.is_some_and(|status| status < 400)
    }
}

/// A response kept to answer a retry under the same `Idempotency-Key`.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The status.
    pub status: u16,
    /// Header names and values, receipt included.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for StoredResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StoredResponse").field("status", &self.status).finish_non_exhaustive()
    }
}
