use crate::Amount;

/// How many units of one asset buy one unit of another, as a ratio of whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    numerator: u64,
    denominator: u64,
}

/// What to do with the part of a conversion that the target asset cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Refuse to convert.
    Exact,
    /// Towards zero; the remainder stays with whoever pays out.
    Down,
    /// Away from zero; never less than asked. The rule for what a buyer must pay.
    Up,
}

/// A converted amount and what rounding did to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The amount in the target asset.
    pub amount: Amount,
    /// What was left over, in units of `1 / divisor` of the target's base unit; zero when exact.
    pub remainder: u128,
    /// The divisor that `remainder` counts parts of.
    pub divisor: u128,
}

/// Why a conversion did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RateError {
    /// A rate with a zero on either side.
    #[error("a rate is a ratio of two numbers above zero")]
    Zero,
    /// [`Rounding::Exact`] was asked and something is left over.
    #[error("the amount cannot be written exactly in the asset's smallest unit")]
    Remainder,
    /// The result or a step towards it does not fit in 128 bits.
    #[error("the converted amount is larger than any asset can hold")]
    TooLarge,
}

impl Rate {
    /// One for one.
    pub const PARITY: Self = Self { numerator: 1, denominator: 1 };

    /// `numerator` units of the target for each `denominator` units of the source.
    pub const fn new(numerator: u64, denominator: u64) -> Result<Self, RateError> {
        if numerator == 0 || denominator == 0 {
            return Err(RateError::Zero);
        }
        Ok(Self { numerator, denominator })
    }

    /// Converts base units of an asset with `from` decimals into base units of one with `to`.
    pub fn convert(self, amount: Amount, from: u8, to: u8, rounding: Rounding) -> Result<Converted, RateError> {
        let up = power_of_ten(to.saturating_sub(from))?;
        let down = power_of_ten(from.saturating_sub(to))?;
        let dividend = amount
            .units()
            .checked_mul(u128::from(self.numerator))
            .and_then(|units| units.checked_mul(up))
            .ok_or(RateError::TooLarge)?;
        let divisor = u128::from(self.denominator).checked_mul(down).ok_or(RateError::TooLarge)?;
        let quotient = dividend.checked_div(divisor).ok_or(RateError::Zero)?;
        let remainder = dividend.checked_rem(divisor).ok_or(RateError::Zero)?;
        let units = match rounding {
            Rounding::Exact if remainder != 0 => return Err(RateError::Remainder),
            Rounding::Up if remainder != 0 => quotient.checked_add(1).ok_or(RateError::TooLarge)?,
            Rounding::Exact | Rounding::Up | Rounding::Down => quotient,
        };
        Ok(Converted { amount: Amount::new(units), remainder, divisor })
    }
}

impl Converted {
    /// Whether nothing was left over.
    pub const fn is_exact(&self) -> bool {
        self.remainder == 0
    }
}

fn power_of_ten(exponent: u8) -> Result<u128, RateError> {
    10u128.checked_pow(u32::from(exponent)).ok_or(RateError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zero_rates_and_overflow_are_refused() {
        assert_eq!(Rate::new(0, 1), Err(RateError::Zero));
        assert_eq!(Rate::new(1, 0), Err(RateError::Zero));
        let huge = Rate::PARITY.convert(Amount::new(u128::MAX), 0, 1, Rounding::Down);
        assert_eq!(huge, Err(RateError::TooLarge));
    }

    proptest! {
        #[test]
        fn rounding_loses_less_than_one_unit(
            units in 0u128..1 << 80, numerator in 1u64..1_000_000, denominator in 1u64..1_000_000,
            from in 0u8..8, to in 0u8..8,
        ) {
            let rate = Rate::new(numerator, denominator).unwrap();
            let down = rate.convert(Amount::new(units), from, to, Rounding::Down).unwrap();
            let up = rate.convert(Amount::new(units), from, to, Rounding::Up).unwrap();
            let gap = up.amount.units() - down.amount.units();
            prop_assert_eq!(gap, u128::from(!down.is_exact()));
            prop_assert!(down.remainder < down.divisor);
            let exact = rate.convert(Amount::new(units), from, to, Rounding::Exact);
            prop_assert_eq!(exact.is_ok(), down.is_exact());
        }
    }
}
