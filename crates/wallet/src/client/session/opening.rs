use std::time::Duration;

use farthing_books::Command;
use farthing_money::{Amount, Price};
use farthing_protocol::{Credential, ProblemType};
use farthing_rail::{Approved, Deposit, OpenedChannel, Sent, SessionQuote, Signed};
use farthing_store::StoreError;

use super::{Buying, Need, Standing, Step, denied, no_offer, over, planning};
use crate::client::presenting::{Answer, Presentation};
use crate::client::request::Prepared;
use crate::client::{Outcome, PayError};
use crate::failpoint::reach;
use crate::outgoing::{Fingerprint, Sendable};
use crate::policy::{Level, Rule, approve_deposit, most_per_payment};
use crate::sessions::{KeptDeposit, KeptSession, Kind, NewSession, Purchase, SessionState};

/// How long a call waits for another that is opening a session on the same terms, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(50);

/// The longest that a seller works on an opening after it arrived.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// Nobody takes over what a living call began; should it be another's all the same, nothing of it leaves.
pub(super) const TAKEN_OVER: &str = "another process took over what this call had begun; try again";

/// What there is to pay with.
pub(super) enum Opened {
    Session(KeptSession),
    /// It was opened by the credential that pays for this request, or could not be.
    Step(Step),
}

