use std::fmt;
use std::str::FromStr;

use crate::{Amount, Asset, Converted, Rate, RateError, Rounding};

/// A currency code as people write it: `USD`, `EUR`, `BTC`. Upper case, 3 to 8 letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    letters: [u8; 8],
    length: u8,
}

/// What a seller asks: an exact decimal number of a currency, down to a millionth of it.
///
/// `"0.001 USD"` is 1000 millionths. A finer price is refused, because no balance could hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Price {
    millionths: u64,
    currency: Currency,
}

/// Why a text is not a price, in words that say what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PriceError {
    /// Not a number, one space, a currency.
    #[error("a price is a number, a space and a currency, such as \"0.001 USD\"; got \"{0}\"")]
    Form(String),
    /// The number part is not plain decimal digits.
    #[error("\"{0}\" is not a plain decimal number; write digits with at most one dot, such as 0.001")]
    Number(String),
    /// More than six decimals.
    #[error("\"{0}\" is finer than a millionth, the smallest price there is; charge 0.000001 or price a larger unit")]
    TooFine(String),
    /// Beyond 18 trillion.
    #[error("\"{0}\" is larger than any price this software handles")]
    TooLarge(String),
    /// The currency part is not 3 to 8 capital letters.
    #[error("\"{0}\" is not a currency code; write 3 to 8 capital letters, such as USD")]
    Currency(String),
}

const MILLION: u64 = 1_000_000;
const PRICE_DECIMALS: u8 = 6;

impl Currency {
    /// The code's letters.
    pub fn as_str(&self) -> &str {
        let letters = self.letters.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(letters).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        let refused = || PriceError::Currency(text.chars().take(32).collect());
        if text.len() < 3 || !text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(refused());
        }
        let mut letters = [0; 8];
        letters.get_mut(..text.len()).ok_or_else(refused)?.copy_from_slice(text.as_bytes());
        let length = u8::try_from(text.len()).map_err(|_| refused())?;
        Ok(Self { letters, length })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Price {
    /// A price of so many millionths of a currency.
    pub const fn from_millionths(millionths: u64, currency: Currency) -> Self {
        Self { millionths, currency }
    }

    /// How many millionths of the currency.
    pub const fn millionths(self) -> u64 {
        self.millionths
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The price in base units of an asset that is worth exactly one of the currency per unit
    /// (prepaid dollars, a dollar token). An asset with fewer than six decimals can leave a
    /// remainder: `rounding` says what happens to it, and the answer carries it.
    pub fn in_asset(self, asset: &Asset, rounding: Rounding) -> Result<Converted, RateError> {
        Rate::PARITY.convert(Amount::new(u128::from(self.millionths)), PRICE_DECIMALS, asset.decimals(), rounding)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = Amount::new(u128::from(self.millionths)).to_decimal(PRICE_DECIMALS);
        write!(formatter, "{number} {}", self.currency)
    }
}

impl FromStr for Price {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, PriceError> {
        let (number, currency) =
            text.split_once(' ').ok_or_else(|| PriceError::Form(text.chars().take(64).collect()))?;
        Ok(Self { millionths: millionths(number)?, currency: currency.parse()? })
    }
}

fn millionths(number: &str) -> Result<u64, PriceError> {
    let shown = || number.chars().take(64).collect::<String>();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) {
        return Err(PriceError::Number(shown()));
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > usize::from(PRICE_DECIMALS) {
        return Err(PriceError::TooFine(shown()));
    }
    let too_large = || PriceError::TooLarge(shown());
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let fraction: u64 = format!("{fraction:0<6}").parse().map_err(|_| too_large())?;
    whole.checked_mul(MILLION).and_then(|units| units.checked_add(fraction)).ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Home;
    use proptest::prelude::*;

    fn price(text: &str) -> Result<Price, PriceError> {
        text.parse()
    }

    #[test]
    fn decimal_text_is_read_exactly() {
        assert_eq!(price("0.001 USD").unwrap().millionths(), 1000);
        assert_eq!(price("1 USD").unwrap().millionths(), 1_000_000);
        assert_eq!(price("0.000001 EUR").unwrap().millionths(), 1);
        assert_eq!(price("0.0010000000 USD").unwrap().to_string(), "0.001 USD");
        assert_eq!(price("18446744073709.551615 USD").unwrap().millionths(), u64::MAX);
    }

    #[test]
    fn a_price_that_cannot_be_held_is_refused_with_the_reason() {
        assert!(matches!(price("0.0000001 USD"), Err(PriceError::TooFine(_))));
        assert!(matches!(price("18446744073709.551616 USD"), Err(PriceError::TooLarge(_))));
        for text in ["1e-3 USD", "-1 USD", "+1 USD", ".5 USD", "5. USD", "1,000 USD", "$1 USD", "0x1 USD", " USD"] {
            assert!(matches!(price(text), Err(PriceError::Number(_))), "{text}");
        }
        for text in ["1", "1USD", ""] {
            assert!(matches!(price(text), Err(PriceError::Form(_))), "{text}");
        }
        for text in ["1 usd", "1 US", "1 USD ", "1  USD", "1 DOLLARSSS"] {
            assert!(matches!(price(text), Err(PriceError::Currency(_))), "{text}");
        }
    }

    #[test]
    fn a_coarser_asset_needs_a_rounding_rule() {
        let cents = Asset::new("USD", 2, Home::Account("stripe".into())).unwrap();
        let third = price("0.015 USD").unwrap();
        assert!(matches!(third.in_asset(&cents, Rounding::Exact), Err(RateError::Remainder)));
        assert_eq!(third.in_asset(&cents, Rounding::Up).unwrap().amount, Amount::new(2));
        assert_eq!(third.in_asset(&cents, Rounding::Down).unwrap().amount, Amount::new(1));
    }

    proptest! {
        #[test]
        fn every_price_reads_back_from_its_text(millionths: u64) {
            let price = Price::from_millionths(millionths, "USD".parse().unwrap());
            prop_assert_eq!(price.to_string().parse::<Price>(), Ok(price));
        }

        #[test]
        fn finer_assets_hold_every_price_exactly(millionths: u64, decimals in 6u8..=18) {
            let asset = Asset::new("USDC", decimals, Home::Ledger).unwrap();
            let converted = Price::from_millionths(millionths, "USD".parse().unwrap())
                .in_asset(&asset, Rounding::Exact).unwrap();
            let scale = 10u128.pow(u32::from(decimals) - 6);
            prop_assert_eq!(converted.amount.units(), u128::from(millionths) * scale);
            prop_assert!(converted.is_exact());
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = text.parse::<Price>();
        }
    }
}
