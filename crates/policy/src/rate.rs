use farthing_money::{Amount, Currency, Price, Rate, Rounding};
use farthing_protocol::Timestamp;

/// What one unit of another currency is worth in the policy's, as the owner recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRate {
    /// The other currency.
    pub currency: Currency,
    /// What one of it is worth: `1.085`.
    pub rate: Box<str>,
    /// Who says so.
    pub source: String,
    /// From when on; the midnight of a day, UTC.
    pub date: Timestamp,
}

impl RecordedRate {
    /// The price in the policy's currency, rounded up; `None` when no price is so large.
    pub(crate) fn convert(&self, price: Price, into: Currency) -> Option<Price> {
        let converted = read_rate(&self.rate)?.convert(Amount::new(u128::from(price.millionths())), 0, 0, Rounding::Up);
        let millionths = u64::try_from(converted.ok()?.amount.units()).ok()?;
        Some(Price::from_millionths(millionths, into))
    }
}

/// Reads a decimal number above zero as the ratio it is.
pub(crate) fn read_rate(text: &str) -> Option<Rate> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) || text.ends_with('.') {
        return None;
    }
    let denominator = 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Rate::new(format!("{whole}{fraction}").parse().ok()?, denominator).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversion_rounds_up_and_does_not_wrap() {
        let rate = |text: &str| RecordedRate {
            currency: "EUR".parse().unwrap(),
            rate: text.into(),
            source: "ECB".into(),
            date: Timestamp::from_unix_millis(0),
        };
        let convert = |text: &str, millionths| {
            let price = Price::from_millionths(millionths, "EUR".parse().unwrap());
            rate(text).convert(price, "USD".parse().unwrap()).map(Price::millionths)
        };
        assert_eq!(convert("1.085", 1_000_000), Some(1_085_000));
        assert_eq!(convert("1.085", 1), Some(2));
        assert_eq!(convert("1", u64::MAX), Some(u64::MAX));
        assert_eq!(convert("1.000001", u64::MAX), None);
        for text in ["", "0", "0.0", "-1", "1.", ".5", "1e3", "1,5", "1.00000000000000000000"] {
            assert_eq!(convert(text, 1), None, "{text}");
        }
    }
}
