use std::fmt;

use farthing_books::budget::ReservationId;
use farthing_money::{Amount, Asset, Price};
use farthing_protocol::{Challenge, Timestamp};
use farthing_rail::{Channel, Origin, SessionQuote};

/// How far a session is, as its payer knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// Asked for; whether the deposit is there is not known yet.
    Opening,
    /// It pays.
    Open,
    /// It is to end; it pays no more.
    Closing,
    /// It has ended, and what was not spent came back.
    Closed,
    /// It pays no more, and what became of its deposit is not known.
    Lost,
}

/// A deposit of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDeposit {
    /// What it is counted under.
    pub reservation: ReservationId,
    /// How much.
    pub amount: Amount,
    /// What the payer pays on top, at most.
    pub fee: Amount,
    /// Both in the owner's currency.
    pub cost: Price,
    /// Whether it is known to be in.
    pub is_in: bool,
}

/// A session as it is kept.
#[derive(Clone, Debug)]
pub struct KeptSession {
    /// Its number in the file.
    pub id: i64,
    /// The wallet that pays.
    pub wallet: String,
    /// Where it pays.
    pub origin: Origin,
    /// `tempo/session`.
    pub method: String,
    /// See [`farthing_rail::SessionQuote::terms`].
    pub terms: String,
    /// Of what.
    pub asset: Asset,
    /// Who is paid, where the method names one.
    pub payee: Option<String>,
    /// The price of one unit when it was last offered.
    pub unit: Amount,
    /// The same in the owner's currency.
    pub unit_cost: Price,
    /// How far it is.
    pub state: SessionState,
    /// Its name on the wire; nothing before it was signed for.
    pub channel: Option<String>,
    /// What the method needs of it.
    pub kept: Vec<u8>,
    /// What was deposited, as far as this wallet knows.
    pub deposit: Amount,
    /// The highest total signed for.
    pub signed: Amount,
    /// What of that the server said is free for another purchase.
    pub free: Amount,
    /// What was delivered, as the server said it. Never more than was signed for.
    pub spent: Amount,
    /// The last challenge, which the next credential answers.
    pub challenge: Challenge,
    /// Where it was last used.
    pub url: String,
    /// Why it pays no more.
    pub reason: Option<String>,
    /// From when on the rest can be taken without the seller, once that was asked for.
    pub collect_until: Option<Timestamp>,
    /// When it was asked for.
    pub opened_at: Timestamp,
    /// When it was last used.
    pub used_at: Timestamp,
    /// Its deposits, the first first.
    pub deposits: Vec<KeptDeposit>,
}

impl SessionState {
    /// The word in the file and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Lost => "lost",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::Opening, Self::Open, Self::Closing, Self::Closed, Self::Lost]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

impl fmt::Display for SessionState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl KeptSession {
    /// As its method takes it; nothing before it was signed for.
    pub fn as_channel(&self) -> Option<Channel> {
        Some(Channel {
            id: self.channel.clone()?,
            terms: self.terms.clone(),
            deposit: self.deposit,
            signed: self.signed,
            asset: self.asset.clone(),
            kept: self.kept.clone(),
        })
    }

    /// As an offer that this challenge makes.
    pub fn quote(&self, challenge: Challenge) -> SessionQuote {
        SessionQuote {
            challenge,
            origin: self.origin.clone(),
            unit_amount: self.unit,
            unit_cost: self.unit_cost,
            unit: None,
            asset: self.asset.clone(),
            payee: self.payee.clone(),
            suggested_deposit: None,
            least_delta: Amount::ZERO,
            terms: self.terms.clone(),
            hint: None,
        }
    }

    /// What so many base units are worth in the owner's currency, rounded up, by what its deposits cost; before
    /// there is one, by its unit.
    pub fn worth(&self, amount: Amount) -> Price {
        let rate = self.deposits.first().map(|deposit| (deposit.amount, deposit.fee, deposit.cost));
        let (base, fee, cost) = rate.unwrap_or((self.unit, Amount::ZERO, self.unit_cost));
        part_of(cost, amount, base.units().saturating_add(fee.units()))
    }

    /// What so many base units are worth where a unit costs this, rounded up.
    pub(crate) fn worth_by_unit(amount: Amount, unit: Amount, unit_cost: Price) -> Price {
        part_of(unit_cost, amount, unit.units())
    }

    /// What of its deposits is not spent, in the owner's currency.
    pub fn locked(&self) -> Price {
        let whole = self.deposits.iter().map(|deposit| deposit.cost.millionths()).fold(0, u64::saturating_add);
        let spent = self.worth(self.spent).millionths();
        Price::from_millionths(whole.saturating_sub(spent), self.unit_cost.currency())
    }

    /// What each deposit cost when so much was spent in all, the first used up first: what the budgets are told.
    pub fn costs(&self, spent: Amount) -> Vec<(ReservationId, Price)> {
        let mut left = spent.units();
        let cost = |deposit: &KeptDeposit| {
            let used = left.min(deposit.amount.units());
            left = left.saturating_sub(used);
            let all = deposit.amount.units().saturating_add(deposit.fee.units());
            let cost = part_of(deposit.cost, Amount::new(used.saturating_add(deposit.fee.units())), all);
            (deposit.reservation, cost)
        };
        self.deposits.iter().map(cost).collect()
    }
}

/// The part of a cost that an amount is of a whole, rounded up.
fn part_of(cost: Price, amount: Amount, whole: u128) -> Price {
    let product = u128::from(cost.millionths()).checked_mul(amount.units());
    let part = product.map_or(u128::MAX, |product| product.div_ceil(whole.max(1)));
    Price::from_millionths(u64::try_from(part).unwrap_or(u64::MAX), cost.currency())
}
