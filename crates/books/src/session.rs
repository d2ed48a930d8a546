//! The record of one session: what was deposited, what was signed for, what was delivered.
//!
//! `spent + held <= accepted <= deposit`, always. A deposit is what the rail says it holds. A voucher raises
//! `accepted`. Serving a request holds its price first, durably, and spends what was really delivered
//! afterwards; what was held by a process that died is let go of, in favour of the payer. What was spent is
//! posted to the revenue of its routes in sums, and what vouchers are worth is collected from the rail by
//! payments of the intent `session`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::{ChannelStanding, PayerId, PaymentId, ProofKey, SessionId, Voucher};

/// The intent of payments that collect vouchers, as on the wire.
pub const INTENT: &str = "session";

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

/// A deposit on its way into the escrow.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingDeposit {
    /// What makes it single-use.
    pub key: ProofKey,
    /// How much.
    pub amount: Amount,
    /// What the rail needs to look for it.
    pub kept: Vec<u8>,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// When to ask the rail what became of it, once it did not say; nothing while it is being put in.
    pub ask_at: Option<Timestamp>,
}

/// One session.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
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
    /// Whether the books themselves hold the deposit.
    pub prepaid: bool,
    /// The payment method.
    pub method: String,
    /// The name of its table.
    pub rail: String,
    /// How far it is.
    pub state: SessionState,
    /// What the rail holds, everything ever deposited.
    pub deposit: Amount,
    /// The total of the highest voucher.
    pub accepted: Amount,
    /// What the rail needs to collect that voucher.
    pub voucher: Option<Vec<u8>>,
    /// Promised to what is being served.
    pub held: Amount,
    /// Delivered.
    pub spent: Amount,
    /// Collected from the rail, everything ever.
    pub settled: Amount,
    /// How many units were delivered.
    pub units: u64,
    /// Delivered and not yet posted to the revenue of these routes.
    pub unposted: BTreeMap<String, Amount>,
    /// What the rail needs for as long as the session lives.
    pub kept: Vec<u8>,
    /// A deposit on its way.
    pub pending: Option<PendingDeposit>,
    /// The payment that is collecting from it.
    pub collecting: Option<PaymentId>,
    /// When its payer asked to close it by force.
    pub close_requested_at: Option<Timestamp>,
    /// Until when the seller may collect, once that was asked for.
    pub collect_until: Option<Timestamp>,
    /// Why it is closing, was refused or serves nothing.
    pub reason: Option<String>,
    /// When it was asked for.
    pub opened_at: Timestamp,
    /// When something was last bought with it.
    pub used_at: Timestamp,
    /// When the rail last said how it stands.
    pub seen_at: Option<Timestamp>,
    /// When anything last changed.
    pub updated_at: Timestamp,
}

/// What a price is in. Vouchers name only a channel, and a channel of another table or of another token pays for
/// nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tender {
    /// The payment method.
    pub method: String,
    /// The name of its table.
    pub rail: String,
    /// Of what.
    pub asset: Asset,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// Its deposit is on its way; nothing is served.
    Opening,
    /// It serves.
    Open,
    /// It serves nothing more; what was delivered is being collected and the rest given back.
    Closing,
    /// It has ended.
    Closed,
    /// Its deposit never came.
    Refused,
}

impl SessionState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Opening, Self::Open, Self::Closing, Self::Closed, Self::Refused];

    /// The word in the store and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Refused => "refused",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing will change any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Closed | Self::Refused)
    }
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
}

/// What a session holds for its payer, after a draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// What the rail holds.
    pub deposit: Amount,
    /// The total of the highest voucher.
    pub accepted: Amount,
    /// Delivered or promised.
    pub committed: Amount,
    /// How many units were delivered.
    pub units: u64,
}

/// What became of a session command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionOutcome {
    /// It was carried out; the session stands so now.
    Done(Box<SessionRecord>),
    /// It had been carried out before; nothing changed.
    Again(Box<SessionRecord>),
    /// To `Draw`: accepted and held.
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
    /// The command contradicts the session: a fault of the program that sent it.
    Contradiction,
}

impl SessionRecord {
    /// What the next request may still be served from.
    pub fn available(&self) -> Amount {
        let committed = self.spent.checked_add(self.held).unwrap_or(self.accepted);
        self.accepted.checked_sub(committed).unwrap_or(Amount::ZERO)
    }

    /// Delivered or promised.
    pub fn committed(&self) -> Amount {
        self.spent.checked_add(self.held).unwrap_or(self.accepted)
    }

    /// What it holds for its payer.
    pub fn credit(&self) -> Credit {
        Credit { deposit: self.deposit, accepted: self.accepted, committed: self.committed(), units: self.units }
    }
}

/// What is kept is not shown: it may hold signatures.
impl fmt::Debug for SessionRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, deposit, accepted, held, spent, settled, .. } = self;
        let mut shown = formatter.debug_struct("SessionRecord");
        shown.field("id", id).field("state", state).field("deposit", deposit).field("accepted", accepted);
        shown.field("held", held).field("spent", spent).field("settled", settled).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, deposit, voucher, .. } = self;
        let mut shown = formatter.debug_struct("NewSession");
        shown.field("id", id).field("deposit", deposit).field("voucher", voucher).finish_non_exhaustive()
    }
}

impl fmt::Debug for PendingDeposit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PendingDeposit").field("amount", &self.amount).finish_non_exhaustive()
    }
}
