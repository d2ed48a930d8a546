//! Paying out of a session: one deposit, a voucher for each request, the total written down before it leaves.
//!
//! What a server says of a session is believed only as far as this wallet signed: a claim above that stops
//! the session. Whatever is signed for one call stays within its `--max`, `per_payment` and the deposit.

mod answer;
mod closing;
mod gone;
mod held;
mod managing;
mod offers;
mod opening;
mod planning;
mod recovery;
mod remembered;
mod topping_up;
mod voucher;
pub(super) mod word;

use std::sync::Arc;
use std::time::Duration;

use farthing_money::{Amount, Price};
use farthing_protocol::ChallengeId;
use farthing_rail::{Answer, ChannelPurpose, ChannelStanding, SessionPayer, SessionQuote};

use http::StatusCode;

pub use closing::{Ended, Synced};
pub(super) use offers::SessionOffer;
pub(super) use remembered::Remembered;

use super::demand::Demand;
use super::request::Prepared;
use super::transport::Transport;
use super::{Order, Outcome, PayError, PayingClient, Round};
use crate::policy::{Level, Refused, Rule};
use crate::sessions::{KeptSession, Owner, Sessions};

/// How long a chain may take to say how a session stands.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many units a call by the piece signs for at most, where neither `--max` nor `per_payment` says.
const MOST_UNITS: u128 = 100;

/// The session that an answer was paid from.
#[derive(Clone)]
pub struct InSession {
    pub(super) id: i64,
    pub(super) channel: String,
    pub(super) payer: Arc<dyn SessionPayer>,
    pub(super) quote: SessionQuote,
    /// What was signed for, for this call, so far.
    pub(super) added: Amount,
    /// What was delivered before it.
    pub(super) spent_before: Amount,
}

/// One call that buys with sessions of one method.
pub(super) struct Buying<'a> {
    pub(super) client: &'a PayingClient,
    pub(super) sessions: Sessions,
    pub(super) transport: &'a dyn Transport,
    pub(super) request: &'a Prepared,
    pub(super) payer: Arc<dyn SessionPayer>,
    pub(super) order: &'a Order,
    pub(super) owner: Owner,
    /// What this call has signed for.
    pub(super) added: Amount,
    /// The same, with what was signed for before and free: what a stream may draw without asking.
    pub(super) drawable: Amount,
    /// Whether a stream that is under way asks for it.
    pub(super) follows: bool,
    /// A challenge that was answered before this call: vouchers answer it again, and a deposit asks for another.
    pub(super) answered: Option<ChallengeId>,
}

/// How much the next voucher has to cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// So much more than what is delivered and under way.
    More(Amount),
    /// The total that the server asks for.
    Total(Amount),
}

/// What one exchange came to.
pub(super) enum Step {
    Over(Outcome),
    /// The server took nothing, and another voucher may do.
    Again(SessionQuote, Need),
}

impl PayingClient {
    /// Buys by the session offer: opens one if there is none, and signs a voucher.
    pub(super) async fn buy(
        &self,
        transport: &dyn Transport,
        request: &Prepared,
        offer: SessionOffer,
        order: &Order,
    ) -> Result<Round, PayError> {
        let buying = self.buying(transport, request, offer.payer, order)?;
        let quote = offer.quote;
        let units = u128::from(order.ahead).saturating_add(1);
        let Some(asked) = quote.unit_amount.checked_mul(units) else {
            return Ok(Round::Over(Outcome::refused("the price of a unit is larger than any this wallet pays".into())));
        };
        self.go_on(buying, quote, Need::More(asked)).await
    }

    /// Goes on until the server has served, or asked too often.
    async fn go_on(&self, mut buying: Buying<'_>, mut quote: SessionQuote, mut need: Need) -> Result<Round, PayError> {
        for _ in 0..=self.settings.rounds {
            match buying.step(&quote, need).await? {
                Step::Over(outcome) => return Ok(Round::Over(outcome)),
                Step::Again(next, more) => (quote, need) = (next, more),
            }
        }
        let rounds = self.settings.rounds;
        let sentence = format!("the server asked for another voucher {rounds} times and served nothing for any");
        Ok(Round::Over(Outcome::refused(sentence)))
    }

