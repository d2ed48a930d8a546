use std::time::Duration;

use alloy_primitives::Address;
use farthing_money::Price;
use toml::Value;

use crate::chain::{Token, by_name};
use crate::evm::address_of;

/// One `[rails.NAME]` or `[chains.NAME]` table, read key by key; what was not asked for is refused at the end.
pub(super) struct Table<'a> {
    section: &'static str,
    name: &'a str,
    table: &'a toml::Table,
}

impl<'a> Table<'a> {
    pub(super) fn new(section: &'static str, name: &'a str, table: &'a toml::Table) -> Self {
        Self { section, name, table }
    }

    /// A sentence about one of its keys.
    pub(super) fn wrong(&self, key: &str, what: impl std::fmt::Display) -> String {
        format!("{}.{}.{key} {what}", self.section, self.name)
    }

    /// A sentence about all of it.
    pub(super) fn refused(&self, what: impl std::fmt::Display) -> String {
        format!("[{}.{}]: {what}", self.section, self.name)
    }

    /// Refuses keys that mean nothing.
    pub(super) fn knows(&self, keys: &[&str]) -> Result<(), String> {
        match self.table.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(unknown) => {
                let keys = keys.join(", ");
                Err(format!("[{}.{}] has no key \"{unknown}\"; its keys are {keys}", self.section, self.name))
            }
            None => Ok(()),
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.table.get(key)
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, String> {
        let flag = |value: &Value| value.as_bool().ok_or_else(|| self.wrong(key, "is true or false"));
        self.value(key).map(flag).transpose()
    }

    pub(super) fn count(&self, key: &str) -> Result<Option<u64>, String> {
        let count = |value: &Value| {
            let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
            number.ok_or_else(|| self.wrong(key, "is a whole number, such as 1"))
        };
        self.value(key).map(count).transpose()
    }

    /// Seconds as people write them: `"20s"`, `"5m"`.
    pub(super) fn duration(&self, key: &str) -> Result<Option<Duration>, String> {
        let read = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
            let seconds = match (number.parse::<u64>(), unit) {
                (Ok(number), "s") => Some(number),
                (Ok(number), "m") => number.checked_mul(60),
                _ => None,
            };
            seconds.map(Duration::from_secs).ok_or_else(|| self.wrong(key, "is a duration, such as \"20s\" or \"5m\""))
        };
        self.value(key).map(read).transpose()
    }

    /// A price in the currency of a token.
    pub(super) fn price(&self, key: &str, token: &Token) -> Result<Option<Price>, String> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let price: Price = text.parse().map_err(|error| self.wrong(key, format!("cannot be read: {error}")))?;
        match price.currency() == token.currency {
            true => Ok(Some(price)),
            false => Err(self.wrong(key, format!("is in {}, the asset's currency", token.currency))),
        }
    }

    /// One text.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        self.value(key).map(|value| value.as_str().ok_or_else(|| self.wrong(key, "is a text"))).transpose()
    }

    /// A table in the table.
    pub(super) fn table(&self, key: &str) -> Result<Option<&'a toml::Table>, String> {
        let table = |value: &'a Value| value.as_table().ok_or_else(|| self.wrong(key, "is a table"));
        self.value(key).map(table).transpose()
    }

    /// A text, or a list of texts.
    pub(super) fn texts(&self, key: &str, example: &str) -> Result<Option<Vec<String>>, String> {
        let wrong = || self.wrong(key, format!("is a text or a list of texts, such as {example}"));
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
        match self.value(key) {
            None => Ok(None),
            Some(Value::Array(list)) => list.iter().map(text).collect::<Result<_, _>>().map(Some),
            Some(value) => text(value).map(|text| Some(vec![text])),
        }
    }

    pub(super) fn address(&self, key: &str) -> Result<Option<Address>, String> {
        let read = |value: &Value| {
            value.as_str().and_then(address_of).ok_or_else(|| {
                self.wrong(
                    key,
                    "is an address: 0x and 40 hexadecimal digits, with a right EIP-55 checksum if in mixed case",
                )
            })
        };
        self.value(key).map(read).transpose()
    }

    /// The chain, by its name on file or its EIP-155 number.
    pub(super) fn chain(&self) -> Result<Option<u64>, String> {
        let read = |value: &Value| {
            let number = value.as_integer().and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0);
            let named = value.as_str().and_then(by_name).map(|chain| chain.id);
            let names = crate::chain::all().iter().map(|chain| chain.name).collect::<Vec<_>>().join(", ");
            number.or(named).ok_or_else(|| self.wrong("chain", format!("is an EIP-155 number or one of: {names}")))
        };
        self.value("chain").map(read).transpose()
    }

    pub(super) fn token(&self, chain: u64, key: &str, default: &str) -> Result<Token, String> {
        let default = Value::from(default);
        self.token_of(chain, key, self.value(key).unwrap_or(&default))
    }

    fn token_of(&self, chain: u64, key: &str, value: &Value) -> Result<Token, String> {
        Token::from_config(chain, value).map_err(|error| self.wrong(key, format!("cannot be used: {error}")))
    }

    /// One token, or a list of them.
    pub(super) fn tokens(&self, chain: u64, key: &str, default: &str) -> Result<Vec<Token>, String> {
        match self.value(key) {
            Some(Value::Array(list)) => list.iter().map(|value| self.token_of(chain, key, value)).collect(),
            _ => self.token(chain, key, default).map(|token| vec![token]),
        }
    }

    /// A list of tables.
    pub(super) fn tables(&self, key: &str, example: &str) -> Result<Vec<Table<'a>>, String> {
        let wrong = || self.wrong(key, format!("is a list of tables, such as {example}"));
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let list = value.as_array().ok_or_else(wrong)?;
        list.iter().map(|each| each.as_table().map(|table| Table { table, ..*self }).ok_or_else(wrong)).collect()
    }
}
