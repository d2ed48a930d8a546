//! What can be asked of a session, and what the books answer.

use std::fmt;
use std::sync::Arc;

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::{ChannelStanding, PayerId, ProofKey, SessionId, Voucher};

use super::{Credit, PendingDeposit, SessionRecord, Tender};

/// A session to be opened.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Its name on the wire.
    pub channel: String,
    /// Whose money it is.
    pub payer: PayerId,
    /// Whose signature vouchers need.
    pub signer: String,
    /// Of what.
    pub asset: Asset,
    /// Whether the books themselves hold the deposit: it is taken from the payer's balance in the same commit.
    pub prepaid: bool,
    /// The payment method, and the name of its table.
    pub method: String,
    /// See `method`.
    pub rail: String,
    /// What is deposited.
    pub deposit: PendingDeposit,
    /// What the rail needs for as long as the session lives.
    pub kept: Vec<u8>,
    /// The first voucher; it counts from the moment the deposit is there.
    pub voucher: Voucher,
    /// When it was asked for.
    pub at: Timestamp,
}

/// One change to one session.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "fields mean what they mean in the record; `at` is now")]
pub enum SessionCommand {
    /// Claims a new session. Where the books hold the deposit it is open in the same commit.
    Open(Box<NewSession>),
    /// Claims an addition to a deposit; in the books it is made in the same commit.
    TopUp { session: SessionId, payer: Option<PayerId>, deposit: Box<PendingDeposit>, at: Timestamp },
    /// The rail holds the pending deposit.
    Deposited { session: SessionId, key: ProofKey, standing: ChannelStanding, at: Timestamp },
    /// The rail does not say whether it holds it.
    Doubt { session: SessionId, key: ProofKey, reason: String, ask_at: Timestamp, at: Timestamp },
    /// The rail will never hold it.
    Refuse { session: SessionId, key: ProofKey, reason: String, at: Timestamp },
    /// Accepts a voucher, where there is one, and holds an amount for what is about to be served. Holding
    /// nothing only accepts. A voucher is accepted even if the amount is not covered; nothing is, where the session
    /// is not of the tender that the price is in.
    Draw {
        session: SessionId,
        tender: Arc<Tender>,
        voucher: Option<Box<Voucher>>,
        least_delta: Amount,
        hold: Amount,
        at: Timestamp,
    },
    /// What became of a hold: so much of it was delivered, the rest is free again.
    Deliver { session: SessionId, held: Amount, delivered: Amount, units: u64, route: String, at: Timestamp },
    /// Serves nothing more from here on, with the last voucher if the payer signed one.
    Close { session: SessionId, voucher: Option<Box<Voucher>>, reason: String, at: Timestamp },
    /// The rail says how the session stands.
    Observe { session: SessionId, standing: ChannelStanding, at: Timestamp },
    /// Claims the payment that collects from it, the only one at a time.
    Collect { session: SessionId, payment: Box<crate::NewPayment> },
    /// Posts what was delivered since the last time to the revenue of its routes.
    Post { session: SessionId, at: Timestamp },
    /// It has ended: posts what is left, and gives back what the books hold. Only without a pending deposit,
    /// a hold or a collection.
    End { session: SessionId, reason: String, at: Timestamp },
}

impl SessionCommand {
    /// The session it changes.
    pub fn session(&self) -> SessionId {
        match self {
            Self::Open(new) => new.id,
            Self::TopUp { session, .. }
            | Self::Deposited { session, .. }
            | Self::Doubt { session, .. }
            | Self::Refuse { session, .. }
            | Self::Draw { session, .. }
            | Self::Deliver { session, .. }
            | Self::Close { session, .. }
            | Self::Observe { session, .. }
            | Self::Collect { session, .. }
            | Self::Post { session, .. }
            | Self::End { session, .. } => *session,
        }
    }

    /// See [`crate::Command::given_back`].
    pub(crate) fn given_back(&self, outcome: &SessionOutcome) -> Option<Self> {
        let (Self::Draw { session, hold, at, .. }, SessionOutcome::Drawn(_)) = (self, outcome) else { return None };
        let (session, held, at) = (*session, *hold, *at);
        (!held.is_zero()).then(|| Self::Deliver {
            session,
            held,
            delivered: Amount::ZERO,
            units: 0,
            route: String::new(),
            at,
        })
    }
}

/// What became of a session command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionOutcome {
    /// It was carried out; the session stands so now.
    Done(Box<SessionRecord>),
    /// It had been carried out before; nothing changed.
    Again(Box<SessionRecord>),
    /// To `Draw`: accepted and held. To `Deliver`: spent.
    Drawn(Credit),
    /// It was not carried out. A draw's voucher may have been accepted all the same: the credit says so.
    Refused(SessionRefusal, Option<Credit>),
    /// There is no such session.
    NotFound,
}

/// Why a session command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionRefusal {
    /// The session is of another table or token than the price.
    Foreign,
    /// The voucher is signed by somebody else than the session's signer.
    Signer,
    /// The voucher is for more than is deposited.
    AboveDeposit,
    /// The voucher adds less than the least.
    DeltaTooSmall,
    /// The highest voucher does not cover the amount; this total would.
    Uncovered {
        /// What must be signed for.
        required: Amount,
    },
    /// Its deposit is not there yet.
    NotYetOpen,
    /// It serves nothing more.
    Ending,
    /// The payer has asked to take the rest by force.
    CloseRequested,
    /// The deposit's proof was used for something else.
    ProofUsed,
    /// The payer's balance does not hold the deposit.
    Insufficient {
        /// What it holds.
        available: Amount,
    },
    /// Another deposit or collection is on its way.
    Busy,
    /// The rail has not said that it has ended.
    NotYetEnded,
    /// The command contradicts the session: a fault of the program that sent it.
    Contradiction,
}

impl fmt::Debug for NewSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, deposit, voucher, .. } = self;
        let mut shown = formatter.debug_struct("NewSession");
        shown.field("id", id).field("deposit", deposit).field("voucher", voucher).finish_non_exhaustive()
    }
}
