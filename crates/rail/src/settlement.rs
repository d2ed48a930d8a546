use std::time::Duration;

use farthing_money::Amount;
use farthing_protocol::{ProblemType, Timestamp};

use crate::ProofKey;

/// What a rail says became of a payment. Three outcomes, not two: whoever asked and got no answer
/// does not know, and must find out before anything else is done with the money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The money moved.
    Settled(Settled),
    /// The money did not move and will not.
    Rejected(Rejected),
    /// The money may have moved. Only [`crate::Settler::lookup`] may be asked from here on.
    Unknown(Unknown),
}

/// The money moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The rail's own name of the movement: what a statement will show.
    pub reference: String,
    /// When.
    pub at: Timestamp,
    /// What the rail kept, in the asset's base units.
    pub fee: Amount,
    /// What went straight from the payer to others, in the asset's base units: the shares of a payment
    /// that is split. The rail's statement will show so much less; a refund has none.
    pub passed_on: Amount,
    /// The movements that were this payment or this refund, fees included, by the keys under which the
    /// rail's statement will show them. Each counts for one payment, ever, whatever proof led to it; empty where the claim's own
    /// proof key already says it all.
    pub consumed: Vec<ProofKey>,
    /// How much was taken, which is less than the claim's amount where a hold was captured. `None` is all.
    pub captured: Option<Amount>,
}

/// Whether a settled payment still stands, for as long as its rail can take it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It can no longer be reversed by the rail.
    Final,
    /// It stands, and must be looked at again after a while.
    Provisional {
        /// When.
        ask_again: Duration,
    },
    /// It stands by another movement than the one it settled by: the chain was reorganised, and the
    /// payer's authorization was used in another transaction. It must be looked at again.
    Moved(Settled),
    /// The rail took it back, and it will not come again.
    Reversed {
        /// What happened, for the operator.
        reason: String,
    },
}

/// The money did not move and will not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The rail's own stated reason, for the operator.
    pub reason: String,
    /// What the client may be told.
    pub refusal: Refusal,
}

/// The money may have moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What is known, for the operator.
    pub reason: String,
    /// When it makes sense to ask again.
    pub ask_again: Duration,
}

/// Why a presented proof is not accepted, in words that are safe to show to whoever presented it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// The problem type it becomes.
    pub problem: ProblemType,
    /// One sentence with the remedy.
    pub detail: String,
    /// What is wrong, for dialects that have a word of their own for it.
    pub fault: Option<Fault>,
}

/// What is wrong with a proof, whatever the words of the protocol that carried it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// It is not in the form of its method.
    Malformed,
    /// It answers another offer than any that is made.
    OfferUnknown,
    /// It is for another chain or network.
    Network,
    /// It moves another asset.
    Asset,
    /// It pays somebody else.
    Recipient,
    /// It is for less or more than asked.
    Amount,
    /// Its time has not come.
    NotYetValid,
    /// Its time is over, or too short to settle in.
    Expired,
    /// It stays valid for longer than asked.
    TooLongLived,
    /// The signature is not the payer's.
    Signature,
    /// The token's signing domain is not the one signed for.
    Domain,
    /// It was used or cancelled.
    Used,
    /// The payer has too little.
    Balance,
    /// The payer has not allowed the transfer contract to move the asset.
    Allowance,
    /// Another account may submit it than the one that would.
    Submitter,
    /// The contract that must carry it is not on the chain.
    ContractMissing,
    /// It calls for code of the payer's own to be run.
    ForeignCode,
    /// The rail would not take it, for a reason of its own.
    Unmovable,
}

impl Fault {
    /// Whether another time could have made it good.
    pub const fn is_of_time(self) -> bool {
        matches!(self, Self::NotYetValid | Self::Expired | Self::TooLongLived)
    }
}

impl Refusal {
    /// A refusal of this type.
    pub fn new(problem: ProblemType, detail: impl Into<String>) -> Self {
        Self { problem, detail: detail.into(), fault: None }
    }

    /// The same, with what is wrong.
    #[must_use]
    pub fn because(self, fault: Fault) -> Self {
        Self { fault: Some(fault), ..self }
    }
}

/// What a rail says of money that was not moved yet and could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It could be moved now. No promise: the payer may still use it otherwise, unless the rail holds it.
    Held,
    /// It cannot be moved.
    Rejected(Rejected),
    /// The rail could not say.
    Unknown(Unknown),
}
