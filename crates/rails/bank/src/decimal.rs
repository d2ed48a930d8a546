//! Decimal texts as counts of the smallest unit, never through a float.

use farthing_money::Amount;

/// ISO 20022: an amount has at most 18 digits.
const MOST_DIGITS: usize = 18;

/// Not an amount of the currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an amount with at most {decimals} decimals")]
pub struct NotAnAmount {
    /// What stands there.
    pub text: String,
    /// What the currency has.
    pub decimals: u8,
}

/// Reads a decimal text as base units of a currency with so many decimals. Zeros beyond them are allowed.
pub fn parse_amount(text: &str, decimals: u8) -> Result<Amount, NotAnAmount> {
    let refused = || NotAnAmount { text: text.chars().take(40).collect(), decimals };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let empty = whole.is_empty() && fraction.is_empty();
    if empty || !digits(whole) || !digits(fraction) || whole.len() + fraction.len() > MOST_DIGITS {
        return Err(refused());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > usize::from(decimals) {
        return Err(refused());
    }
    let text = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
    text.parse::<u128>().map(Amount::new).map_err(|_| refused())
}

/// How many decimals a currency has at a bank (ISO 4217).
pub fn decimals_of(currency: &str) -> u8 {
    const NONE: [&str; 16] = [
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF",
    ];
    const THREE: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
    match currency {
        none if NONE.contains(&none) => 0,
        three if THREE.contains(&three) => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_to_the_last_unit_or_not_at_all() {
        let cases =
            [("12.34", 2, 1234), ("12.3", 2, 1230), ("12", 2, 1200), (".5", 2, 50), ("7.000", 2, 700), ("7", 0, 7)];
        for (text, decimals, units) in cases {
            assert_eq!(parse_amount(text, decimals), Ok(Amount::new(units)), "{text}");
        }
        for text in ["", ".", "-1", "+1", "1,50", "1.505", "1e3", " 1", "1.2.3", "1234567890123456789", "٣"] {
            assert!(parse_amount(text, 2).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_reads_back(units in 0u128..1_000_000_000_000_000, decimals in 0u8..4) {
            let amount = Amount::new(units);
            prop_assert_eq!(parse_amount(&amount.to_decimal(decimals), decimals), Ok(amount));
        }
    }
}
