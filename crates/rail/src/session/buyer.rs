use std::fmt;

use farthing_money::{Amount, Asset, Price};
use farthing_protocol::{Challenge, Credential};

use super::ChannelStanding;
use crate::{Answer, Approved, NotPayable, Offer, Origin, RailError, Sent, SignError};

/// What a session offer comes to, decoded from the bytes that would be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionQuote {
    /// The challenge it answers.
    pub challenge: Challenge,
    /// Where credentials would go.
    pub origin: Origin,
    /// What one unit costs, in base units.
    pub unit_amount: Amount,
    /// The same in the owner's currency, rounded up.
    pub unit_cost: Price,
    /// What a unit is called, in at most 32 characters; for people.
    pub unit: Option<String>,
    /// Of what.
    pub asset: Asset,
    /// Who is paid.
    pub payee: Option<String>,
    /// What the seller suggests to deposit.
    pub suggested_deposit: Option<Amount>,
    /// The least that a voucher must add.
    pub least_delta: Amount,
    /// Equal for all offers that one channel can pay: escrow, payee, token and what else makes a channel.
    pub terms: String,
    /// The seller's hint at a channel that it knows of this payer: its name, and what it says of it. Checked against
    /// what this wallet keeps and what the rail says, never believed.
    pub hint: Option<String>,
}

/// A deposit to be signed for: opening a session, or adding to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deposit {
    /// The offer it answers.
    pub quote: SessionQuote,
    /// How much is put in.
    pub amount: Amount,
    /// What the payer pays on top, at most.
    pub fee: Amount,
    /// Amount and fee in the owner's currency, rounded up: what limits are counted in.
    pub cost: Price,
    /// The total to sign for at once: what the first request costs.
    pub first: Amount,
}

/// A voucher to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherQuote {
    /// The challenge that the credential answers.
    pub challenge: Challenge,
    /// Where it goes.
    pub origin: Origin,
    /// The total to sign for. Never more than is deposited, and never less than was signed before but where it
    /// closes: the last total is what was really spent.
    pub cumulative: Amount,
    /// What it adds, in the owner's currency, rounded up.
    pub cost: Price,
    /// Whether it is the last one: the seller settles it and the rest comes back.
    pub closes: bool,
}

/// A session as its payer keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name on the wire.
    pub id: String,
    /// See [`SessionQuote::terms`].
    pub terms: String,
    /// What was deposited, as far as this payer knows.
    pub deposit: Amount,
    /// The highest total signed for. On disk before the voucher leaves.
    pub signed: Amount,
    /// Of what.
    pub asset: Asset,
    /// What the method needs for as long as the session lives. No secrets.
    pub kept: Vec<u8>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, deposit, signed, .. } = self;
        let mut shown = formatter.debug_struct("Channel");
        shown.field("id", id).field("deposit", deposit).field("signed", signed).finish_non_exhaustive()
    }
}

/// What is signed of a new or larger session.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedChannel {
    /// As it will stand when the seller accepts; kept before the credential leaves.
    pub channel: Channel,
    /// What is presented.
    pub credential: Credential,
    /// What must be sent to where the money is before that, as in [`crate::Signed::to_send`].
    pub to_send: Option<Vec<u8>>,
}

/// Why a channel's state is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelPurpose {
    /// To go on paying with it.
    Use,
    /// To get the rest back.
    Recover,
}

/// How a payer takes the rest of a deposit back without the seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reclaim {
    /// Starts the time after which the rest can be taken.
    Request,
    /// Takes it.
    Withdraw,
}

/// The buyer's half of a session method.
pub trait SessionPayer: Send + Sync {
    /// The method and intent it can pay, as on the wire.
    fn pays(&self) -> (&str, &str);

    /// What an offer comes to. No I/O; whatever cannot be decoded whole is not payable.
    fn quote(&self, offer: &Offer<'_>) -> Result<SessionQuote, NotPayable>;

    /// What depositing so much would really cost, fees included. No I/O.
    fn deposit(&self, quote: &SessionQuote, amount: Amount, first: Amount) -> Result<Deposit, NotPayable>;

    /// How much this funding source could spend on a deposit and its fee now; `None` when it cannot tell.
    fn available<'a>(&'a self, quote: &'a SessionQuote) -> Answer<'a, Option<Amount>> {
        let _ = quote;
        Box::pin(std::future::ready(None))
    }

    /// Signs the opening of a session and its first voucher.
    fn open(&self, approved: Approved<Deposit>) -> Answer<'_, Result<OpenedChannel, SignError>>;

    /// Signs an addition to a session.
    fn top_up<'a>(
        &'a self,
        channel: &'a Channel,
        approved: Approved<Deposit>,
    ) -> Answer<'a, Result<OpenedChannel, SignError>>;

    /// Signs a total. Refuses one above what is deposited, or below what was signed unless it closes.
    fn voucher<'a>(
        &'a self,
        channel: &'a Channel,
        approved: Approved<VoucherQuote>,
    ) -> Answer<'a, Result<Credential, SignError>>;

    /// Sends what [`OpenedChannel::to_send`] holds, as [`crate::Payer::send`] does.
    fn send<'a>(&'a self, to_send: &'a [u8]) -> Answer<'a, Sent> {
        let _ = to_send;
        let (method, intent) = self.pays();
        let sentence = format!("{method}/{intent} sends nothing before it is presented");
        Box::pin(std::future::ready(Sent::Unknown(sentence)))
    }

    /// How the money's own home says a channel stands; `Ok(None)` where only the seller could say.
    fn standing<'a>(
        &'a self,
        channel: &'a Channel,
        purpose: ChannelPurpose,
    ) -> Answer<'a, Result<Option<ChannelStanding>, RailError>>;

    /// Takes the rest of a deposit back without the seller, step by step. `Moved` says that the step is done.
    fn reclaim<'a>(&'a self, channel: &'a Channel, step: Reclaim, approved: Approved<Reclaim>) -> Answer<'a, Sent> {
        let _ = (channel, step, approved);
        let (method, intent) = self.pays();
        let sentence = format!("what {method}/{intent} deposits is in the seller's books; ask the seller to close it");
        Box::pin(std::future::ready(Sent::Never(sentence)))
    }
}
