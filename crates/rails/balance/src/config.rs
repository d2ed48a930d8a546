use farthing_money::Currency;
use farthing_rail::Unpriceable;

use crate::Balance;
use crate::currency::asset_of_code;

/// Why `[rails.balance]` cannot be used, in words that say what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// `asset` is missing.
    #[error("[rails.balance] has no asset; write the currency of the balances, such as asset = \"USD\"")]
    NoAsset,
    /// `asset` is not a text.
    #[error("rails.balance.asset is not a text; write a currency code, such as asset = \"USD\"")]
    NotText,
    /// `asset` is not a currency.
    #[error("rails.balance.asset \"{0}\" is not an ISO 4217 currency code; write one such as \"USD\"")]
    UnknownCurrency(String),
    /// A key that means nothing here.
    #[error("[rails.balance] has no key \"{0}\"; remove it, the only key is asset")]
    UnknownKey(String),
    /// The issuer cannot be a part of what payers sign.
    #[error("the issuer \"{0}\" is not a host or a URL of printable ASCII; set gateway.public_url")]
    Issuer(String),
    /// The method's terms could not be made.
    #[error(transparent)]
    Terms(#[from] Unpriceable),
}

impl Balance {
    /// From the `[rails.balance]` table of a gateway's configuration. The issuer is the gateway's
    /// `public_url` or, without one, its realm.
    pub fn from_table(table: &toml::Table, issuer: &str) -> Result<Self, ConfigError> {
        if let Some(unknown) = table.keys().find(|key| *key != "asset") {
            return Err(ConfigError::UnknownKey(unknown.clone()));
        }
        let code = table.get("asset").ok_or(ConfigError::NoAsset)?.as_str().ok_or(ConfigError::NotText)?;
        Self::in_code(code, issuer)
    }

    /// Balances in a currency, kept by this issuer.
    pub fn in_currency(currency: Currency, issuer: &str) -> Result<Self, ConfigError> {
        Self::in_code(currency.as_str(), issuer)
    }

    fn in_code(code: &str, issuer: &str) -> Result<Self, ConfigError> {
        let asset = asset_of_code(code).map_err(|_| ConfigError::UnknownCurrency(code.to_owned()))?;
        if issuer.is_empty() || !issuer.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::Issuer(issuer.to_owned()));
        }
        Ok(Self::new(asset, issuer)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_rail::Method as _;

    fn read(text: &str) -> Result<Balance, ConfigError> {
        Balance::from_table(&text.parse().unwrap(), "https://api.example.com")
    }

    #[test]
    fn one_line_is_a_whole_configuration() {
        assert_eq!(read("asset = \"USD\"").unwrap().terms().asset.to_string(), "USD.6@ledger");
    }

    #[test]
    fn a_wrong_table_is_refused_with_the_remedy() {
        let refusal = |text: &str| read(text).err().unwrap();
        assert_eq!(refusal(""), ConfigError::NoAsset);
        assert_eq!(refusal("asset = 6"), ConfigError::NotText);
        assert_eq!(refusal("asset = \"usd\""), ConfigError::UnknownCurrency("usd".into()));
        assert_eq!(refusal("asset = \"USD\"\nfloor = 1"), ConfigError::UnknownKey("floor".into()));
        let issuer = Balance::from_table(&"asset = \"USD\"".parse().unwrap(), "a b").err().unwrap();
        assert_eq!(issuer, ConfigError::Issuer("a b".into()));
    }
}
