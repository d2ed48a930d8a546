//! What the books keep of a session.

use std::collections::BTreeMap;
use std::fmt;

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::{PayerId, PaymentId, ProofKey, SessionId};

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
    /// Collected from the rail, everything ever, as the rail says.
    pub settled: Amount,
    /// Collected by payments of these books.
    pub collected: Amount,
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
    /// Since when the rail says that it has ended: nothing more can be collected.
    pub ended_at: Option<Timestamp>,
    /// How many collections were claimed.
    pub collections: u64,
    /// How many transfers it made in the ledger; the next one is named after this number.
    pub transfers: u64,
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

impl fmt::Debug for PendingDeposit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PendingDeposit").field("amount", &self.amount).finish_non_exhaustive()
    }
}
