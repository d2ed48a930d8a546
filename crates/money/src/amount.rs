use std::fmt;
use std::str::FromStr;

/// A count of an asset's base units (millionths of a dollar, wei, satoshi): never negative, never
/// fractional. Which asset it counts is the business of the value that holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u128);

/// Why a text is not an amount, or a sum is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// Not `0` or a run of digits without a leading zero.
    #[error("an amount is a whole number of base units, such as \"1000\"; got \"{0}\"")]
    NotAWholeNumber(String),
    /// Larger than 128 bits.
    #[error("the amount is larger than any asset can hold")]
    TooLarge,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of so many base units.
    pub const fn new(units: u128) -> Self {
        Self(units)
    }

    /// The count of base units.
    pub const fn units(self) -> u128 {
        self.0
    }

    /// Whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` when it does not fit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The difference, or `None` when it would be below zero.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The product with a plain count, or `None` when it does not fit.
    pub const fn checked_mul(self, times: u128) -> Option<Self> {
        match self.0.checked_mul(times) {
            Some(units) => Some(Self(units)),
            None => None,
        }
    }

    /// The amount as decimal text with `decimals` places, without trailing zeros: 1000 with six
    /// decimals is `0.001`.
    pub fn to_decimal(self, decimals: u8) -> String {
        let digits = self.0.to_string();
        let places = usize::from(decimals);
        if places == 0 {
            return digits;
        }
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// The wire grammar of every amount: `0` or a digit run without a leading zero (charge intent,
/// section 5.1.1; discovery, section 4.4.1).
impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits_only || (text.len() > 1 && text.starts_with('0')) {
            return Err(AmountError::NotAWholeNumber(text.chars().take(64).collect()));
        }
        text.parse().map(Self).map_err(|_| AmountError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_that_is_not_a_plain_count_is_refused() {
        for text in ["", "-1", "+1", "01", "1.0", "1e3", " 1", "1 ", "0x1", "１"] {
            assert!(matches!(text.parse::<Amount>(), Err(AmountError::NotAWholeNumber(_))), "{text}");
        }
        let too_large = format!("{}0", u128::MAX);
        assert_eq!(too_large.parse::<Amount>(), Err(AmountError::TooLarge));
    }

    #[test]
    fn sums_do_not_wrap() {
        assert_eq!(Amount::new(u128::MAX).checked_add(Amount::new(1)), None);
        assert_eq!(Amount::ZERO.checked_sub(Amount::new(1)), None);
        assert_eq!(Amount::new(u128::MAX).checked_mul(2), None);
    }

    proptest! {
        #[test]
        fn text_round_trips(units: u128) {
            let amount = Amount::new(units);
            prop_assert_eq!(amount.to_string().parse::<Amount>(), Ok(amount));
        }

        #[test]
        fn decimal_text_names_the_same_number(units: u64, decimals in 0u8..=18) {
            let text = Amount::new(u128::from(units)).to_decimal(decimals);
            let (whole, fraction) = text.split_once('.').unwrap_or((text.as_str(), ""));
            let scaled = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
            prop_assert_eq!(scaled.parse::<u128>().unwrap(), u128::from(units));
        }
    }
}
