//! What other policies would have answered to what happened: the history again, in its order, over counters that
//! begin empty and are kept in memory.

mod counters;
mod memory;

use std::collections::HashMap;

use farthing_books::budget::{BudgetCharge, ReservationId};
use farthing_money::Price;
use farthing_protocol::Timestamp;

use self::counters::Counters;
use self::memory::Memory;
use crate::{Decision, Known, Level, Purchase, decide, limit_behind};

/// Something that happened, as the log holds it.
#[derive(Clone, Debug)]
pub enum Past {
    /// A payment that is decided on again.
    Decided(Box<Decided>),
    /// A payment that is not in question, another wallet's or an earlier one: it counts as it counted then.
    Counted(Box<Counted>),
    /// A reservation ended.
    Ended {
        /// Which.
        id: ReservationId,
        /// What it cost; `None` when the payment did not happen.
        cost: Option<Price>,
    },
}

/// A payment that was decided on, and is again.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The number of its record in the log.
    pub sequence: u64,
    /// When it was decided.
    pub now: Timestamp,
    /// What would have been bought.
    pub purchase: Purchase,
    /// What was known of the seller. What was not looked up then is made up for from the history.
    pub known: Known,
    /// The levels that decide this time.
    pub levels: Vec<Level>,
    /// What was answered then.
    pub was: Answer,
    /// What was reserved then, in the currency of the policies of that time, if anything was.
    pub reserved: Option<(ReservationId, Price)>,
}

/// A payment that was reserved and is not in question.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The reservation.
    pub id: ReservationId,
    /// What it cost, and the counters it counted on, at an instant.
    pub cost: Price,
    /// See `cost`.
    pub charges: Vec<BudgetCharge>,
    /// See `cost`.
    pub at: Timestamp,
    /// What was bought, where the same wallet bought it and so knows the seller.
    pub purchase: Option<Purchase>,
}

/// An answer to a purchase, then or now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It may be paid, and every counter has room.
    Allowed,
    /// It may not.
    Denied(Reason),
    /// A person is asked first.
    Asked(Reason),
}

/// Why something is not simply allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The level that says so.
    pub level: String,
    /// Its rule, by the name that scripts read.
    pub rule: String,
    /// In one sentence; `None` for a past answer whose words cannot be found again.
    pub sentence: Option<String>,
}

/// A payment that comes out differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of its record in the log.
    pub sequence: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// What would have been bought.
    pub purchase: Purchase,
    /// The answer then.
    pub was: Answer,
    /// The answer that it would have got.
    pub would_be: Answer,
}

/// How many payments got which answer, and what was paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Allowed.
    pub allowed: u64,
    /// Denied.
    pub denied: u64,
    /// Asked about.
    pub asked: u64,
    /// What counted in the end, in the currency of the policies; one sum for each.
    pub paid: Vec<Price>,
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// What comes out differently, in the order of the log.
    pub differences: Vec<Difference>,
    /// What came out then.
    pub was: Totals,
    /// What would have come out.
    pub would_be: Totals,
}

/// What is reserved and has not ended: what it cost then, and what it counts as now.
#[derive(Default)]
struct Open {
    was: Option<Price>,
    now: Option<(Price, Vec<BudgetCharge>, Timestamp)>,
    in_question: bool,
}

#[derive(Default)]
struct Replay {
    counters: Counters,
    memory: Memory,
    open: HashMap<ReservationId, Open>,
    found: Replayed,
}

/// Decides on the history again. A payment that is allowed only now counts as paid. One that a person would be
/// asked about counts as it did then: whoever paid it is taken to be told yes again.
pub fn replay(past: impl IntoIterator<Item = Past>) -> Replayed {
    let mut replay = Replay::default();
    for happened in past {
        match happened {
            Past::Decided(decided) => replay.decide_again(*decided),
            Past::Counted(counted) => replay.count(*counted),
            Past::Ended { id, cost } => replay.end(id, cost),
        }
    }
    replay.found
}

impl Replay {
    fn decide_again(&mut self, past: Decided) {
        let Decided { sequence, now, purchase, known, levels, was, reserved } = past;
        let known = self.memory.known(&purchase, known);
        let (would_be, counts) = self.answer(&levels, &purchase, &known, now, reserved.is_some());
        if let Some((cost, charges)) = counts {
            let payment = reserved.map(|(id, _)| id);
            self.memory.remember(&purchase, matches!(would_be, Answer::Asked(_)), payment);
            let at = self.counters.count(&charges, cost, now);
            self.found.would_be.add(cost);
            if let Some((id, _)) = reserved {
                self.open.entry(id).or_default().now = Some((cost, charges, at));
            }
        }
        if let Some((id, cost)) = reserved {
            self.found.was.add(cost);
            let open = self.open.entry(id).or_default();
            (open.was, open.in_question) = (Some(cost), true);
        }
        self.found.was.note(&was);
        self.found.would_be.note(&would_be);
        if !was.is_like(&would_be) {
            self.found.differences.push(Difference { sequence, at: now, purchase, was, would_be });
        }
    }

