//! Conversion accounts: those of one currency cancel, counted in the same unit.

use std::collections::BTreeMap;

use farthing_money::{Amount, Currency, Rate, Rounding};

use crate::{AccountId, AccountKind};

/// What went through the conversion accounts of each currency, in the smallest unit that any asset has.
#[derive(Debug, Default)]
pub(super) struct Conversions {
    /// Debits and credits; `None` when a sum does not fit in 128 bits.
    sums: BTreeMap<Currency, Option<(Amount, Amount)>>,
    /// The decimals that all of them are counted in.
    decimals: u8,
}

impl Conversions {
    /// Counts in a unit as small as that of any of these accounts.
    pub(super) fn among<'a>(accounts: impl Iterator<Item = &'a AccountId>) -> Self {
        let converting = accounts.filter(|id| matches!(id.kind, AccountKind::Conversion(_)));
        let decimals = converting.map(|id| id.asset.decimals()).max().unwrap_or_default();
        Self { sums: BTreeMap::new(), decimals }
    }

    pub(super) fn account(&mut self, id: &AccountId, debits: Amount, credits: Amount) {
        let AccountKind::Conversion(currency) = id.kind else { return };
        let same_unit = |amount| {
            let converted = Rate::PARITY.convert(amount, id.asset.decimals(), self.decimals, Rounding::Exact);
            converted.ok().map(|converted| converted.amount)
        };
        let added = same_unit(debits).zip(same_unit(credits));
        let sums = self.sums.entry(currency).or_insert(Some((Amount::ZERO, Amount::ZERO)));
        *sums = sums.zip(added).and_then(|((debits, credits), (more_debits, more_credits))| {
            debits.checked_add(more_debits).zip(credits.checked_add(more_credits))
        });
    }

    /// The currencies of which money was made or lost on the way.
    pub(super) fn left(self) -> impl Iterator<Item = String> {
        self.sums.into_iter().filter_map(move |(currency, sums)| match sums {
            Some((debits, credits)) if debits == credits => None,
            Some((debits, credits)) => Some(format!(
                "conversion/{currency}: {credits} went in and {debits} came out, in units of {} decimals",
                self.decimals
            )),
            None => Some(format!("conversion/{currency}: its sums are beyond 128 bits")),
        })
    }
}
