use std::fmt;

use farthing_money::{Amount, Asset};

use crate::{PayerId, ProofKey, SessionId};

/// What a session credential asks for. Everything that its bytes alone can say has been checked: the shape,
/// the identity of the channel, and who signed each voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionAction {
    /// A new session, whose first voucher pays for the request that carries it.
    Open(Box<Opening>),
    /// More money for a session.
    TopUp(Box<Addition>),
    /// A higher total.
    Voucher(Box<Voucher>),
    /// The last total: settle and give back the rest.
    Close(Box<Voucher>),
}

impl SessionAction {
    /// The session it is about.
    pub fn session(&self) -> SessionId {
        match self {
            Self::Open(opening) => opening.voucher.session,
            Self::TopUp(addition) => addition.session,
            Self::Voucher(voucher) | Self::Close(voucher) => voucher.session,
        }
    }
}

/// A session that a payer wants to open.
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    /// Whose money it is.
    pub payer: PayerId,
    /// Whose signature vouchers need, as [`Voucher::signer`] names it.
    pub signer: String,
    /// What is deposited.
    pub asset: Asset,
    /// How much.
    pub deposit: Amount,
    /// What makes the deposit single-use.
    pub key: ProofKey,
    /// What the rail needs to put the deposit in or look for it after a crash. Useless for another payment.
    pub deposit_kept: Vec<u8>,
    /// What the rail needs for as long as the session lives: to settle, to close, to ask how it stands.
    pub session_kept: Vec<u8>,
    /// The first total.
    pub voucher: Voucher,
}

/// Money that a payer adds to a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Addition {
    /// The session.
    pub session: SessionId,
    /// Its name on the wire.
    pub channel: String,
    /// How much is added.
    pub deposit: Amount,
    /// What makes it single-use.
    pub key: ProofKey,
    /// What the rail needs to put it in or look for it after a crash.
    pub deposit_kept: Vec<u8>,
    /// Who adds it, where the bytes alone can say.
    pub payer: Option<PayerId>,
}

/// A payer's signature over the total that the seller may take from a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Voucher {
    /// The session.
    pub session: SessionId,
    /// Its name on the wire.
    pub channel: String,
    /// The total since the session was opened, in base units.
    pub cumulative: Amount,
    /// Who signed it, recovered from the signature; compared with what the session was opened with.
    pub signer: String,
    /// What the rail needs to collect it: the signature.
    pub kept: Vec<u8>,
}

impl fmt::Debug for Opening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { payer, deposit, voucher, .. } = self;
        let mut shown = formatter.debug_struct("Opening");
        shown.field("payer", payer).field("deposit", deposit).field("voucher", voucher).finish_non_exhaustive()
    }
}

impl fmt::Debug for Addition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, deposit, .. } = self;
        formatter.debug_struct("Addition").field("session", session).field("deposit", deposit).finish_non_exhaustive()
    }
}

impl fmt::Debug for Voucher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { session, cumulative, .. } = self;
        let mut shown = formatter.debug_struct("Voucher");
        shown.field("session", session).field("cumulative", cumulative).finish_non_exhaustive()
    }
}
