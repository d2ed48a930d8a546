//! The account that payers send money to.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use farthing_money::{Asset, Currency, Home};
use toml::Table;

use crate::check_digits::mod_97;
use crate::decimal::decimals_of;

/// ISO 13616: the longest IBAN.
const LONGEST_IBAN: usize = 34;
/// ISO 20022: the longest account number that is no IBAN.
const LONGEST_NUMBER: usize = 34;
/// ISO 20022: the longest name.
const LONGEST_NAME: usize = 70;

/// An account's number: an IBAN with the right check digits, or what a country without IBANs uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountNumber {
    /// In capital letters, without spaces.
    Iban(Box<str>),
    /// Letters, digits, dashes and dots.
    Other(Box<str>),
}

/// The account of a `[rails.NAME]` table whose method is `bank`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAccount {
    /// Whose it is.
    pub holder: String,
    /// Its number.
    pub number: AccountNumber,
    /// The bank (ISO 9362), where payers must name it.
    pub bic: Option<String>,
    /// What it holds.
    pub currency: Currency,
    /// The folder that statements are put into.
    pub statements: Option<PathBuf>,
}

/// What is wrong with a `[rails.NAME]` table, in one sentence with the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotABankAccount(String);

impl AccountNumber {
    /// Without spaces, as a file carries it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Iban(text) | Self::Other(text) => text,
        }
    }

    /// As people copy it: an IBAN in groups of four.
    pub fn grouped(&self) -> String {
        let letters: Vec<char> = self.as_str().chars().collect();
        match self {
            Self::Iban(_) => {
                letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
            }
            Self::Other(text) => text.to_string(),
        }
    }

    /// A number that is no IBAN.
    pub(crate) fn other(text: &str) -> Result<Self, NotABankAccount> {
        let refused = "an account is a number of at most 34 letters, digits, dashes and dots";
        let fits = (1..=LONGEST_NUMBER).contains(&text.len())
            && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'.');
        fits.then(|| Self::Other(text.into())).ok_or_else(|| NotABankAccount(refused.to_owned()))
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Reads an IBAN, with spaces or without.
impl FromStr for AccountNumber {
    type Err = NotABankAccount;

    fn from_str(text: &str) -> Result<Self, NotABankAccount> {
        let refused = || {
            let shown: String = text.chars().take(48).collect();
            NotABankAccount(format!(
                "\"{shown}\" is not an IBAN; check its digits, or write account = for another number"
            ))
        };
        let plain: String =
            text.chars().filter(|letter| *letter != ' ').map(|letter| letter.to_ascii_uppercase()).collect();
        let (head, body) = plain.split_at_checked(4).ok_or_else(refused)?;
        let country = head.bytes().take(2).all(|letter| letter.is_ascii_uppercase());
        let check = head.bytes().skip(2).all(|digit| digit.is_ascii_digit());
        let fits = plain.len() <= LONGEST_IBAN && plain.bytes().all(|letter| letter.is_ascii_alphanumeric());
        if !country || !check || body.is_empty() || !fits || mod_97(&format!("{body}{head}")) != Some(1) {
            return Err(refused());
        }
        Ok(Self::Iban(plain.into()))
    }
}

impl BankAccount {
    /// Reads a `[rails.NAME]` table: `holder`, `iban` or `account`, `bic`, `asset` and `statements`.
    pub fn from_table(table: &Table) -> Result<Self, NotABankAccount> {
        const KEYS: [&str; 6] = ["holder", "iban", "account", "bic", "asset", "statements"];
        let refused = |reason: &str| NotABankAccount(reason.to_owned());
        if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let known = KEYS.join(", ");
            return Err(NotABankAccount(format!("a bank rail has no key \"{unknown}\"; it knows {known}")));
        }
        let text = |key: &str| match table.get(key) {
            None => Ok(None),
            Some(value) => match value.as_str() {
                Some(text) if !text.trim().is_empty() => Ok(Some(text.trim())),
                _ => Err(NotABankAccount(format!("{key} is a text"))),
            },
        };
        let holder = text("holder")?.ok_or_else(|| refused("a bank rail needs the holder of its account"))?;
        if holder.chars().count() > LONGEST_NAME || holder.chars().any(char::is_control) {
            return Err(refused("the holder of an account is a name of at most 70 characters"));
        }
        let number = match (text("iban")?, text("account")?) {
            (Some(iban), None) => iban.parse()?,
            (None, Some(number)) => AccountNumber::other(number)?,
            _ => return Err(refused("a bank rail needs its iban, or its account where there are no IBANs")),
        };
        let currency = text("asset")?.ok_or_else(|| refused("a bank rail needs its asset, such as \"EUR\""))?;
        let bic = text("bic")?.map(bic_of).transpose()?;
        Ok(Self {
            holder: holder.to_owned(),
            number,
            bic,
            currency: currency.parse().map_err(|_| refused("asset is a currency code, such as \"EUR\""))?,
            statements: text("statements")?.map(PathBuf::from),
        })
    }

    /// The money on it, as the books count it: `EUR.2@account:DE...`.
    pub fn asset(&self) -> Result<Asset, NotABankAccount> {
        let code = self.currency.as_str();
        let home = Home::Account(self.number.as_str().to_owned());
        Asset::new(code, decimals_of(code), home).map_err(|error| NotABankAccount(error.to_string()))
    }
}

fn bic_of(text: &str) -> Result<String, NotABankAccount> {
    let fits = matches!(text.len(), 8 | 11) && text.bytes().all(|letter| letter.is_ascii_alphanumeric());
    match fits {
        true => Ok(text.to_ascii_uppercase()),
        false => Err(NotABankAccount(format!("\"{text}\" is not a BIC, which has 8 or 11 letters and digits"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BankAccount, String> {
        BankAccount::from_table(&text.parse().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_account_is_read_with_its_check_digits() {
        let account = read(
            "holder = \"Example GmbH\"\niban = \"DE89 3704 0044 0532 0130 00\"\nbic = \"COBADEFF\"\nasset = \"EUR\"",
        )
        .unwrap();
        assert_eq!(account.number.grouped(), "DE89 3704 0044 0532 0130 00");
        assert_eq!(account.asset().unwrap().to_string(), "EUR.2@account:DE89370400440532013000");
        let american = read("holder = \"Example Inc\"\naccount = \"021000021-1234567\"\nasset = \"USD\"").unwrap();
        assert_eq!(american.asset().unwrap().to_string(), "USD.2@account:021000021-1234567");
    }

    #[test]
    fn what_could_send_money_elsewhere_is_refused() {
        for (text, reason) in [
            ("iban = \"DE89370400440532013000\"\nasset = \"EUR\"", "needs the holder"),
            ("holder = \"A\"\niban = \"DE88370400440532013000\"\nasset = \"EUR\"", "is not an IBAN"),
            ("holder = \"A\"\nasset = \"EUR\"", "needs its iban"),
            ("holder = \"A\"\niban = \"DE89370400440532013000\"", "needs its asset"),
            ("holder = \"A\"\niban = \"DE89370400440532013000\"\nasset = \"euro\"", "currency code"),
            ("holder = \"A\"\niban = \"DE89370400440532013000\"\nasset = \"EUR\"\nbic = \"X\"", "is not a BIC"),
            ("holder = \"A\"\niban = \"DE89370400440532013000\"\nasset = \"EUR\"\nibna = \"\"", "no key \"ibna\""),
        ] {
            assert!(read(text).unwrap_err().contains(reason), "{text}");
        }
    }
}
