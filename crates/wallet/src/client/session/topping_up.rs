use farthing_money::Amount;
use farthing_protocol::{Credential, ProblemType};
use farthing_rail::{Deposit, OpenedChannel, SessionQuote, Signed};

use super::answer::Refusal;
use super::{Buying, Standing, Step, denied, no_offer, planning};
use crate::client::presenting::{Answer, Presentation};
use crate::client::{Outcome, PayError};
use crate::failpoint::reach;
use crate::policy::approve_deposit;
use crate::sessions::{KeptDeposit, KeptSession, Kind};

impl Buying<'_> {
    /// Makes a session hold what a total needs. One addition at a time; what a dead call signed is presented
    /// again first.
    pub(super) async fn top_up(
        &mut self,
        session: KeptSession,
        quote: &SessionQuote,
        total: Amount,
    ) -> Result<Result<KeptSession, Step>, PayError> {
        if let Some(left) = self.sessions.half_done(session.id).await?.into_iter().find(|left| left.kind == Kind::TopUp)
        {
            if !self.sessions.adopt(&left, self.taken_over(&left)?, &self.owner).await? {
                return Ok(Err(no_offer("another call is adding to the session; try again")));
            }
            let Some((_, signed)) = self.client.unsealed(&left)? else {
                return Ok(Err(no_offer(
                    "an addition was signed with a key that is no longer in use; close the session",
                )));
            };
            return self.present_top_up(&session, left.id, left.total, &signed, session.kept.clone()).await;
        }
        let missing = total.checked_sub(session.deposit).unwrap_or(Amount::ZERO);
        let levels = match self.levels().await {
            Ok(levels) => levels,
            Err(refused) => return Ok(Err(Step::Over(denied(refused)?))),
        };
        // What lies in sessions that pay no more counts too, as it does when one is opened.
        let wallet = self.client.wallet.drawer();
        let known = self.sessions.on_terms(wallet, &session.origin, &session.terms).await?;
        let locked = super::opening::locked(&known, quote);
        let planned = planning::deposit(self.payer.as_ref(), quote, missing, locked, &levels, self.order);
        let deposit = match planned {
            Ok(deposit) => deposit,
            Err(reason) => return Ok(Err(no_offer(reason.to_string()))),
        };
        let (reservation, wallet) = (self.client.wallet.ambient.random()?, &self.client.wallet);
        let Deposit { amount, fee, cost, .. } = deposit;
        let kept = KeptDeposit { reservation, amount, fee, cost, is_in: false };
        if !self.sessions.begin_top_up(session.id, kept, &self.owner).await? {
            return Ok(Err(no_offer("another call is adding to the session; try again")));
        }
        reach("wallet-after-session-begin");
        let from = self.request.redirected_from();
        let sellers = self.client.wallet.sellers();
        let (asking, grounds) =
            (self.request.asking(self.order, from.as_ref()), self.client.grounds(&levels, &sellers));
        let bought = format!("addition to the session for {}", self.request.for_the_owner());
        let (books, locked) = (&wallet.budgets, self.locked(&levels, locked, cost).await?);
        let approved = match approve_deposit(books, &grounds, deposit, locked, &asking, reservation, &bought).await {
            Ok(approved) => approved,
            Err(refused) => {
                let outcome = denied(refused)?;
                self.not_reserved(session.id).await?;
                return Ok(Err(Step::Over(outcome)));
            }
        };
        reach("wallet-after-deposit-reserve");
        let Some(channel) = session.as_channel() else { return Ok(Err(no_offer("the session has no channel yet"))) };
        let OpenedChannel { channel, credential, to_send } = match self.payer.top_up(&channel, approved).await {
            Ok(opened) => opened,
            Err(error) => {
                self.not_signed(session.id).await?;
                return Ok(Err(Step::Over(Outcome::refused(error.to_string()))));
            }
        };
        let signed = Signed { credential, to_send };
        let top_up = self.purchase(session.id, Kind::TopUp, amount, Amount::ZERO, self.request, &signed)?;
        let id = top_up.id;
        if !self.sessions.keep_top_up(top_up, &self.owner).await? {
            self.client.let_go(reservation, "it never left").await?;
            return Ok(Err(no_offer(super::opening::TAKEN_OVER)));
        }
        reach("wallet-after-open-keep");
        self.present_top_up(&session, id, amount, &signed, channel.kept).await
    }

    async fn present_top_up(
        &mut self,
        session: &KeptSession,
        id: [u8; 16],
        amount: Amount,
        signed: &Signed,
        kept: Vec<u8>,
    ) -> Result<Result<KeptSession, Step>, PayError> {
        if let Some(step) = self.send_first(signed, id, session.id).await? {
            return Ok(Err(step));
        }
        let presentation = self.manage(&signed.credential).await?;
        let raised = session.deposit.checked_add(amount).unwrap_or(session.deposit);
        match self.became_of_top_up(session, raised, &signed.credential, presentation).await? {
            Became::In => {
                self.sessions.topped_up(session.id, Some(id), raised, kept).await?;
                Ok(Ok(self.reload(session.id).await?))
            }
            Became::Never(sentence) => {
                if let Some(given_up) = self.sessions.give_up(session.id, id, &self.owner).await? {
                    self.client.let_go_of(&self.sessions, given_up, "the seller took no addition").await?;
                }
                Ok(Err(no_offer(sentence)))
            }
            Became::Unknown(sentence) => {
                self.sessions.leave(id).await?;
                let cost = session.worth(amount);
                Ok(Err(Step::Over(Outcome::Unknown { cost, sentence, repeatable: true })))
            }
        }
    }

    async fn became_of_top_up(
        &self,
        session: &KeptSession,
        raised: Amount,
        _: &Credential,
        presentation: Presentation,
    ) -> Result<Became, PayError> {
        let Presentation { answer, doubt } = presentation;
        let refusal = match answer {
            Answer::Success(_) => return Ok(Became::In),
            Answer::Nothing(sentence) => return Ok(Became::Unknown(sentence)),
            Answer::Unpaid(demand) => Refusal::from(&demand),
            Answer::Other(response) => Refusal::of(response).await,
        };
        let sentence = format!("the seller took no addition to the session: {}", refusal.sentence());
        Ok(match self.standing(session).await {
            Standing::Says(standing) if standing.deposit >= raised => Became::In,
            Standing::SellersWord if !doubt && refusal.is_proof() => Became::Never(sentence),
            Standing::SellersWord if refusal.problem == Some(ProblemType::PaymentInsufficient) => {
                Became::Never(sentence)
            }
            _ => Became::Unknown(format!("{sentence}; it stays counted, and the same call presents it again")),
        })
    }
}

enum Became {
    In,
    Never(String),
    Unknown(String),
}
