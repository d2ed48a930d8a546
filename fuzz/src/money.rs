//! Money as people and files write it: what was read is written as it was meant, and read again as the same value.

use farthing_money::{Amount, Asset, Currency, Price, Rounding};

/// Prices, amounts, assets and currencies; a price in an asset is never rounded to less than its seller asks.
pub fn text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(amount) = text.parse::<Amount>() {
        assert_eq!(amount.to_string().parse(), Ok(amount));
        let _ = [0, 6, 18, u8::MAX].map(|decimals| amount.to_decimal(decimals));
    }
    if let Ok(asset) = text.parse::<Asset>() {
        assert_eq!(asset.to_string().parse(), Ok(asset));
    }
    if let Ok(currency) = text.parse::<Currency>() {
        assert_eq!(currency.to_string().parse(), Ok(currency));
    }
    let Ok(price) = text.parse::<Price>() else { return };
    assert_eq!(price.to_string().parse(), Ok(price));
    for asset in ["USD.6@ledger", "USD.2@ledger", "EUR.18@ledger"] {
        let Ok(asset) = asset.parse::<Asset>() else { continue };
        let [up, down] = [Rounding::Up, Rounding::Down].map(|rounding| price.in_asset(&asset, rounding));
        if let (Ok(up), Ok(down)) = (up, down) {
            assert!(up.amount >= down.amount, "{price} in {asset}");
        }
    }
}
