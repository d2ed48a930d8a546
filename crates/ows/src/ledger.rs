use alloy_primitives::U256;
use farthing_protocol::Timestamp;

use crate::{Asset, Denial};

/// Where it is written down what was decided, and how much was signed for: durable, and shared by every
/// process that signs.
pub trait Ledger {
    /// Begins a decision about this key (`None`: the owner), and holds off every other decision about it
    /// until this one is recorded or dropped.
    fn begin(&self, api_key_id: Option<&str>) -> Result<Box<dyn Deciding + '_>, LedgerError>;
}

/// A decision under way.
pub trait Deciding {
    /// How much of an asset this key signed for from an instant on. At least the last 31 days are known.
    fn spent(&self, asset: &Asset, since: Timestamp) -> Result<U256, LedgerError>;

    /// Writes the decision down, with what it spends; durable when this returns. Nothing is signed before.
    fn record(self: Box<Self>, record: &Record) -> Result<(), LedgerError>;
}

/// One decision, allowed or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// The operation, in the standard's words: `sign_transaction` and so on.
    pub operation: &'static str,
    /// The wallet, when it was found.
    pub wallet_id: Option<String>,
    /// The key; `None` for the owner, and for a token of no key.
    pub api_key_id: Option<String>,
    /// The chain, as it was asked for.
    pub chain: String,
    /// SHA-256 of what was presented.
    pub sha256: [u8; 32],
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Signed, unless the key fails: what counts from now on, in base units.
    Allowed(Vec<(Asset, U256)>),
    /// Not signed.
    Denied(Denial),
}

/// Nothing could be read or written down.
#[derive(Debug, thiserror::Error)]
#[error("what was spent and decided cannot be kept: {0}")]
pub struct LedgerError(pub String);
