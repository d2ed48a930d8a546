use farthing_money::Amount;
use farthing_protocol::{Credential, ProblemType};
use farthing_rail::SessionQuote;
use http::StatusCode;
use reqwest::Response;

use super::word::{self, Overclaim, Snapshot};
use super::{Buying, InSession, Need, SessionOffer, Step, no_offer};
use crate::client::concluding::receipt_of;
use crate::client::demand::Demand;
use crate::client::offers::{self, Asked};
use crate::client::plain::plain;
use crate::client::presenting::{Answer, Presentation};
use crate::client::stream::is_of_events;
use crate::client::{Outcome, PayError};
use crate::failpoint::reach;
use crate::sessions::{KeptSession, SessionState, Told};

/// What a server says instead of serving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) problem: Option<ProblemType>,
    status: u16,
}

impl Refusal {
    pub(super) fn from(demand: &Demand) -> Self {
        Self { problem: demand.problem(), status: 402 }
    }

    pub(super) async fn of(response: Response) -> Self {
        let status = response.status().as_u16();
        Self { problem: Demand::read(response).await.problem(), status }
    }

    /// Whether it says for certain that what was presented was not taken.
    pub(super) fn is_proof(&self) -> bool {
        self.problem.is_some_and(|problem| problem != ProblemType::InternalPaymentError)
    }

    /// Whether it is the challenge that was wrong, and not what answered it.
    pub(super) fn is_of_the_challenge(&self) -> bool {
        use ProblemType as P;
        matches!(
            self.problem,
            Some(P::InvalidChallenge | P::PaymentExpired | P::PaymentRequired | P::SessionChallengeNotFound)
        )
    }

    /// Whether only a session that is open can be refused so: what was signed for in it is spent.
    pub(super) fn is_of_an_open_session(&self) -> bool {
        self.problem == Some(ProblemType::SessionInsufficientBalance)
    }

    pub(super) fn sentence(&self) -> String {
        match self.problem {
            Some(ProblemType::PaymentInsufficient) => {
                "the balance at the server does not hold the deposit, or it wants a larger one".to_owned()
            }
            Some(problem) => format!("it answered {} ({})", self.status, problem.slug()),
            None => format!("it answered {} without a reason", self.status),
        }
    }
}

