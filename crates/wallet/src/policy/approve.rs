use farthing_books::ApprovalId;
use farthing_books::budget::{BudgetCharge, Reservation, ReservationId, ReserveOutcome};
use farthing_money::Price;
use farthing_protocol::Timestamp;
use farthing_rail::{Approved, Quote};
use farthing_store::{Books, StoreError};

use super::{Counter, Decision, Policy, Rule, Subject, decide};

/// Why a payment was not approved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// A rule says no.
    #[error("{sentence}")]
    Rule {
        /// Which.
        rule: Rule,
        /// The reason, with the figures, in one sentence.
        sentence: String,
    },
    /// A person has to allow it first. The question is asked, and the same call pays once it is answered.
    #[error("{sentence}")]
    Waits {
        /// The question.
        id: ApprovalId,
        /// Why it is asked, in one sentence.
        sentence: String,
        /// Until before when it can be answered and paid.
        deadline: Timestamp,
    },
    /// The budgets could not be asked; without them nothing is paid.
    #[error("the budgets cannot be reached, so nothing is paid: {0}")]
    Budgets(#[from] StoreError),
}

/// Approves a quote: decides, then reserves its cost against every counter it counts toward. When
/// this returns the approval, the reservation is on disk, and no other process can use the same room.
///
/// `request` is what is bought, for the owner's list: `GET /v1/x`. The policy is `None` for a wallet
/// that has none, which pays nothing.
pub async fn approve(
    books: &Books,
    policy: Option<&Policy>,
    quote: Quote,
    subject: &Subject<'_>,
    id: ReservationId,
    request: &str,
) -> Result<Approved<Quote>, Refused> {
    let charges = match policy.map(|policy| decide(policy, &quote, subject)) {
        Some(Decision::Allow { charges }) => charges,
        Some(Decision::Deny { rule, sentence }) => return Err(Refused::Rule { rule, sentence }),
        None => return Err(no_policy(subject.wallet)),
    };
    let reservation = Reservation {
        id,
        wallet: subject.wallet.to_owned(),
        cost: quote.cost,
        charges,
        decided: None,
        approval: None,
        origin: quote.origin.to_string(),
        request: request.to_owned(),
        challenge: quote.challenge.id().as_str().to_owned(),
        at: subject.now,
    };
    reserve(books, reservation).await?;
    Ok(granted(quote))
}

/// Counts a reservation toward every limit, durably, or says which has no room.
pub(super) async fn reserve(books: &Books, reservation: Reservation) -> Result<(), Refused> {
    let (cost, wallet) = (reservation.cost, reservation.wallet.clone());
    match books.reserve(reservation).await? {
        ReserveOutcome::Reserved => Ok(()),
        ReserveOutcome::Exceeded { charge, spent, reserved } => {
            let (rule, sentence) = exceeded(&charge, &wallet, cost, [spent, reserved]);
            Err(Refused::Rule { rule, sentence })
        }
        ReserveOutcome::ClockBehind { seen } => {
            let seen = seen.to_rfc3339();
            let sentence = format!(
                "the clock stands before {seen}, when this wallet was last used; set it right, or if it was ahead \
                 then, sign the policy again with: farthing policy sign --wallet {wallet}"
            );
            Err(Refused::Rule { rule: Rule::Clock, sentence })
        }
        ReserveOutcome::NotApproved => {
            let sentence = "the permission for it was used or ended just now; the same call asks anew".to_owned();
            Err(Refused::Rule { rule: Rule::Approval, sentence })
        }
        ReserveOutcome::Conflict => {
            Err(Refused::Budgets(StoreError::Unavailable("a reservation of this name exists already".into())))
        }
    }
}

/// The one place in the program where an approval is made.
#[expect(clippy::disallowed_methods, reason = "this is the policy engine, and the reservation is durable")]
pub(super) fn granted<T>(subject: T) -> Approved<T> {
    Approved::grant(subject)
}

pub(super) fn no_policy(wallet: &str) -> Refused {
    let sentence = format!(
        "{wallet} has no policy and pays nothing; run: farthing policy set --wallet {wallet} --total \"1 USD\""
    );
    Refused::Rule { rule: Rule::NoPolicy, sentence }
}

/// The rule and the sentence of a counter without room for a cost: spent, reserved.
pub(crate) fn exceeded(charge: &BudgetCharge, wallet: &str, cost: Price, figures: [u64; 2]) -> (Rule, String) {
    let rule = Counter::rule_of(&charge.key, wallet);
    let [spent, reserved] = figures.map(|figure| charge.counts.show(figure));
    let limit = charge.counts.show(charge.limit);
    let sentence =
        format!("it costs {cost}, and of the {rule} limit of {limit}, {spent} is spent and {reserved} reserved");
    (rule, sentence)
}
