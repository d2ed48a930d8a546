use farthing_money::{Asset, Home};

/// Currencies whose smallest unit is the whole one (ISO 4217).
const WITHOUT_DECIMALS: [&str; 6] = ["CLP", "ISK", "JPY", "KRW", "PYG", "VND"];
/// Those with two decimals that cards are charged in.
const WITH_TWO: [&str; 29] = [
    "AED", "AUD", "BGN", "BRL", "CAD", "CHF", "CNY", "COP", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "IDR", "ILS",
    "INR", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "RON", "SEK", "SGD", "THB", "USD", "ZAR",
];

/// Not a currency that a card is charged in here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a currency that cards are charged in here; write one such as \"USD\" or \"EUR\"")]
pub struct NotACurrency(pub String);

/// The money of this currency on cards, in its smallest unit. The code is read whatever its case.
pub fn asset_of(code: &str) -> Result<Asset, NotACurrency> {
    let refused = || NotACurrency(code.chars().take(16).collect());
    let upper = code.to_ascii_uppercase();
    let decimals = if WITHOUT_DECIMALS.contains(&upper.as_str()) {
        0
    } else if WITH_TWO.contains(&upper.as_str()) {
        2
    } else {
        return Err(refused());
    };
    Asset::new(&upper, decimals, Home::Account(crate::METHOD.to_owned())).map_err(|_| refused())
}

/// How the wire writes the currency of an asset.
pub(crate) fn code_of(asset: &Asset) -> String {
    asset.code().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_has_its_smallest_unit() {
        let usd = asset_of("usd").unwrap();
        assert_eq!((usd.to_string().as_str(), code_of(&usd).as_str()), ("USD.2@account:card", "usd"));
        assert_eq!(asset_of("JPY").unwrap().decimals(), 0);
        for code in ["", "XAU", "usdc", "usd.6"] {
            assert!(asset_of(code).is_err(), "{code}");
        }
    }
}