    /// The answer, and what counts on which counters if it is paid.
    fn answer(
        &mut self,
        levels: &[Level],
        purchase: &Purchase,
        known: &Known,
        now: Timestamp,
        was_paid: bool,
    ) -> (Answer, Option<(Price, Vec<BudgetCharge>)>) {
        let (answer, cost, charges) = match decide(levels, purchase, known, now) {
            Decision::Deny { level, rule, sentence } => {
                return (Answer::Denied(Reason { level, rule: rule.to_string(), sentence: Some(sentence) }), None);
            }
            Decision::Ask { level, rule, sentence, cost, charges, .. } => {
                let asked = Answer::Asked(Reason { level, rule: rule.to_string(), sentence: Some(sentence) });
                if !was_paid {
                    return (asked, None);
                }
                (asked, cost, charges)
            }
            Decision::Allow { cost, charges } => (Answer::Allowed, cost, charges),
        };
        let Some((charge, used)) = self.counters.full(&charges, cost, now) else {
            return (answer, Some((cost, charges)));
        };
        let limited = limit_behind(levels, purchase, now, &charge.key);
        let (level, rule, name) = limited.map_or_else(
            || (String::new(), "limit".to_owned(), "a".to_owned()),
            |limited| (limited.level, limited.rule.to_string(), format!("the {}", limited.name)),
        );
        let [limit, used] = [charge.limit, used].map(|figure| charge.counts.show(figure).to_string());
        let sentence = format!("it costs {cost}, and of {name} limit of {limit}, {used} would have been used");
        (Answer::Denied(Reason { level, rule, sentence: Some(sentence) }), None)
    }

    fn count(&mut self, counted: Counted) {
        let Counted { id, cost, charges, at, purchase } = counted;
        if let Some(purchase) = purchase {
            self.memory.remember(&purchase, false, Some(id));
        }
        let at = self.counters.count(&charges, cost, at);
        self.open.insert(id, Open { was: None, now: Some((cost, charges, at)), in_question: false });
    }

    fn end(&mut self, id: ReservationId, actual: Option<Price>) {
        self.memory.ended(id, actual.is_some());
        let Some(Open { was, now, in_question }) = self.open.remove(&id) else { return };
        if let Some(cost) = was {
            self.found.was.take_back(cost, actual);
        }
        if let Some((cost, charges, at)) = now {
            self.counters.end(&charges, cost, actual, at);
            if in_question {
                self.found.would_be.take_back(cost, actual);
            }
        }
    }
}

impl Answer {
    /// The word that scripts read.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied(_) => "denied",
            Self::Asked(_) => "asked",
        }
    }

    /// Why, where it is not simply allowed.
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Allowed => None,
            Self::Denied(reason) | Self::Asked(reason) => Some(reason),
        }
    }

    /// Whether the payment came out the same, whichever rule said so.
    fn is_like(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Totals {
    fn note(&mut self, answer: &Answer) {
        let count = match answer {
            Answer::Allowed => &mut self.allowed,
            Answer::Denied(_) => &mut self.denied,
            Answer::Asked(_) => &mut self.asked,
        };
        *count = count.saturating_add(1);
    }

    fn add(&mut self, cost: Price) {
        match self.paid.iter_mut().find(|sum| sum.currency() == cost.currency()) {
            Some(sum) => {
                let millionths = sum.millionths().saturating_add(cost.millionths());
                *sum = Price::from_millionths(millionths, cost.currency());
            }
            None => self.paid.push(cost),
        }
    }

    /// What was reserved and not spent.
    fn take_back(&mut self, cost: Price, actual: Option<Price>) {
        let Some(sum) = self.paid.iter_mut().find(|sum| sum.currency() == cost.currency()) else { return };
        let unspent = cost.millionths().saturating_sub(spent_of(cost, actual).millionths());
        *sum = Price::from_millionths(sum.millionths().saturating_sub(unspent), sum.currency());
    }
}

/// What is spent of a reserved cost, when it ended at an actual one; all of it where that is in another currency.
fn spent_of(cost: Price, actual: Option<Price>) -> Price {
    let spent = match actual {
        None => 0,
        Some(actual) if actual.currency() == cost.currency() => actual.millionths().min(cost.millionths()),
        Some(_) => cost.millionths(),
    };
    Price::from_millionths(spent, cost.currency())
}

#[cfg(test)]
mod tests;
