use std::fmt;

use farthing_money::Amount;
use farthing_protocol::Timestamp;

use super::SessionMethod;
use crate::{Answer, PayerId, Proof, ProofKey, RailError, Rejected, SessionId, Settler, Unknown};

/// A deposit that was claimed durably, on its way into the escrow.
#[derive(Clone, PartialEq, Eq)]
pub struct DepositClaim {
    /// The session it is for.
    pub session: SessionId,
    /// Whose money it is.
    pub payer: PayerId,
    /// How much is put in.
    pub amount: Amount,
    /// What makes it single-use.
    pub key: ProofKey,
    /// What the method kept of the deposit, and of the session.
    pub deposit_kept: Vec<u8>,
    /// See [`super::Opening::session_kept`].
    pub session_kept: Vec<u8>,
    /// When it was claimed.
    pub claimed_at: Timestamp,
}

impl fmt::Debug for DepositClaim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, amount, .. } = self;
        formatter.debug_struct("DepositClaim").field("session", session).field("amount", amount).finish_non_exhaustive()
    }
}

/// What became of a deposit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deposited {
    /// It is in; the session stands so now.
    Held(ChannelStanding),
    /// It is not in and never will be.
    Rejected(Rejected),
    /// It may be in. Only [`Escrow::lookup_deposit`] may be asked from here on.
    Unknown(Unknown),
}

/// How the escrow itself says a session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelStanding {
    /// All that was ever deposited.
    pub deposit: Amount,
    /// All that was ever collected.
    pub settled: Amount,
    /// When the payer asked to take the rest by force; nothing while they have not.
    pub close_requested_at: Option<Timestamp>,
    /// When the payer may take it: until then the seller may still collect.
    pub collect_until: Option<Timestamp>,
    /// Whether it has ended, or never was and never will be: nothing more can be collected. One that is merely not
    /// there yet has no deposit.
    pub closed: bool,
    /// The rail's name of the last movement it knows of: a transaction.
    pub reference: Option<String>,
}

/// What is to be collected from a session.
#[derive(Clone, Copy, Debug)]
pub struct Collection<'a> {
    /// The session.
    pub session: SessionId,
    /// Its name on the wire.
    pub channel: &'a str,
    /// Whose money it is.
    pub payer: &'a PayerId,
    /// See [`super::Opening::session_kept`].
    pub session_kept: &'a [u8],
    /// The highest voucher: its total and what was kept of it. Nothing where none was ever accepted.
    pub voucher: Option<(Amount, &'a [u8])>,
    /// What was collected before.
    pub settled: Amount,
    /// The total to take, where the rail can take less than the voucher says; else it takes the voucher's.
    pub capture: Amount,
    /// Whether the session ends with it and the rest goes back to the payer.
    pub closes: bool,
}

/// A session method whose deposits a rail holds.
///
/// Collecting is a payment like any other: [`Escrow::collection`] makes its proof, and [`Settler::settle`],
/// [`Settler::lookup`], [`Settler::confirm`] and [`Settler::statement`] do for it what they do for a charge.
pub trait Escrow: Settler + SessionMethod {
    /// Puts a claimed deposit in. Called at most once per deposit, ever.
    fn deposit<'a>(&'a self, claim: &'a DepositClaim) -> Answer<'a, Deposited>;

    /// What became of a deposit that was asked for, or may have been.
    fn lookup_deposit<'a>(&'a self, claim: &'a DepositClaim) -> Answer<'a, Deposited>;

    /// How a session stands.
    fn standing<'a>(&'a self, session_kept: &'a [u8]) -> Answer<'a, Result<ChannelStanding, RailError>>;

    /// The proof of a payment that collects: its key is the session and the total, so that collecting the
    /// same twice is collecting it once; its amount is what will be moved.
    fn collection(&self, collection: &Collection<'_>) -> Result<Proof, RailError>;
}
