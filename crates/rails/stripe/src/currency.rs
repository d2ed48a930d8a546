use farthing_money::{Amount, Asset, Home};

/// What Stripe charges at least, by currency and in its smallest unit. Payment methods with lower bounds of
/// their own are held to the general one. `docs.stripe.com/currencies`, minimum charge amounts.
const FLOORS: &[(&str, u128)] = &[
    ("AED", 200),
    ("AUD", 50),
    ("BGN", 100),
    ("BRL", 50),
    ("CAD", 50),
    ("CHF", 50),
    ("CZK", 1_500),
    ("DKK", 250),
    ("EUR", 50),
    ("GBP", 30),
    ("HKD", 400),
    ("HUF", 17_500),
    ("ILS", 50),
    ("INR", 50),
    ("JPY", 50),
    ("KRW", 50),
    ("MXN", 1_000),
    ("MYR", 200),
    ("NOK", 300),
    ("NZD", 50),
    ("PHP", 50),
    ("PLN", 200),
    ("RON", 200),
    ("SEK", 300),
    ("SGD", 50),
    ("THB", 1_000),
    ("USD", 50),
    ("ZAR", 50),
];

/// Currencies whose smallest unit is the whole one.
const WITHOUT_DECIMALS: [&str; 2] = ["JPY", "KRW"];

/// Not a currency that is charged here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a currency that Stripe charges at a known minimum; write one such as \"USD\" or \"EUR\"")]
pub struct NotACurrency(pub String);

/// The money of this currency at Stripe, in its smallest unit. The code is read whatever its case.
pub fn asset_of(code: &str) -> Result<Asset, NotACurrency> {
    let refused = || NotACurrency(code.chars().take(16).collect());
    let upper = code.to_ascii_uppercase();
    let (known, _) = FLOORS.iter().find(|(known, _)| *known == upper).ok_or_else(refused)?;
    let decimals = if WITHOUT_DECIMALS.contains(known) { 0 } else { 2 };
    Asset::new(known, decimals, Home::Account(crate::METHOD.to_owned())).map_err(|_| refused())
}

/// The least that is charged of an asset that [`asset_of`] made.
pub(crate) fn floor_of(asset: &Asset) -> Amount {
    let known = FLOORS.iter().find(|(code, _)| *code == asset.code());
    Amount::new(known.map_or(u128::MAX, |(_, floor)| *floor))
}

/// How Stripe writes the currency of an asset.
pub(crate) fn code_of(asset: &Asset) -> String {
    asset.code().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_has_its_smallest_unit_and_its_floor() {
        let usd = asset_of("usd").unwrap();
        assert_eq!((usd.to_string().as_str(), floor_of(&usd)), ("USD.2@account:stripe", Amount::new(50)));
        let jpy = asset_of("JPY").unwrap();
        assert_eq!((jpy.decimals(), floor_of(&jpy), code_of(&jpy)), (0, Amount::new(50), "jpy".to_owned()));
        for code in ["", "XAU", "usdc", "usd.6", "BHD"] {
            assert!(asset_of(code).is_err(), "{code}");
        }
    }
}
