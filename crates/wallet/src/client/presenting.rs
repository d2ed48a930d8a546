use std::time::Duration;

use farthing_dialects::x402::code::SETTLEMENT_PENDING;
use farthing_protocol::{Credential, ProblemType};
use http::StatusCode;
use http::header::RETRY_AFTER;
use reqwest::Response;

use super::PayingClient;
use super::demand::Demand;
use super::request::{Prepared, is_x402};
use super::transport::{MOST_REDIRECTS, Transport};
use crate::failpoint::reach;

/// The first wait before a credential is sent again; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// What became of presenting one credential, as often as needed.
pub(super) struct Presentation {
    pub(super) answer: Answer,
    /// Whether an earlier sending may have been taken.
    pub(super) doubt: bool,
}

pub(super) enum Answer {
    Success(Response),
    /// 402.
    Unpaid(Demand),
    /// A final answer that is neither.
    Other(Response),
    /// No final answer; what is known.
    Nothing(String),
}

/// What is said where a balance holds too little.
pub(super) const TOO_LITTLE: &str = "the balance at the server does not hold the amount; top it up";

/// What a 402 to a credential says about the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is proven that nothing was taken, and a new offer may be paid.
    NewPrice,
    /// It is proven that nothing was taken, because the balance that was to pay holds too little. Another offer may
    /// be paid.
    TooLittle,
    /// It is proven that nothing was taken, and another payment would fare no better.
    NotPaid(&'static str),
    /// Something may have been taken.
    Unclear,
}

/// What a 402 proves. After a lost answer, a refused challenge proves nothing: it may be refused
/// because it was used.
pub(super) fn meaning(problem: Option<ProblemType>, doubt: bool) -> Meaning {
    match problem {
        Some(ProblemType::VerificationFailed) => Meaning::NewPrice,
        Some(ProblemType::InvalidPayload | ProblemType::MalformedCredential) => {
            Meaning::NotPaid("the server cannot read this wallet's payments")
        }
        _ if doubt => Meaning::Unclear,
        Some(ProblemType::PaymentInsufficient) => Meaning::TooLittle,
        Some(ProblemType::PaymentActionRequired) => Meaning::NotPaid("the server wants a step that needs a person"),
        Some(ProblemType::InvalidChallenge | ProblemType::PaymentExpired | ProblemType::PaymentRequired) => {
            Meaning::NewPrice
        }
        _ => Meaning::Unclear,
    }
}

impl PayingClient {
    /// Sends one credential until there is a final answer or patience ends. It goes to the origin of
    /// the offer and nowhere else.
    pub(super) async fn present(
        &self,
        transport: &dyn Transport,
        request: &Prepared,
        credential: &Credential,
        sent_before: bool,
    ) -> Presentation {
        let mut request = request.clone();
        let (mut doubt, mut redirects, mut attempt) = (sent_before, 0, 0);
        let mut known = String::from("the credential was not sent");
        while attempt < self.settings.attempts {
            let paid = match request.paid(credential) {
                Ok(paid) => paid,
                Err(error) => return Presentation { answer: Answer::Nothing(error.to_string()), doubt },
            };
            let sent = transport.send(paid).await;
            reach("wallet-after-send");
            let mut asked = None;
            match sent {
                Err(lost) => {
                    doubt |= !lost.never_left;
                    known = format!("the answer to the paid request was lost: {}", lost.reason);
                }
                Ok(response) if !request.is_same_origin(response.url()) => {
                    return Presentation { answer: Answer::Other(response), doubt: true };
                }
                Ok(response) if response.status().is_redirection() => match request.redirect_target(&response) {
                    Some(target) if request.is_same_origin(&target) && redirects < MOST_REDIRECTS => {
                        request.redirect_to(target);
                        redirects += 1;
                        continue;
                    }
                    _ => return Presentation { answer: Answer::Other(response), doubt: true },
                },
                Ok(response) if must_be_repeated(&response) => {
                    doubt = true;
                    known = format!("the server answered the paid request with {}", response.status());
                    asked = retry_after(&response);
                }
                Ok(response) => match final_answer(response).await {
                    Answer::Unpaid(demand) if is_x402(credential) && is_pending(&demand) => {
                        doubt = true;
                        known = "the server is still settling the payment".to_owned();
                    }
                    answer => return Presentation { answer, doubt },
                },
            }
            attempt += 1;
            if attempt < self.settings.attempts {
                tokio::time::sleep(self.wait(attempt, asked)).await;
            }
        }
        Presentation { answer: Answer::Nothing(known), doubt }
    }

    fn wait(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let own = FIRST_WAIT.saturating_mul(1 << attempt.saturating_sub(1).min(10));
        asked.unwrap_or(own).min(self.settings.longest_wait)
    }
}

/// The server is not done with this credential, or does not know: the same one is sent again.
fn must_be_repeated(response: &Response) -> bool {
    let status = response.status();
    let later = response.headers().contains_key(RETRY_AFTER);
    status.is_server_error()
        || status == StatusCode::TOO_EARLY
        || (later && matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS))
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The one word of x402 that asks for the same payment again.
fn is_pending(demand: &Demand) -> bool {
    demand.error().as_deref() == Some(SETTLEMENT_PENDING)
}

async fn final_answer(response: Response) -> Answer {
    match response.status() {
        // A WebSocket that opens is what was bought.
        status if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS => Answer::Success(response),
        StatusCode::PAYMENT_REQUIRED => Answer::Unpaid(Demand::read(response).await),
        _ => Answer::Other(response),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_registered_problem_proves_that_nothing_was_taken() {
        assert_eq!(meaning(None, false), Meaning::Unclear);
        assert_eq!(meaning(Some(ProblemType::InternalPaymentError), false), Meaning::Unclear);
        for problem in [ProblemType::InvalidChallenge, ProblemType::PaymentExpired, ProblemType::VerificationFailed] {
            assert_eq!(meaning(Some(problem), false), Meaning::NewPrice);
        }
        assert_eq!(meaning(Some(ProblemType::PaymentInsufficient), false), Meaning::TooLittle);
    }

    #[test]
    fn after_a_lost_answer_a_refused_challenge_proves_nothing() {
        let ambiguous = [
            ProblemType::InvalidChallenge,
            ProblemType::PaymentExpired,
            ProblemType::PaymentRequired,
            ProblemType::PaymentInsufficient,
        ];
        for problem in ambiguous {
            assert_eq!(meaning(Some(problem), true), Meaning::Unclear, "{problem:?}");
        }
        assert_eq!(meaning(Some(ProblemType::VerificationFailed), true), Meaning::NewPrice);
    }
}
