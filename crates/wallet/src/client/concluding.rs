//! What a server's answer to a payment proves, and what is done about it.

use std::time::Duration;

use farthing_books::Command;
use farthing_money::Price;
use farthing_protocol::{Credential, Receipt};
use farthing_rail::{Became, SignError};
use http::StatusCode;
use reqwest::Response;

use super::plain::plain;
use super::presenting::{self, Answer, Presentation};
use super::request::is_x402;
use super::told::told;
use super::{Outcome, PayError, PayingClient, Round};
use crate::failpoint::reach;
use crate::outgoing::Record;

/// How long the chain is asked what a server did not say.
const PATIENCE: Duration = Duration::from_secs(3);

impl PayingClient {
    /// Confirms, releases or leaves the reservation by what the server's answer proves.
    pub(super) async fn conclude(
        &self,
        credential: &Credential,
        presentation: Presentation,
        record: Record,
    ) -> Result<Round, PayError> {
        let cost = record.cost;
        let Presentation { answer, doubt } = presentation;
        let outcome = match answer {
            Answer::Success(response) => self.answered(credential, response, record).await?,
            Answer::Unpaid(demand) if self.is_money(credential, cost) => {
                record.refused()?;
                let reason = demand.error().map(|reason| format!(" ({reason})")).unwrap_or_default();
                let sentence = format!(
                    "the server refused the payment{reason}, but what was signed can still be taken; it stays counted \
                     until it is certain that it was not, and the next call pays anew"
                );
                Outcome::Unknown { cost, sentence, repeatable: false }
            }
            Answer::Unpaid(mut demand) => match presenting::meaning(demand.problem(), doubt) {
                presenting::Meaning::NewPrice => {
                    self.release(record, "the server took nothing and named new terms").await?;
                    return Ok(Round::Again(demand));
                }
                presenting::Meaning::TooLittle => {
                    self.release(record, presenting::TOO_LITTLE).await?;
                    let challenge = credential.challenge();
                    demand.short = Some((challenge.method().to_string(), challenge.intent().to_string()));
                    return Ok(Round::Again(demand));
                }
                presenting::Meaning::NotPaid(sentence) => {
                    self.release(record, sentence).await?;
                    Outcome::NoOffer { reasons: vec![sentence.to_owned()] }
                }
                presenting::Meaning::Unclear => {
                    record.finish();
                    let sentence = "the server asks for another payment, but the first may have been taken; \
                        it stays counted, and the next call pays anew";
                    Outcome::Unknown { cost, sentence: sentence.into(), repeatable: false }
                }
            },
            Answer::Other(response) if is_x402(credential) && response.status() == StatusCode::PRECONDITION_FAILED => {
                let sentence = "the token's owner must let Permit2 move it first; give it an allowance for this \
                    token on this chain once, and make the same call again";
                Outcome::Unknown { cost, sentence: sentence.into(), repeatable: true }
            }
            Answer::Other(response) => Outcome::ServerError { response, cost },
            Answer::Nothing(sentence) => Outcome::Unknown { cost, sentence, repeatable: true },
        };
        Ok(Round::Over(outcome))
    }

    /// An answer of success. Of the Payment scheme it means that the payment was taken; x402 says that in a
    /// header of its own, and without that word it is not known, unless the chain knows already.
    async fn answered(&self, credential: &Credential, response: Response, record: Record) -> Result<Outcome, PayError> {
        reach("wallet-before-confirm");
        let (cost, fee) = (record.cost, record.fee);
        let receipt = if is_x402(credential) {
            match told(response.headers(), credential, self.wallet.ambient.now()) {
                Ok(receipt) => Some(receipt),
                // Its home knows better than any server.
                Err(_) if self.became_of(credential, PATIENCE).await == Some(Became::Paid) => None,
                Err(sentence) => {
                    record.refused()?;
                    return Ok(Outcome::Unconfirmed { response, cost, sentence });
                }
            }
        } else {
            receipt_of(&response, credential)
        };
        self.note_subscription(credential, &response, receipt.as_ref(), cost);
        self.confirm(record, receipt.as_ref()).await;
        Ok(Outcome::Paid { response, receipt, cost, fee, session: None })
    }

    /// Whether a credential moves money for whoever holds it, whatever a server says of it. One of x402
    /// always does.
    fn is_money(&self, credential: &Credential, cost: Price) -> bool {
        let challenge = credential.challenge();
        let by = (challenge.method().as_str(), challenge.intent().as_str());
        let of_bearer = || self.payers.iter().any(|payer| payer.pays() == by && payer.is_bearer());
        cost.millionths() > 0 && (is_x402(credential) || of_bearer())
    }

    /// A failure does not cost the caller the answer that is paid for: the reservation then stays
    /// counted as one.
    pub(super) async fn confirm(&self, record: Record, receipt: Option<&Receipt>) {
        let receipt = receipt.map(|receipt| plain(&receipt.reference));
        let (reservation, at) = (record.reservation, self.wallet.ambient.now());
        if let Err(error) = self.wallet.budgets.submit(Command::Confirm { reservation, receipt, cost: None, at }).await
        {
            tracing::warn!(%error, "a payment could not be confirmed in the budgets; it stays reserved");
        }
        record.finish();
    }

    /// Nothing was signed here. Where somebody else makes the credential and gave no answer there may be one all
    /// the same: then its amount stays counted.
    pub(super) async fn unsigned(&self, record: Record, error: &SignError) -> Result<(), PayError> {
        match error {
            SignError::Unanswered(_) => record.finish(),
            _ => self.release(record, "nothing was signed").await?,
        }
        Ok(())
    }

    /// What a record is for was not made and will not be: it is never sent again, and then not counted any more.
    pub(super) async fn release(&self, record: Record, reason: &str) -> Result<(), PayError> {
        record.void()?;
        let (reason, at) = (reason.to_owned(), self.wallet.ambient.now());
        self.wallet.budgets.submit(Command::Release { reservation: record.reservation, reason, at }).await?;
        reach("wallet-after-release");
        record.finish();
        Ok(())
    }
}

/// The receipt, if there is one and it is for this payment.
pub(super) fn receipt_of(response: &Response, credential: &Credential) -> Option<Receipt> {
    let text = response.headers().get("payment-receipt")?.to_str().ok()?;
    let receipt = Receipt::parse(text).ok()?;
    let challenge = credential.challenge();
    let other = receipt.challenge_id.as_ref().is_some_and(|id| id != challenge.id());
    if other || receipt.method != *challenge.method() {
        tracing::warn!("the server sent a receipt for another payment; it is not kept");
        return None;
    }
    Some(receipt)
}
