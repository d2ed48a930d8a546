//! What a count costs.

use std::num::NonZeroU64;

use farthing_money::Amount;

/// So many base units for each `per` of what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tariff {
    unit: Amount,
    per: NonZeroU64,
}

impl Tariff {
    pub(crate) const fn new(unit: Amount, per: NonZeroU64) -> Self {
        Self { unit, per }
    }

    /// How many a unit is.
    pub(crate) const fn per(self) -> u64 {
        self.per.get()
    }

    /// What so many cost in all: rounded up once, so that it does not matter in how many pieces they came. More
    /// than an amount can hold is the largest amount, which nothing covers.
    pub(crate) fn cost(self, count: u64) -> Amount {
        let product = self.unit.checked_mul(u128::from(count));
        product
            .map_or(Amount::new(u128::MAX), |product| Amount::new(product.units().div_ceil(u128::from(self.per.get()))))
    }

    /// The most that can be had for so much.
    pub(crate) fn affordable(self, amount: Amount) -> u64 {
        let product = amount.checked_mul(u128::from(self.per.get()));
        let count = product.and_then(|product| product.units().checked_div(self.unit.units()));
        count.map_or(u64::MAX, |count| u64::try_from(count).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tariff(unit: u128, per: u64) -> Tariff {
        Tariff::new(Amount::new(unit), NonZeroU64::new(per).unwrap())
    }

    #[test]
    fn a_begun_unit_is_paid_once_however_it_comes() {
        let per_thousand = tariff(3, 1000);
        let costs: Vec<u128> = [0, 1, 334, 1000, 1001].map(|count| per_thousand.cost(count).units()).into();
        assert_eq!(costs, [0, 1, 2, 3, 4]);
        assert_eq!(tariff(u128::MAX, 1).cost(2), Amount::new(u128::MAX));
    }

    proptest! {
        #[test]
        fn what_is_affordable_is_covered_and_one_more_is_not(unit in 1u128..1000, per in 1u64..5000, held: u32) {
            let (tariff, held) = (tariff(unit, per), Amount::new(u128::from(held)));
            let count = tariff.affordable(held);
            prop_assert!(tariff.cost(count) <= held && tariff.cost(count + 1) > held);
        }
    }
}
