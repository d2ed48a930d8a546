//! How much the limits leave room for now: the least over every level, and over every limit that bounds all of it.

use farthing_books::budget::{BudgetCharge, Counts};
use farthing_money::Price;
use farthing_protocol::Timestamp;
use farthing_store::Books;

use crate::policy::{Always, Counter, Level, Policy, counted_always, most_in_a_session, most_per_payment};
use crate::{Wallets, WalletsError};

/// What limits leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// So much, in millionths; `u64::MAX` is without end.
    pub(super) millionths: u64,
    /// Whether it comes back with time, because no limit is for ever.
    pub(super) renews: bool,
    /// What balances at sellers can still be topped up with, in millionths.
    pub(super) prepaid: u64,
}

impl Room {
    /// No more than this, too.
    fn within(&mut self, millionths: u64, is_for_ever: bool) {
        self.millionths = self.millionths.min(millionths);
        self.renews &= !is_for_ever;
    }
}

impl Wallets {
    /// What these levels leave together. Limits that are only for some payments, or for each origin by itself, bound
    /// nothing here, but where a closed list of origins gives each a sum.
    pub(super) async fn room_of(&self, levels: &[Level]) -> Result<Room, WalletsError> {
        let (books, now) = (self.budgets()?, self.ambient.now());
        let dearest = dearest(levels);
        let prepaid = if levels.is_empty() { 0 } else { u64::MAX };
        let mut room = Room { millionths: u64::MAX, renews: true, prepaid };
        for level in levels {
            room.prepaid = room.prepaid.min(prepaid_left(&books, level, now).await?);
            if pays_nothing(&level.policy, now) {
                room.prepaid = 0;
                room.within(0, true);
            }
            for Always { charge, is_for_ever } in counted_always(level, now) {
                let left = left(&books, &charge, now).await?;
                match (charge.counts, dearest) {
                    (Counts::Money(_), _) => room.within(left, is_for_ever),
                    (Counts::Payments, Some(dearest)) => room.within(left.saturating_mul(dearest), is_for_ever),
                    (Counts::Payments, None) if left == 0 => room.within(0, is_for_ever),
                    (Counts::Payments, None) => {}
                }
            }
            if let Some(sum) = of_origins(&books, level, now).await? {
                room.within(sum, true);
            }
        }
        Ok(room)
    }
}

/// The most that one payment or one deposit costs, in millionths.
fn dearest(levels: &[Level]) -> Option<u64> {
    let most = most_per_payment(levels)?.millionths();
    Some(most.max(most_in_a_session(levels).map_or(u64::MAX, Price::millionths)))
}

/// Whether a policy allows nothing whatever is bought.
fn pays_nothing(policy: &Policy, now: Timestamp) -> bool {
    policy.expires.is_some_and(|expires| expires <= now) || policy.methods.as_ref().is_some_and(Vec::is_empty)
}

async fn left(books: &Books, charge: &BudgetCharge, now: Timestamp) -> Result<u64, WalletsError> {
    let counter = books.budget(&charge.key).await?;
    let used = counter.map_or(Some(0), |counter| counter.at(now).used()).unwrap_or(u64::MAX);
    Ok(charge.limit.saturating_sub(used))
}

/// What a level lets balances at sellers be topped up with; nothing where it does not speak of it.
async fn prepaid_left(books: &Books, level: &Level, now: Timestamp) -> Result<u64, WalletsError> {
    let policy: &Policy = &level.policy;
    let Some(limit) = policy.prepaid.map(|each| policy.prepaid_in_all.unwrap_or(each)) else { return Ok(0) };
    let (key, counts) = (Counter::Prepaid.key(&level.name), Counts::Money(policy.currency));
    left(books, &BudgetCharge { key, counts, limit: limit.millionths(), window: None }, now).await
}

/// What the origins leave together, where only listed ones are paid and each has a sum.
async fn of_origins(books: &Books, level: &Level, now: Timestamp) -> Result<Option<u64>, WalletsError> {
    let policy: &Policy = &level.policy;
    let Some(origins) = policy.origins.as_ref().filter(|_| policy.unmatched.is_none()) else { return Ok(None) };
    let allowed: Vec<_> = origins.iter().filter(|origin| !origin.deny).collect();
    // A list that only denies is open to all others.
    if allowed.is_empty() && !origins.is_empty() {
        return Ok(None);
    }
    let mut sum = 0_u64;
    for origin in allowed {
        let Some(limit) = origin.limit else { return Ok(None) };
        let key = Counter::Origin(&origin.origin).key(&level.name);
        let counts = Counts::Money(policy.currency);
        let charge = BudgetCharge { key, counts, limit: limit.millionths(), window: None };
        sum = sum.saturating_add(left(books, &charge, now).await?);
    }
    Ok(Some(sum))
}
