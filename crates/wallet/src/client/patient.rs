use std::time::Duration;

use farthing_books::{ApprovalId, ApprovalRecord, ApprovalState};

use super::demand::Demand;
use super::request::Prepared;
use super::transport::Transport;
use super::{Order, Outcome, PayError, PayingClient, Round, Streamed};

/// More questions than this about one call are not waited for: its seller changes what it asks for.
const MOST_QUESTIONS: u32 = 3;

impl PayingClient {
    /// Answers one 402; where somebody has to be asked, the webhook is told, and what it answers at once counts
    /// for this call.
    pub(super) async fn answer_or_ask(
        &self,
        transport: &dyn Transport,
        request: &Prepared,
        demand: &Demand,
        order: &Order,
    ) -> Result<Round, PayError> {
        match self.answer(transport, request, demand, order).await? {
            Round::Over(Outcome::AwaitsApproval { id, .. }) if self.is_allowed_at_once(id).await => {
                self.answer(transport, request, demand, order).await
            }
            answered => Ok(answered),
        }
    }

    async fn is_allowed_at_once(&self, id: ApprovalId) -> bool {
        let desk = self.wallet.desk();
        let told = async { desk.announce(desk.one(id).await?).await };
        match told.await {
            Ok(record) => record.state == ApprovalState::Allowed,
            Err(error) => {
                tracing::warn!(approval = %id, %error, "nobody could be told of a question");
                false
            }
        }
    }

    /// The same as [`PayingClient::pay_as`], and where a person has to be asked, waits for their answer, for so
    /// long at most, and then pays. `asked` is told of each question.
    pub async fn pay_when_allowed(
        &self,
        request: reqwest::Request,
        order: &Order,
        patience: Duration,
        mut asked: impl FnMut(&ApprovalRecord) + Send,
    ) -> Result<Outcome, PayError> {
        let started = tokio::time::Instant::now();
        for _ in 0..MOST_QUESTIONS {
            let Some(again) = request.try_clone() else { break };
            let outcome = self.pay_as(again, order).await?;
            let Outcome::AwaitsApproval { id, .. } = outcome else { return Ok(outcome) };
            if !self.is_answered(id, patience.saturating_sub(started.elapsed()), &mut asked).await? {
                return Ok(outcome);
            }
        }
        self.pay_as(request, order).await
    }

    /// The same of [`PayingClient::stream`]: waits before the stream begins. What is asked of a person while it is
    /// under way ends it.
    pub async fn stream_when_allowed(
        &self,
        request: reqwest::Request,
        order: &Order,
        patience: Duration,
        mut asked: impl FnMut(&ApprovalRecord) + Send,
    ) -> Result<Streamed, PayError> {
        let started = tokio::time::Instant::now();
        for _ in 0..MOST_QUESTIONS {
            let Some(again) = request.try_clone() else { break };
            let streamed = self.stream(again, order).await?;
            let Streamed::Other(outcome) = &streamed else { return Ok(streamed) };
            let Outcome::AwaitsApproval { id, .. } = **outcome else { return Ok(streamed) };
            if !self.is_answered(id, patience.saturating_sub(started.elapsed()), &mut asked).await? {
                return Ok(streamed);
            }
        }
        self.stream(request, order).await
    }

    /// Whether a question was answered in time.
    async fn is_answered(
        &self,
        id: ApprovalId,
        patience: Duration,
        asked: &mut (impl FnMut(&ApprovalRecord) + Send),
    ) -> Result<bool, PayError> {
        asked(&self.wallet.approval(id).await?);
        Ok(self.wallet.wait(id, patience).await?.state != ApprovalState::Pending)
    }
}
