use farthing_books::ApprovalId;
use farthing_books::approval::{ApprovalUse, Facts};
use farthing_books::audit;
use farthing_books::budget::{BudgetCharge, Reservation, ReservationId, ReserveOutcome};
use farthing_money::{Amount, Asset, Price};
use farthing_policy::{Decision, Known, Level, Limited, Purchase, Rule, decide, limit_behind};
use farthing_protocol::Timestamp;
use farthing_rail::{Approved, Quote};
use farthing_store::{Books, StoreError};

use super::Asking;
use super::decided::{for_the_log, note_denial};
use crate::approvals::{Ask, Authority, permission};
use crate::sellers::Sellers;

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

impl Refused {
    /// Nothing is paid by a policy that cannot be read.
    pub(crate) fn policy(error: impl std::fmt::Display) -> Self {
        let sentence = format!("the policy cannot be followed, so nothing is paid: {error}");
        Self::Rule { rule: Rule::NoPolicy, sentence }
    }
}

/// What a decision is made on, besides the purchase.
#[derive(Clone, Copy, Debug)]
pub struct Grounds<'a> {
    /// The wallet that would pay.
    pub wallet: &'a str,
    /// Every policy that must allow it; none for a wallet without a policy, which pays nothing.
    pub levels: &'a [Level],
    /// What the wallet remembers of sellers.
    pub sellers: &'a Sellers,
    /// Whose permission counts, where a person is asked.
    pub authority: Authority<'a>,
    /// Now.
    pub now: Timestamp,
}

/// What a reservation is for, besides what was decided on.
pub(super) struct Bought<'a> {
    pub(super) id: ReservationId,
    /// What is bought, for the owner's list: `GET /v1/x`.
    pub(super) request: &'a str,
    pub(super) challenge: &'a str,
    /// What is moved, and how much of it, without fees.
    pub(super) asset: &'a Asset,
    /// See `asset`.
    pub(super) amount: Amount,
    /// See [`Asking::digest`].
    pub(super) digest: [u8; 32],
}

/// What is reserved once everything allows it.
struct Decided {
    cost: Price,
    charges: Vec<BudgetCharge>,
    approval: Option<ApprovalUse>,
}

/// Approves a quote: decides, then reserves its cost against every counter it counts toward. When
/// this returns the approval, the reservation is on disk, and no other process can use the same room.
///
/// `request` is what is bought, for the owner's list: `GET /v1/x`.
pub async fn approve(
    books: &Books,
    grounds: &Grounds<'_>,
    quote: Quote,
    asking: &Asking<'_>,
    id: ReservationId,
    request: &str,
) -> Result<Approved<Quote>, Refused> {
    let purchase = asking.charge(&quote);
    let challenge = quote.challenge.id().as_str();
    let (asset, amount, digest) = (&quote.asset, quote.amount, asking.digest);
    let bought = Bought { id, request, challenge, asset, amount, digest };
    reserve_decided(books, grounds, &purchase, bought).await?;
    Ok(granted(quote))
}

