use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Amount;

/// More decimals than any asset in use has.
pub const MAX_DECIMALS: u8 = 36;

/// Something a payment can move: a code, how many decimals one unit of it has, and the place that
/// holds it. Two assets are the same only if all three are: a dollar in a prepaid balance and a
/// dollar token on a chain are different assets, and the ledger never adds them up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asset(Arc<Parts>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    code: String,
    decimals: u8,
    home: Home,
}

/// Who holds an asset, and so who must be asked whether it moved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Home {
    /// A seller's own ledger: prepaid balances.
    Ledger,
    /// A token on a chain, named as CAIP-2 chain and token (`eip155:8453`, `0x...`).
    Chain {
        /// CAIP-2 chain id.
        chain: String,
        /// The token's contract or mint; `native` for the chain's own coin.
        token: String,
    },
    /// Money at a processor or a bank, named by the rail that reaches it (`stripe`, `bank`).
    Account(String),
}

/// Why a text or a set of parts is not an asset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssetError {
    /// The code is empty, too long, or not letters and digits.
    #[error("an asset code is 1 to 16 letters or digits, such as USD or pathUSD; got \"{0}\"")]
    Code(String),
    /// More decimals than [`MAX_DECIMALS`].
    #[error("an asset has at most {MAX_DECIMALS} decimals; got {0}")]
    Decimals(u8),
    /// Not the `CODE.decimals@home` form.
    #[error("an asset is written CODE.decimals@home, such as USD.6@ledger; got \"{0}\"")]
    Form(String),
}

impl Asset {
    /// An asset from its parts.
    pub fn new(code: &str, decimals: u8, home: Home) -> Result<Self, AssetError> {
        let fits = (1..=16).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !fits {
            return Err(AssetError::Code(code.chars().take(32).collect()));
        }
        if decimals > MAX_DECIMALS {
            return Err(AssetError::Decimals(decimals));
        }
        Ok(Self(Arc::new(Parts { code: code.to_owned(), decimals, home })))
    }

    /// The code, as people write it.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// How many decimals one whole unit has.
    pub fn decimals(&self) -> u8 {
        self.0.decimals
    }

    /// Who holds it.
    pub fn home(&self) -> &Home {
        &self.0.home
    }

    /// An amount of this asset for people: `0.001 USD`.
    pub fn display(&self, amount: Amount) -> String {
        format!("{} {}", amount.to_decimal(self.decimals()), self.code())
    }
}

/// `USD.6@ledger`, `USDC.6@eip155:8453/0x...`, `USD.2@account:stripe`: the form in which the books
/// store an asset; [`FromStr`] reads it back.
impl fmt::Display for Asset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}@", self.code(), self.decimals())?;
        match self.home() {
            Home::Ledger => formatter.write_str("ledger"),
            Home::Chain { chain, token } => write!(formatter, "{chain}/{token}"),
            Home::Account(rail) => write!(formatter, "account:{rail}"),
        }
    }
}

impl fmt::Debug for Asset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Asset({self})")
    }
}

impl FromStr for Asset {
    type Err = AssetError;

    fn from_str(text: &str) -> Result<Self, AssetError> {
        let malformed = || AssetError::Form(text.chars().take(128).collect());
        let (unit, home) = text.split_once('@').ok_or_else(malformed)?;
        let (code, decimals) = unit.rsplit_once('.').ok_or_else(malformed)?;
        let decimals = decimals.parse().map_err(|_| malformed())?;
        let home = if home == "ledger" {
            Home::Ledger
        } else if let Some(rail) = home.strip_prefix("account:") {
            Home::Account(rail.to_owned())
        } else {
            let (chain, token) = home.split_once('/').ok_or_else(malformed)?;
            Home::Chain { chain: chain.to_owned(), token: token.to_owned() }
        };
        Self::new(code, decimals, home)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_reads_back_from_its_text() {
        for text in ["USD.6@ledger", "USDC.6@eip155:8453/0x833589fC", "USD.2@account:stripe", "ETH.18@eip155:1/native"]
        {
            assert_eq!(text.parse::<Asset>().unwrap().to_string(), text);
        }
        for text in ["", "USD", "USD@ledger", "USD.6", "USD.99@ledger", "U D.6@ledger", "USD.6@nowhere"] {
            assert!(text.parse::<Asset>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_same_code_in_two_places_is_two_assets() {
        let prepaid = Asset::new("USD", 6, Home::Ledger).unwrap();
        let processor = Asset::new("USD", 6, Home::Account("stripe".into())).unwrap();
        assert_ne!(prepaid, processor);
        assert_eq!(prepaid.display(Amount::new(1000)), "0.001 USD");
    }
}
