use farthing_books::Command;
use farthing_money::{Amount, Price};
use farthing_protocol::ProblemType;
use farthing_rail::SessionQuote;

use super::answer::Refusal;
use super::{Buying, Need, Standing, Step, no_offer};
use crate::client::{PayError, PayingClient};
use crate::sessions::{KeptSession, SessionState};

/// What of an ended session is spent.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) enum Spent {
    /// As much as is said, and no more than was signed for.
    Said(Amount),
    /// All that was signed for.
    Signed,
}

impl Buying<'_> {
    /// 410: the seller says that the session is no more. What its deposit is worth is asked of where it is; only
    /// where that says so, or where the seller's own books are that place, it has ended.
    pub(super) async fn gone(
        &mut self,
        session: KeptSession,
        refusal: &Refusal,
        quote: &SessionQuote,
    ) -> Result<Step, PayError> {
        let ended = match self.standing(&session).await {
            Standing::Says(standing) if standing.closed => Some(Spent::Said(standing.settled)),
            // It gives back what it did not deliver, at best; all that was signed for counts as spent.
            Standing::SellersWord if refusal.problem == Some(ProblemType::SessionChannelFinalized) => {
                Some(Spent::Signed)
            }
            _ => None,
        };
        match ended {
            Some(spent) => {
                self.client.has_ended(&session, spent, "the seller has closed it").await?;
                Ok(Step::Again(quote.clone(), Need::More(quote.unit_amount)))
            }
            None => {
                let reason = format!("the seller says that there is no such session: {}", refusal.sentence());
                self.sessions.stop(session.id, SessionState::Lost, &reason, None).await?;
                let channel = session.channel.unwrap_or_default();
                Ok(no_offer(format!(
                    "{reason}; its deposit stays counted until farthing sessions sync or farthing sessions close \
                     {channel} --force finds out more"
                )))
            }
        }
    }
}

impl PayingClient {
    /// A session has ended with so much of it spent: that is what it cost, and the rest is free again.
    pub(in crate::client) async fn has_ended(
        &self,
        session: &KeptSession,
        spent: Spent,
        reason: &str,
    ) -> Result<Price, PayError> {
        let sessions = self.wallet.sessions()?;
        // Nothing is signed any more from here on, and what other processes have signed meanwhile counts too.
        sessions.stop(session.id, SessionState::Closing, reason, None).await?;
        let session = &sessions.session(session.id).await?.unwrap_or_else(|| session.clone());
        let spent = match spent {
            Spent::Said(spent) => spent.min(session.signed),
            Spent::Signed => session.signed,
        };
        let receipt = session.channel.clone();
        let mut cost = super::price_of_nothing(session);
        for (reservation, price) in session.costs(spent) {
            let (receipt, at) = (receipt.clone(), self.wallet.ambient.now());
            let command = Command::Confirm { reservation, receipt, cost: Some(price), at };
            self.wallet.budgets.submit(command).await?;
            cost = Price::from_millionths(cost.millionths().saturating_add(price.millionths()), cost.currency());
        }
        // Should this process die before, the next one asks again and confirms once more, which changes nothing.
        sessions.ended(session.id, spent, reason).await?;
        Ok(cost)
    }
}