/// Decides, asks where a person has to be asked, and counts what is allowed toward every limit, durably.
pub(super) async fn reserve_decided(
    books: &Books,
    grounds: &Grounds<'_>,
    purchase: &Purchase,
    bought: Bought<'_>,
) -> Result<(), Refused> {
    let known = grounds.sellers.known(books, grounds.levels, purchase).await;
    let decision = grounds.decided(purchase, &known);
    let grounds_of_it = for_the_log(books, grounds, (purchase, known), &decision).await;
    let kept = grounds_of_it.clone().ok().flatten();
    let Decided { cost, charges, approval } = match grounds.permitted(books, decision, purchase, &bought, kept).await {
        Ok(permitted) => permitted,
        Err(refused) => {
            if matches!(refused, Refused::Rule { .. }) {
                note_denial(books, grounds, grounds_of_it).await;
            }
            return Err(refused);
        }
    };
    let reservation = Reservation {
        id: bought.id,
        wallet: grounds.wallet.to_owned(),
        cost,
        charges,
        origin: purchase.origin.to_string(),
        request: bought.request.to_owned(),
        challenge: bought.challenge.to_owned(),
        decided: grounds_of_it?,
        approval,
        at: grounds.now,
    };
    #[cfg(feature = "planted-bugs")]
    let reservation = super::planted::looked_first(books, reservation).await?;
    match books.reserve(reservation).await? {
        ReserveOutcome::Reserved => {
            let payment = (bought.id, approval.is_some());
            grounds.sellers.remember(books, grounds.levels, purchase, payment).await;
            Ok(())
        }
        ReserveOutcome::Exceeded { charge, spent, reserved } => {
            let limited = limit_behind(grounds.levels, purchase, grounds.now, &charge.key);
            let (rule, sentence) = exceeded(&charge, limited, cost, [spent, reserved]);
            Err(Refused::Rule { rule, sentence })
        }
        ReserveOutcome::ClockBehind { seen } => {
            let seen = seen.to_rfc3339();
            let sentence = format!(
                "the clock stands before {seen}, when this wallet was last used; set it right, or if it was ahead \
                 then, sign the policy again with: farthing policy sign --wallet {}",
                grounds.wallet
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

impl Bought<'_> {
    /// The name of a question about it: as random as the reservation's.
    fn name(&self) -> ApprovalId {
        let mut name = [0; 8];
        name.copy_from_slice(self.id.split_at(8).0);
        ApprovalId(name)
    }

    /// What a person's answer would be for.
    fn facts(&self, wallet: &str, purchase: &Purchase, cost: Price) -> Facts {
        Facts {
            wallet: wallet.to_owned(),
            request: self.digest,
            bought: self.request.to_owned(),
            origin: purchase.origin.to_string(),
            payee: purchase.payee.clone(),
            method: purchase.method.clone(),
            asset: self.asset.clone(),
            amount: self.amount,
            cost,
        }
    }
}

impl Grounds<'_> {
    /// The decision; where there is no policy, with the remedy in its sentence.
    fn decided(&self, purchase: &Purchase, known: &Known) -> Decision {
        match decide(self.levels, purchase, known, self.now) {
            Decision::Deny { level, rule: rule @ Rule::NoPolicy, .. } => {
                Decision::Deny { level, rule, sentence: no_policy_sentence(self.wallet) }
            }
            decision => decision,
        }
    }

    /// Why nothing is signed, where nobody can be asked: what a voucher draws on was asked about before.
    pub(super) async fn must_allow(&self, books: &Books, purchase: &Purchase) -> Result<(), Refused> {
        match self.decided(purchase, &self.sellers.known(books, self.levels, purchase).await) {
            Decision::Allow { .. } => Ok(()),
            Decision::Deny { rule, sentence, .. } | Decision::Ask { rule, sentence, .. } => {
                Err(Refused::Rule { rule, sentence })
            }
        }
    }

    /// What counts toward which counters, on whose permission, or why nothing is paid.
    async fn permitted(
        &self,
        books: &Books,
        decision: Decision,
        purchase: &Purchase,
        bought: &Bought<'_>,
        decided: Option<audit::Grounds>,
    ) -> Result<Decided, Refused> {
        match decision {
            Decision::Allow { cost, charges } => Ok(Decided { cost, charges, approval: None }),
            Decision::Deny { rule, sentence, .. } => Err(Refused::Rule { rule, sentence }),
            Decision::Ask { level, rule, sentence, cost, charges, deadline } => {
                let facts = bought.facts(self.wallet, purchase, cost);
                let ask = Ask { id: bought.name(), facts, level, rule, sentence, decided, deadline, now: self.now };
                let approval = permission(books, self.authority, ask).await?;
                Ok(Decided { cost, charges, approval: Some(approval) })
            }
        }
    }
}

/// The one place in the program where an approval is made.
#[expect(clippy::disallowed_methods, reason = "this is the policy engine, and the reservation is durable")]
pub(super) fn granted<T>(subject: T) -> Approved<T> {
    Approved::grant(subject)
}

pub(crate) fn no_policy_sentence(wallet: &str) -> String {
    format!("{wallet} has no policy and pays nothing; run: farthing policy set --wallet {wallet} --total \"1 USD\"")
}

/// The rule and the sentence of a counter without room for a cost: spent, reserved.
pub(crate) fn exceeded(
    charge: &BudgetCharge,
    limited: Option<Limited>,
    cost: Price,
    figures: [u64; 2],
) -> (Rule, String) {
    let (rule, name) = limited.map_or((Rule::Total, "total".to_owned()), |limited| (limited.rule, limited.name));
    let [spent, reserved] = figures.map(|figure| charge.counts.show(figure));
    let limit = charge.counts.show(charge.limit);
    let sentence =
        format!("it costs {cost}, and of the {name} limit of {limit}, {spent} is spent and {reserved} reserved");
    (rule, sentence)
}