impl Buying<'_> {
    /// The open session on an offer's terms; else it opens one. One at a time: whoever finds another call at
    /// it waits, and what a dead one signed is presented again instead of something new.
    pub(super) async fn open_session(&mut self, quote: &SessionQuote, need: Need) -> Result<Opened, PayError> {
        let started = tokio::time::Instant::now();
        loop {
            let wallet = self.client.wallet.drawer();
            let known = self.sessions.on_terms(wallet, &quote.origin, &quote.terms).await?;
            if let Some(open) = known.iter().find(|session| session.state == SessionState::Open) {
                return Ok(Opened::Session(open.clone()));
            }
            let Some(opening) = known.iter().find(|session| session.state == SessionState::Opening) else {
                let locked = locked(&known, quote);
                match self.begin(quote, need, locked).await? {
                    Some(step) => return Ok(Opened::Step(step)),
                    None => continue,
                }
            };
            if let Some(left) = self.sessions.half_done(opening.id).await?.pop()
                && self.sessions.adopt(&left, self.taken_over(&left)?, &self.owner).await?
            {
                return Ok(Opened::Step(self.open_again(opening.clone(), left, quote).await?));
            }
            if started.elapsed() > PATIENCE {
                let sentence = "another call is opening a session there and has not come to an end; try again later";
                return Ok(Opened::Step(no_offer(sentence)));
            }
            tokio::time::sleep(GLANCE).await;
            self.client.forget_what_was_never_signed().await?;
        }
    }

    /// Claims the place, reserves, signs, keeps, presents. `None` when another call was quicker.
    async fn begin(&mut self, quote: &SessionQuote, need: Need, locked: Price) -> Result<Option<Step>, PayError> {
        let client = self.client;
        let first = match need {
            Need::More(amount) => amount,
            Need::Total(_) => quote.unit_amount,
        };
        let levels = match self.levels().await {
            Ok(levels) => levels,
            Err(refused) => return Ok(Some(Step::Over(denied(refused)?))),
        };
        let planned = planning::deposit(self.payer.as_ref(), quote, first, locked, &levels, self.order);
        let deposit = match planned {
            Ok(deposit) => deposit,
            Err(reason) => return Ok(Some(no_offer(reason.to_string()))),
        };
        if let Some(step) = self.beyond_the_call(&deposit, &levels) {
            return Ok(Some(step));
        }
        if let Some(sentence) = self.shortage(&deposit).await {
            return Ok(Some(no_offer(sentence)));
        }
        let (reservation, at) = (client.wallet.ambient.random()?, client.wallet.ambient.now());
        let (amount, fee, cost) = (deposit.amount, deposit.fee, deposit.cost);
        let kept = KeptDeposit { reservation, amount, fee, cost, is_in: false };
        let new = NewSession::of(quote, client.wallet.drawer(), self.request.url(), at);
        let Some(session) = self.sessions.begin(new, kept, &self.owner).await? else { return Ok(None) };
        reach("wallet-after-session-begin");
        let from = self.request.redirected_from();
        let sellers = client.wallet.sellers();
        let (asking, grounds) = (self.request.asking(self.order, from.as_ref()), client.grounds(&levels, &sellers));
        let locked = self.locked(&levels, locked, cost).await?;
        let bought = format!("session for {}", self.request.for_the_owner());
        let approved =
            approve_deposit(&client.wallet.budgets, &grounds, deposit, locked, &asking, reservation, &bought);
        match approved.await {
            Ok(approved) => {
                reach("wallet-after-deposit-reserve");
                self.open(session, quote, approved).await.map(Some)
            }
            Err(refused) => {
                let outcome = denied(refused)?;
                self.not_reserved(session).await?;
                Ok(Some(Step::Over(outcome)))
            }
        }
    }

    /// Why this call may not sign for what an opening pays first, with what it has signed for already.
    fn beyond_the_call(&self, deposit: &Deposit, levels: &[Level]) -> Option<Step> {
        let quote = &deposit.quote;
        let whole = self.added.checked_add(deposit.first).unwrap_or(deposit.first);
        let cost = KeptSession::worth_by_unit(whole, quote.unit_amount, quote.unit_cost);
        let per_payment = most_per_payment(levels).filter(|_| !self.order.streams);
        let limits = [
            (Rule::PerPayment, per_payment, "the limit per payment"),
            (Rule::Max, self.order.max, "the limit for this call"),
        ];
        limits.into_iter().find_map(|(rule, limit, name)| {
            let limit = limit.filter(|limit| limit.currency() == cost.currency())?;
            let sentence = || format!("the session would begin with {cost} for this call, and {name} is {limit}");
            (cost.millionths() > limit.millionths()).then(|| over(rule, sentence()))
        })
    }

    async fn open(
        &mut self,
        session: i64,
        quote: &SessionQuote,
        approved: Approved<Deposit>,
    ) -> Result<Step, PayError> {
        let first = approved.get().first;
        let OpenedChannel { channel, credential, to_send } = match self.payer.open(approved).await {
            Ok(opened) => opened,
            Err(error) => {
                self.not_signed(session).await?;
                return Ok(Step::Over(Outcome::refused(error.to_string())));
            }
        };
        reach("wallet-after-open-sign");
        let signed = Signed { credential, to_send };
        let opening = self.purchase(session, Kind::Open, first, first, self.request, &signed)?;
        let id = opening.id;
        if !self.sessions.keep_opening(channel, opening, &self.owner).await? {
            return Ok(no_offer(TAKEN_OVER));
        }
        reach("wallet-after-open-keep");
        self.added = self.added.checked_add(first).unwrap_or(first);
        self.drawable = self.drawable.checked_add(first).unwrap_or(first);
        if let Some(step) = self.send_first(&signed, id, session).await? {
            return Ok(step);
        }
        let presentation = self.client.present(self.transport, self.request, &signed.credential, false).await;
        self.conclude_opening(session, id, quote, &signed.credential, presentation).await
    }

    /// Presents again what a call that is no more had signed, with this request.
    async fn open_again(
        &mut self,
        opening: KeptSession,
        left: Purchase,
        quote: &SessionQuote,
    ) -> Result<Step, PayError> {
        let Some((_, signed)) = self.client.unsealed(&left)? else {
            let reason = "its opening was signed with a key that is no longer in use";
            self.sessions.stop(opening.id, SessionState::Lost, reason, None).await?;
            return Ok(Step::Again(quote.clone(), Need::More(quote.unit_amount)));
        };
        self.added = self.added.checked_add(left.total).unwrap_or(left.total);
        self.drawable = self.drawable.checked_add(left.total).unwrap_or(left.total);
        if let Some(step) = self.send_first(&signed, left.id, opening.id).await? {
            return Ok(step);
        }
        let presentation = self.client.present(self.transport, self.request, &signed.credential, true).await;
        self.conclude_opening(opening.id, left.id, quote, &signed.credential, presentation).await
    }

    /// Sends what must be where the money is before the seller hears of it.
    pub(super) async fn send_first(
        &self,
        signed: &Signed,
        purchase: [u8; 16],
        session: i64,
    ) -> Result<Option<Step>, PayError> {
        let Some(to_send) = &signed.to_send else { return Ok(None) };
        let sent = self.payer.send(to_send).await;
        reach("wallet-after-first");
        let cost = self.cost_of(session, self.added).await?;
        let (sentence, repeatable) = match sent {
            Sent::Moved => return Ok(None),
            Sent::Unknown(sentence) => (sentence, true),
            Sent::Never(sentence) => {
                self.sessions.stop(session, SessionState::Lost, &sentence, None).await?;
                (format!("{sentence}; it stays counted until farthing sessions sync finds out more"), false)
            }
        };
        if repeatable {
            self.sessions.leave(purchase).await?;
        }
        Ok(Some(Step::Over(Outcome::Unknown { cost, sentence, repeatable })))
    }

    /// What the answer to an opening proves. A refused one is not tried again by itself: where it is not
    /// certain that no deposit was made, it stays counted.
    pub(super) async fn conclude_opening(
        &mut self,
        id: i64,
        purchase: [u8; 16],
        quote: &SessionQuote,
        credential: &Credential,
        presentation: Presentation,
    ) -> Result<Step, PayError> {
        let session = self.reload(id).await?;
        let Presentation { answer, doubt } = presentation;
        let refused = match answer {
            Answer::Success(response) => {
                self.sessions.opened(id).await?;
                let session = self.reload(id).await?;
                return self.served(session, Some(purchase), quote, credential, response).await;
            }
            Answer::Nothing(sentence) => return self.unknown(&session, purchase, sentence).await,
            Answer::Other(response) if response.status().as_u16() == 410 => Refusal::of(response).await,
            Answer::Other(response) if response.status().as_u16() == 409 => Refusal::of(response).await,
            Answer::Other(response) => {
                self.sessions.leave(purchase).await?;
                let cost = session.worth(self.added);
                return Ok(Step::Over(Outcome::ServerError { response, cost }));
            }
            Answer::Unpaid(demand) => {
                match self.asks_for_more(&session, quote, &demand) {
                    Ok(Some((next, need))) => {
                        // It speaks of this very session, so its deposit is there.
                        self.sessions.opened(id).await?;
                        self.sessions.conclude(id, Some(purchase), None, false).await?;
                        return Ok(Step::Again(next, need));
                    }
                    Ok(None) => {}
                    Err(overclaim) => return self.disbelieve(&session, &overclaim).await,
                }
                Refusal::from(&demand)
            }
        };
        match self.standing(&session).await {
            Standing::Says(standing) if !standing.closed && !standing.deposit.is_zero() => {
                self.sessions.opened(id).await?;
                self.sessions.conclude(id, Some(purchase), None, false).await?;
                Ok(Step::Again(quote.clone(), Need::Total(session.signed)))
            }
            // An earlier sending opened it, and its answer was lost. What that paid for was served.
            Standing::SellersWord if refused.is_of_an_open_session() => {
                self.sessions.opened(id).await?;
                self.sessions.conclude(id, Some(purchase), None, false).await?;
                Ok(Step::Again(quote.clone(), Need::More(quote.unit_amount)))
            }
            Standing::SellersWord if refused.is_proof() && (!doubt || self.is_long_over(credential, &refused)) => {
                if let Some(given_up) = self.sessions.give_up(id, purchase, &self.owner).await? {
                    self.client.let_go_of(&self.sessions, given_up, "the seller opened no session").await?;
                }
                Ok(no_offer(format!("the seller opened no session: {}", refused.sentence())))
            }
            _ if doubt => self.unknown(&session, purchase, refused.sentence()).await,
            _ => {
                let reason = format!("the seller refused to open it: {}", refused.sentence());
                self.sessions.stop(id, SessionState::Lost, &reason, None).await?;
                let cost = session.locked();
                let sentence = format!(
                    "{reason}; what was signed could still be used, so it stays counted until farthing sessions sync \
                     finds out more"
                );
                Ok(Step::Over(Outcome::Unknown { cost, sentence, repeatable: false }))
            }
        }
    }

    /// Whether the seller calls its offer over, and it has been for so long that nothing of an earlier sending can be
    /// under way any more: what is not open then is never opened.
    fn is_long_over(&self, credential: &Credential, refused: &Refusal) -> bool {
        let end = credential.challenge().expires().map(|end| end.after(UNDER_WAY));
        refused.problem == Some(ProblemType::PaymentExpired)
            && end.is_some_and(|end| end < self.client.wallet.ambient.now())
    }

    async fn shortage(&self, deposit: &Deposit) -> Option<String> {
        let asked = tokio::time::timeout(Duration::from_secs(5), self.payer.available(&deposit.quote)).await;
        let available = asked.ok().flatten()?;
        let needed = deposit.amount.checked_add(deposit.fee)?;
        let (method, intent) = self.payer.pays();
        let asset = &deposit.quote.asset;
        (needed > available).then(|| {
            format!(
                "{method}/{intent}: the deposit takes {}, and there is {}; name a smaller one with --deposit",
                asset.display(needed),
                asset.display(available)
            )
        })
    }

    /// Nothing was reserved for what this call began.
    pub(super) async fn not_reserved(&self, session: i64) -> Result<(), PayError> {
        match self.sessions.take_back(session, &self.owner).await? {
            Some(begun) => Ok(self.sessions.forget(begun).await?),
            None => Ok(()),
        }
    }

    /// Nothing was signed of what this call began and reserved.
    pub(super) async fn not_signed(&self, session: i64) -> Result<(), PayError> {
        match self.sessions.take_back(session, &self.owner).await? {
            Some(begun) => self.client.let_go_of(&self.sessions, begun, "nothing was signed").await,
            None => Ok(()),
        }
    }

    pub(super) async fn reload(&self, session: i64) -> Result<KeptSession, PayError> {
        let found = self.sessions.session(session).await?;
        found.ok_or_else(|| PayError::Record("a session was removed by another process".to_owned()))
    }

    pub(super) fn purchase(
        &self,
        session: i64,
        kind: Kind,
        total: Amount,
        added: Amount,
        request: &Prepared,
        signed: &Signed,
    ) -> Result<Purchase, PayError> {
        let ambient = &self.client.wallet.ambient;
        let id: [u8; 16] = ambient.random()?;
        let sealed = self.sealed_for(request, &id, signed)?;
        let (fingerprint, owner, at) = (self.request.fingerprint(), Some(self.owner.clone()), ambient.now());
        Ok(Purchase { id, session, kind, fingerprint, owner, total, added, sealed, at })
    }

    /// What another call had signed, as this call's: should it end midway, too, this call's request is what it is
    /// presented with again, and no other's answer is what this one gets.
    pub(super) fn taken_over(&self, left: &Purchase) -> Result<(Fingerprint, Vec<u8>), PayError> {
        let sealed = match self.client.unsealed(left)? {
            Some((_, signed)) => self.sealed_for(self.request, &left.id, &signed)?,
            None => left.sealed.clone(),
        };
        Ok((self.request.fingerprint(), sealed))
    }

    fn sealed_for(&self, request: &Prepared, id: &[u8; 16], signed: &Signed) -> Result<Vec<u8>, PayError> {
        let sendable = Sendable::new(request.method(), request.url(), request.idempotency_key(), signed);
        self.client.sealed(id, &sendable)
    }

    async fn cost_of(&self, session: i64, amount: Amount) -> Result<Price, PayError> {
        Ok(self.reload(session).await?.worth(amount))
    }
}

pub(super) use super::answer::Refusal;

/// What is unspent in these sessions.
pub(super) fn locked(known: &[KeptSession], quote: &SessionQuote) -> Price {
    let locked = known.iter().map(|session| session.locked().millionths()).fold(0, u64::saturating_add);
    Price::from_millionths(locked, quote.unit_cost.currency())
}

impl crate::client::PayingClient {
    /// Says in the budgets that what was reserved was not used.
    pub(super) async fn let_go(&self, reservation: [u8; 16], reason: &str) -> Result<(), StoreError> {
        let (reason, at) = (reason.to_owned(), self.wallet.ambient.now());
        self.wallet.budgets.submit(Command::Release { reservation, reason, at }).await.map(drop)
    }
}
