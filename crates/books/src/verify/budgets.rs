//! Counters, added up again from the reservations that count toward them.

use std::collections::BTreeMap;

use crate::budget::{BudgetCounter, BudgetKey, Counts, ReservationRecord, ReservationState, Rolling};

/// What the reservations add up to.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    sums: BTreeMap<BudgetKey, BTreeMap<Place, Sums>>,
}

/// Where a reservation counts: what is counted, and the part of a rolling window.
type Place = (&'static str, Option<(Rolling, i64)>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    spent: u128,
    reserved: u128,
}

impl Budgets {
    pub(crate) fn reservation(&mut self, record: &ReservationRecord) {
        let reservation = &record.reservation;
        for charge in &reservation.charges {
            let part = charge.window.map(|rolling| (rolling, rolling.bucket(reservation.at)));
            let sums = self.sums.entry(charge.key.clone()).or_default().entry((kind(charge.counts), part)).or_default();
            let amount = charge.counts.of(reservation.cost).map_or(0, u128::from);
            match record.state {
                ReservationState::Reserved => sums.reserved += amount,
                ReservationState::Confirmed => sums.spent += amount,
                ReservationState::Released => {}
            }
        }
    }

    pub(crate) fn counter(&mut self, counter: &BudgetCounter) -> Vec<String> {
        let key = &counter.key.0;
        let mut sums = self.sums.remove(&counter.key).unwrap_or_default();
        if let Some(window) = &counter.window {
            // What left the window is counted no more.
            sums.retain(|(_, part), _| part.is_none_or(|(_, part)| part >= window.rolling.oldest(window.newest)));
        }
        let mut added = Sums::default();
        let mut findings = Vec::new();
        for ((counted, part), sums) in sums {
            if counted != kind(counter.counts)
                || part.map(|(rolling, _)| rolling) != counter.window.as_ref().map(|window| window.rolling)
            {
                findings.push(format!("budget {key}: a reservation counts something else than the budget does"));
            }
            added.spent += sums.spent;
            added.reserved += sums.reserved;
            if let (Some((_, part)), Some(window)) = (part, &counter.window) {
                let stored = window.buckets.get(&part).copied().unwrap_or_default();
                if (u128::from(stored.spent), u128::from(stored.reserved)) != (sums.spent, sums.reserved) {
                    findings.push(format!("budget {key}: part {part} of its window is not what its reservations are"));
                }
            }
        }
        for (what, stored, added) in
            [("spent", counter.spent, added.spent), ("reserved", counter.reserved, added.reserved)]
        {
            if u128::from(stored) != added {
                findings
                    .push(format!("budget {key}: {what} is stored as {stored}, its reservations add up to {added}"));
            }
        }
        findings
    }

    /// Says which counters are missing, after every one was shown.
    pub(crate) fn left(self) -> Vec<String> {
        let counts = |sums: &BTreeMap<Place, Sums>| sums.values().any(|sums| *sums != Sums::default());
        let missing = self.sums.iter().filter(|(_, sums)| counts(sums));
        missing.map(|(key, _)| format!("budget {}: has reservations and no counter", key.0)).collect()
    }
}

/// Money of whatever currency is one kind here: in which one, the counter says.
fn kind(counts: Counts) -> &'static str {
    match counts {
        Counts::Money(_) => "money",
        Counts::Payments => "payments",
    }
}