    pub(super) fn buying<'a>(
        &'a self,
        transport: &'a dyn Transport,
        request: &'a Prepared,
        payer: Arc<dyn SessionPayer>,
        order: &'a Order,
    ) -> Result<Buying<'a>, PayError> {
        let sessions = self.wallet.sessions()?;
        let owner = sessions.owner(&self.wallet.ambient)?;
        Ok(Buying {
            client: self,
            sessions,
            transport,
            request,
            payer,
            order,
            owner,
            added: Amount::ZERO,
            drawable: Amount::ZERO,
            follows: false,
            answered: None,
        })
    }

    /// The session method of a name, `tempo/session`.
    pub(super) fn session_payer(&self, method: &str) -> Option<&Arc<dyn SessionPayer>> {
        self.session_payers.iter().find(|payer| {
            let (name, intent) = payer.pays();
            method.split_once('/') == Some((name, intent))
        })
    }
}

impl Buying<'_> {
    async fn step(&mut self, quote: &SessionQuote, need: Need) -> Result<Step, PayError> {
        if self.was_answered(quote) {
            return Ok(match self.ask_anew(quote).await? {
                Some(next) => Step::Again(next, need),
                None => no_offer("the server no longer offers the session that it offered before"),
            });
        }
        match self.open_session(quote, need).await? {
            opening::Opened::Session(session) => self.pay_with(session, quote, need).await,
            opening::Opened::Step(step) => Ok(step),
        }
    }

    fn was_answered(&self, quote: &SessionQuote) -> bool {
        self.answered.as_ref() == Some(quote.challenge.id())
    }

    /// The offer as it is made now.
    pub(in crate::client) async fn ask_anew(&self, quote: &SessionQuote) -> Result<Option<SessionQuote>, PayError> {
        let unpaid = self.request.unpaid("")?;
        let Ok(response) = self.transport.send(unpaid).await else { return Ok(None) };
        if response.status() != StatusCode::PAYMENT_REQUIRED {
            return Ok(None);
        }
        Ok(self.same_terms(quote, &Demand::read(response).await))
    }

    /// The policies that what is signed now has to satisfy, or why nothing is signed.
    pub(super) async fn levels(&self) -> Result<Vec<Level>, Refused> {
        self.client.wallet.levels_to_pay_by().await
    }

    /// How the money's own home says a session stands; `None` where only the seller could say, or nothing is
    /// known in time.
    pub(super) async fn standing(&self, session: &KeptSession) -> Standing {
        standing(self.payer.as_ref(), session, ChannelPurpose::Use).await
    }
}

/// What the money's own home says of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Says(ChannelStanding),
    /// The seller's own books hold the deposit, so its word counts.
    SellersWord,
    Silent,
}

pub(super) async fn standing(payer: &dyn SessionPayer, session: &KeptSession, purpose: ChannelPurpose) -> Standing {
    let Some(channel) = session.as_channel() else { return Standing::Silent };
    let asked: Answer<'_, _> = payer.standing(&channel, purpose);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(Some(standing))) => Standing::Says(standing),
        Ok(Ok(None)) => Standing::SellersWord,
        Ok(Err(_)) | Err(_) => Standing::Silent,
    }
}

/// A refusal of the policy as an outcome.
pub(super) fn denied(refused: Refused) -> Result<Outcome, PayError> {
    match refused {
        Refused::Rule { rule, sentence } => Ok(Outcome::Refused { rule: Some(rule), sentence }),
        Refused::Waits { id, sentence, deadline } => Ok(Outcome::AwaitsApproval { id, sentence, deadline }),
        Refused::Budgets(error) => Err(error.into()),
    }
}

pub(super) fn over(rule: Rule, sentence: String) -> Step {
    Step::Over(Outcome::Refused { rule: Some(rule), sentence })
}

pub(super) fn no_offer(reason: impl Into<String>) -> Step {
    Step::Over(Outcome::NoOffer { reasons: vec![reason.into()] })
}

pub(super) fn price_of_nothing(session: &KeptSession) -> Price {
    Price::from_millionths(0, session.unit_cost.currency())
}
