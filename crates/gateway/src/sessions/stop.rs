//! Why a session's credential buys nothing, and the answer to that.

use farthing_books::{SessionRecord, SessionRefusal};
use farthing_money::Amount;
use farthing_protocol::{ChallengeId, ProblemType};
use farthing_rail::{Fault, SessionId};
use farthing_store::StoreError;
use http::{Response, StatusCode};
use std::time::Duration;

use super::keeper::{Barred, Limit};
use super::known::Known;
use crate::answer;
use crate::denial::Denial;
use crate::lifecycle::{Head, Sale, in_doubt, refuse as refuse_with, store_down};
use crate::proxy::Body;
use crate::quote::{BodyBinding, measure};
use crate::route::SessionTerms;
use crate::seller::Seller;

/// Why a credential bought nothing.
pub(super) enum Stop {
    /// It is refused, with fresh challenges where that helps.
    Denied(Box<Denial>),
    /// Answered without any: the money may be on its way, or the books did not answer.
    Elsewhere(Box<Response<Body>>),
}

impl Stop {
    pub(super) fn denied(kind: ProblemType, detail: impl Into<String>) -> Self {
        Denial::new(kind, detail).into()
    }

    /// With the challenge that it concerns.
    pub(super) fn about(self, challenge: &ChallengeId) -> Self {
        match self {
            Self::Denied(denial) => denial.about(challenge).into(),
            elsewhere => elsewhere,
        }
    }

    /// The books did not answer: nothing is served, and the same credential stays good.
    pub(super) fn store_down(seller: &Seller, error: &StoreError) -> Self {
        Self::Elsewhere(Box::new(store_down(seller, error)))
    }

    /// Nobody knows yet: the same credential again.
    pub(super) fn in_doubt(ask_again: Duration) -> Self {
        Self::Elsewhere(Box::new(in_doubt(ask_again)))
    }

    /// Too much is carried as it is: the same credential again, once some of it is collected.
    pub(super) fn barred(seller: &Seller, barred: Barred) -> Self {
        let whose = match barred {
            Barred::By(Limit::Payer) => "of this payer",
            Barred::By(Limit::Rail) => "in all",
            Barred::Unknown(error) => return Self::store_down(seller, &error),
        };
        let detail = format!(
            "As much as may be is delivered {whose} and not collected; it is being collected. Repeat this request in a \
             moment with the same credential."
        );
        let response = answer::plain(StatusCode::SERVICE_UNAVAILABLE, &detail);
        Self::Elsewhere(Box::new(answer::retry_after(response, Duration::from_secs(2))))
    }

    /// There is no such session.
    pub(super) fn not_found() -> Self {
        Self::denied(ProblemType::SessionChannelNotFound, "There is no such channel here; open one.")
    }

    /// The books said no.
    pub(super) fn of(refusal: &SessionRefusal, terms: &SessionTerms) -> Self {
        let shown = |amount: Amount| terms.tender.asset.display(amount);
        let (kind, detail) = match refusal {
            SessionRefusal::Signer => {
                let detail =
                    "The voucher is signed by somebody else than whoever the channel was opened for.".to_owned();
                (ProblemType::SessionSignerMismatch, detail)
            }
            SessionRefusal::AboveDeposit => {
                let detail = "The voucher is for more than is deposited; top up first.".to_owned();
                (ProblemType::SessionAmountExceedsDeposit, detail)
            }
            SessionRefusal::DeltaTooSmall => {
                let detail = format!("A voucher here adds at least {}; sign for more.", shown(terms.least_delta));
                (ProblemType::SessionDeltaTooSmall, detail)
            }
            SessionRefusal::Uncovered { required } => {
                let detail = format!("What is signed for is spent; sign for {} in total.", shown(*required));
                (ProblemType::SessionInsufficientBalance, detail)
            }
            SessionRefusal::Foreign => {
                let detail =
                    "The channel is of another payment network or token than this price; open another.".to_owned();
                (ProblemType::SessionChannelNotFound, detail)
            }
            SessionRefusal::Ending | SessionRefusal::CloseRequested => {
                let detail = "The channel is closed or being closed; open another.".to_owned();
                (ProblemType::SessionChannelFinalized, detail)
            }
            SessionRefusal::ProofUsed => {
                let detail = "This deposit was made for something else before; make another.".to_owned();
                return Denial::new(ProblemType::InvalidChallenge, detail).because(Fault::Used).into();
            }
            SessionRefusal::Insufficient { available } => {
                let detail = format!("The balance holds {}; deposit less, or add to it.", shown(*available));
                return Denial::new(ProblemType::PaymentInsufficient, detail).because(Fault::Balance).into();
            }
            SessionRefusal::NotYetOpen | SessionRefusal::Busy | SessionRefusal::NotYetEnded => {
                return Self::in_doubt(Duration::from_secs(1));
            }
            SessionRefusal::Contradiction => return Self::fault(),
        };
        Self::denied(kind, detail)
    }

    /// A fault of this program: nothing is served.
    pub(super) fn fault() -> Self {
        let detail = "The session's books contradict themselves; nothing was served or charged.";
        Self::Elsewhere(Box::new(answer::plain(StatusCode::INTERNAL_SERVER_ERROR, detail)))
    }

    /// The same, with how the session stands, if this is whose signature its vouchers need: what it is told is a
    /// secret of the payer's.
    pub(super) async fn telling(self, signer: &str, seller: &Seller, terms: &SessionTerms, session: SessionId) -> Self {
        let Self::Denied(denial) = self else { return self };
        match seller.books.session(session).await {
            Ok(Some(record)) if record.signer == signer && record.rail == terms.tender.rail => {
                let known = Known::of(terms, &record, required(terms, &record));
                Self::Denied(Box::new(denial.knowing(Some(known))))
            }
            _ => Self::Denied(denial),
        }
    }
}

/// What must be signed for before the next unit.
pub(super) fn required(terms: &SessionTerms, record: &SessionRecord) -> Amount {
    let needed = record.committed().checked_add(terms.unit_price).unwrap_or(record.accepted);
    needed.max(record.accepted)
}

/// Refuses. The body was bound by nothing so far, and the challenges of single payments that stand beside the
/// session's have to name it.
pub(super) async fn refuse(sale: Sale<'_>, head: &Head, body: Body, denial: &Denial) -> Response<Body> {
    let measured = measure(body, sale.site.digest_body, false).await;
    let binding = measured.map_or(BodyBinding::Unbound, |measured| measured.binding);
    refuse_with(sale, head.asked(&binding), denial)
}

/// Why nothing was done, for whoever has no response to put it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// As over HTTP. Of 503, the same credential asks again.
    pub(crate) status: StatusCode,
    /// In words, for people.
    pub(crate) detail: String,
}

impl From<Stop> for Refused {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Denied(denial) => Self {
                status: StatusCode::from_u16(denial.problem.kind.status()).unwrap_or(StatusCode::PAYMENT_REQUIRED),
                detail: denial.problem.detail,
            },
            Stop::Elsewhere(response) => Self {
                status: response.status(),
                detail: "Nothing is known for certain just now; send the same credential again.".to_owned(),
            },
        }
    }
}

impl From<Denial> for Stop {
    fn from(denial: Denial) -> Self {
        Self::Denied(Box::new(denial))
    }
}
