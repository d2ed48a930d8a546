use std::time::Duration;

use farthing_books::{ApprovalRecord, ApprovalState};

use super::{Order, Outcome, PayError, PayingClient};

/// More questions than this about one call are not waited for: its seller changes what it asks for.
const MOST_QUESTIONS: u32 = 3;

impl PayingClient {
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
            asked(&self.wallet.approval(id).await?);
            let left = patience.saturating_sub(started.elapsed());
            let record = self.wallet.wait(id, left).await?;
            if record.state == ApprovalState::Pending {
                return Ok(outcome);
            }
        }
        self.pay_as(request, order).await
    }
}