impl Buying<'_> {
    /// What the answer to a voucher proves.
    pub(super) async fn conclude_voucher(
        &mut self,
        session: KeptSession,
        purchase: [u8; 16],
        quote: &SessionQuote,
        credential: &Credential,
        presentation: Presentation,
    ) -> Result<Step, PayError> {
        let Presentation { answer, doubt } = presentation;
        match answer {
            Answer::Success(response) => self.served(session, Some(purchase), quote, credential, response).await,
            Answer::Nothing(sentence) => self.unknown(&session, purchase, sentence).await,
            Answer::Other(response) if response.status() == StatusCode::GONE => {
                let refusal = Refusal::of(response).await;
                self.gone(session, &refusal, quote).await
            }
            Answer::Other(response) => {
                self.sessions.leave(purchase).await?;
                Ok(Step::Over(Outcome::ServerError { response, cost: session.worth(self.added) }))
            }
            Answer::Unpaid(demand) => self.refused(session, purchase, quote, &demand, doubt).await,
        }
    }

    /// Served: what the receipt says of the session is kept, as far as it was signed for.
    pub(super) async fn served(
        &mut self,
        session: KeptSession,
        purchase: Option<[u8; 16]>,
        quote: &SessionQuote,
        credential: &Credential,
        response: Response,
    ) -> Result<Step, PayError> {
        reach("wallet-before-session-conclude");
        let channel = session.channel.clone().unwrap_or_default();
        let receipt = receipt_of(&response, credential);
        let told = receipt.as_ref().and_then(|receipt| word::told_by(receipt, &channel));
        let spent_before = session.spent;
        // What other calls signed meanwhile, the server may have seen.
        let session = self.reload(session.id).await?;
        let told = told.map(|told| word::checked(told, &session)).transpose();
        // A stream goes on drawing after its head, so that nothing of it is free yet.
        let draws_on = self.order.streams || is_of_events(response.headers());
        if draws_on {
            self.added = self.added.max(self.drawable);
        }
        match told {
            Ok(told) => self.sessions.conclude(session.id, purchase, told, !draws_on).await?,
            // It served all the same.
            Err(overclaim) => drop(self.disbelieve(&session, &overclaim).await?),
        }
        let offer = SessionOffer { payer: std::sync::Arc::clone(&self.payer), quote: quote.clone() };
        self.client.remember(self.request, self.order, offer);
        let session_used = InSession {
            id: session.id,
            channel,
            payer: std::sync::Arc::clone(&self.payer),
            quote: quote.clone(),
            added: self.added,
            spent_before,
        };
        let cost = session.worth(self.added.max(quote.unit_amount));
        Ok(Step::Over(Outcome::Paid { response, receipt, cost, fee: None, session: Some(Box::new(session_used)) }))
    }

    /// 402: the server wants another total, another challenge, or none of this.
    async fn refused(
        &mut self,
        session: KeptSession,
        purchase: [u8; 16],
        quote: &SessionQuote,
        demand: &Demand,
        doubt: bool,
    ) -> Result<Step, PayError> {
        use ProblemType as P;
        let before = session.signed;
        let session = self.reload(session.id).await?;
        match self.asks_for_more(&session, quote, demand) {
            Ok(Some((next, need))) => {
                let told = Snapshot::of(&next.challenge, session.channel.as_deref().unwrap_or_default());
                let told = told.and_then(|told| told.checked(&session).ok());
                self.sessions.conclude(session.id, Some(purchase), told, false).await?;
                return Ok(Step::Again(next, need));
            }
            Ok(None) => {}
            Err(overclaim) => return self.disbelieve(&session, &overclaim).await,
        }
        let refusal = Refusal::from(demand);
        if refusal.is_of_the_challenge() && !doubt {
            self.sessions.conclude(session.id, Some(purchase), None, false).await?;
            let Some(next) = self.same_terms(quote, demand) else {
                return Ok(no_offer("the server no longer offers the session that it opened"));
            };
            // Nobody else signed since: the same total pays, and nothing is added to it.
            let need = if session.signed == before { Need::Total(before) } else { Need::More(quote.unit_amount) };
            return Ok(Step::Again(next, need));
        }
        self.sessions.conclude(session.id, Some(purchase), None, false).await?;
        if refusal.problem == Some(P::SessionAmountExceedsDeposit) {
            return self.deposit_differs(&session).await;
        }
        if doubt || !refusal.is_proof() {
            let cost = session.worth(self.added);
            let sentence = format!(
                "{}; the voucher may have been taken, and what it was for stays signed for",
                refusal.sentence()
            );
            return Ok(Step::Over(Outcome::Unknown { cost, sentence, repeatable: false }));
        }
        Ok(no_offer(format!("the server took no voucher of this session: {}", refusal.sentence())))
    }

    /// Whether a 402 asks for a higher total of this session, and which. A claim above what was signed is an
    /// error; a snapshot of another channel says nothing.
    pub(super) fn asks_for_more(
        &self,
        session: &KeptSession,
        quote: &SessionQuote,
        demand: &Demand,
    ) -> Result<Option<(SessionQuote, Need)>, Overclaim> {
        let wanted = matches!(
            demand.problem(),
            Some(
                ProblemType::SessionInsufficientBalance
                    | ProblemType::SessionDeltaTooSmall
                    | ProblemType::PaymentInsufficient
            )
        );
        let Some(next) = self.same_terms(quote, demand) else { return Ok(None) };
        let Some(snapshot) = Snapshot::of(&next.challenge, session.channel.as_deref().unwrap_or_default()) else {
            // Without a word on how much, one unit more.
            let more = next.unit_amount.max(next.least_delta);
            let known = wanted && session.state == SessionState::Open;
            return Ok(known.then_some((next, Need::More(more))));
        };
        let Told { spent, .. } = snapshot.checked(session)?;
        if !wanted {
            return Ok(None);
        }
        let unit = spent.checked_add(next.unit_amount);
        let required = snapshot.required.or(unit).unwrap_or(session.signed);
        if demand.problem() == Some(ProblemType::SessionDeltaTooSmall) {
            let more = next.unit_amount.max(next.least_delta);
            let raised = session.signed.checked_add(more).unwrap_or(session.signed);
            return Ok(Some((next, Need::Total(required.max(raised)))));
        }
        Ok(Some((next, Need::Total(required))))
    }

    /// The offer of a 402 on the terms of the one that was answered.
    pub(in crate::client) fn same_terms(&self, quote: &SessionQuote, demand: &Demand) -> Option<SessionQuote> {
        let asked = Asked {
            request: self.request,
            origin: &quote.origin,
            payers: &[],
            session_payers: std::slice::from_ref(&self.payer),
            may_redirect: self.transport.may_redirect(),
            now: self.client.wallet.ambient.now(),
            longest: self.client.settings.longest_validity,
            salt: Default::default(),
        };
        let offers = offers::read(demand, &asked).sessions;
        offers.into_iter().map(|offer| offer.quote).find(|next| next.terms == quote.terms)
    }

    /// The server claims more than was signed: the session pays no more, and its owner is told.
    pub(super) async fn disbelieve(&self, session: &KeptSession, overclaim: &Overclaim) -> Result<Step, PayError> {
        tracing::warn!(origin = %session.origin, %overclaim, "a session is stopped");
        self.sessions.stop(session.id, SessionState::Lost, &overclaim.to_string(), None).await?;
        Ok(no_offer(format!("{overclaim}; the session pays no more")))
    }

    /// The server says that less is deposited than this wallet knows of.
    async fn deposit_differs(&self, session: &KeptSession) -> Result<Step, PayError> {
        let known = session.asset.display(session.deposit);
        let sentence = match self.standing(session).await {
            super::Standing::Says(standing) if standing.deposit >= session.deposit && !standing.closed => {
                format!("the server says that less than {known} is deposited, and the chain says otherwise")
            }
            _ => format!("the server says that less than {known} is deposited; farthing sessions sync finds out more"),
        };
        Ok(no_offer(plain(&sentence)))
    }

    /// Nobody knows: the same call presents the same credential again.
    pub(super) async fn unknown(
        &self,
        session: &KeptSession,
        purchase: [u8; 16],
        sentence: String,
    ) -> Result<Step, PayError> {
        self.sessions.leave(purchase).await?;
        let cost = session.worth(self.added.max(Amount::new(1)));
        Ok(Step::Over(Outcome::Unknown { cost, sentence, repeatable: true }))
    }
}
