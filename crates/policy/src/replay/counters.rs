use std::collections::{BTreeMap, HashMap};

use farthing_books::budget::{BudgetCharge, BudgetKey, Counts};
use farthing_money::Price;
use farthing_protocol::Timestamp;

use super::spent_of;

/// Counters in memory. Like those of the books, but reserved and spent are one sum, and no limit is kept.
#[derive(Default)]
pub(super) struct Counters {
    /// By what they count too: a policy that counts in another currency begins anew.
    sums: HashMap<(BudgetKey, Counts), BTreeMap<i64, u64>>,
    /// The latest instant seen: time never runs backwards.
    newest: Option<Timestamp>,
}

/// The sixtieth of its window in which an instant counts; without a window there is only one.
fn bucket(charge: &BudgetCharge, at: Timestamp) -> i64 {
    charge.window.map_or(0, |rolling| rolling.bucket(at))
}

impl Counters {
    /// The first counter without room for a cost, and what is used of it.
    pub(super) fn full<'a>(
        &mut self,
        charges: &'a [BudgetCharge],
        cost: Price,
        now: Timestamp,
    ) -> Option<(&'a BudgetCharge, u64)> {
        let now = self.moved_to(now);
        charges.iter().find_map(|charge| {
            let used = self.used(charge, now);
            let total = charge.counts.of(cost).and_then(|amount| used.checked_add(amount));
            total.is_none_or(|total| total > charge.limit).then_some((charge, used))
        })
    }

    /// Counts a cost, and says at which instant.
    pub(super) fn count(&mut self, charges: &[BudgetCharge], cost: Price, now: Timestamp) -> Timestamp {
        let at = self.moved_to(now);
        for charge in charges {
            let sum = self.sum(charge).entry(bucket(charge, at)).or_default();
            *sum = sum.saturating_add(charge.counts.of(cost).unwrap_or_default());
        }
        at
    }

    /// Takes back what was counted at an instant and not spent.
    pub(super) fn end(&mut self, charges: &[BudgetCharge], cost: Price, actual: Option<Price>, at: Timestamp) {
        let spent = spent_of(cost, actual);
        for charge in charges {
            let counted = charge.counts.of(cost).unwrap_or_default();
            let stays = actual.and_then(|_| charge.counts.of(spent)).unwrap_or_default();
            if let Some(sum) = self.sum(charge).get_mut(&bucket(charge, at)) {
                *sum = sum.saturating_sub(counted.saturating_sub(stays));
            }
        }
    }

    fn moved_to(&mut self, now: Timestamp) -> Timestamp {
        *self.newest.insert(self.newest.map_or(now, |newest| newest.max(now)))
    }

    fn sum(&mut self, charge: &BudgetCharge) -> &mut BTreeMap<i64, u64> {
        self.sums.entry((charge.key.clone(), charge.counts)).or_default()
    }

    /// What counts now; what left the window is forgotten.
    fn used(&mut self, charge: &BudgetCharge, now: Timestamp) -> u64 {
        let sum = self.sum(charge);
        if let Some(rolling) = charge.window {
            *sum = sum.split_off(&rolling.oldest(now));
        }
        sum.values().copied().fold(0, u64::saturating_add)
    }
}
