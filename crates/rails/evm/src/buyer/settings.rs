use std::collections::BTreeMap;
use std::fmt;

use alloy_primitives::Address;
use farthing_money::Price;
use toml::{Table, Value};

use crate::chain::{self, Chain, Token, TokenError, Tokens};
use crate::evm::address_of;

/// The chains that an owner's wallets reach, by the names their owner gave them.
///
/// ```toml
/// [chain.base]                     # a chain on file, by its name
/// rpc = "https://rpc.example"      # or a list of nodes
/// native_price = "4000 USD"        # what one whole coin of gas is worth
///
/// [chain.mine]                     # any other, by its number
/// chain = 31337
/// rpc = "http://127.0.0.1:8545"
/// token = [{ contract = "0x...", code = "TUSD", decimals = 6, currency = "USD" }]
/// escrow = ["0x..."]               # contracts that a session's deposit may be put in
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chains(BTreeMap<String, ChainSettings>);

/// How one chain is reached, and what is known of it beyond what is on file.
#[derive(Clone, PartialEq, Eq)]
pub struct ChainSettings {
    /// Its EIP-155 number.
    pub id: u64,
    /// The URLs of its nodes. They may hold keys, and are never shown.
    pub rpc: Vec<String>,
    /// Tokens that are not on file, or of which more is known.
    pub tokens: Vec<Token>,
    /// What one whole coin of gas is worth. Without it, what costs gas is not offered for payment.
    pub native_price: Option<Price>,
    /// Contracts that its owner trusts with the deposits of sessions, beside those that are part of a chain.
    pub escrows: Vec<Address>,
}

/// Why a file of chains cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainsError {
    /// Not TOML.
    #[error("it is not TOML: {0}")]
    Form(String),
    /// Something that is not a chain.
    #[error("it holds \"{0}\"; it holds tables [chain.NAME] and nothing else")]
    Unknown(String),
    /// Not a name.
    #[error("\"{0}\" is not a chain's name; use 1 to 32 lower-case letters, digits and hyphens, such as base")]
    Name(String),
    /// The name says nothing, and there is no number.
    #[error("no chain \"{0}\" is on file; give its number: chain = 8453")]
    NoNumber(String),
    /// The name says something else.
    #[error("{name} is on file as chain {on_file}; remove chain = {written}, or choose another name")]
    OtherNumber {
        /// The name.
        name: String,
        /// What it is on file as.
        on_file: u64,
        /// What was written.
        written: u64,
    },
    /// Two names for one chain.
    #[error("{first} and {second} are both chain {id}; remove one")]
    Twice {
        /// One name.
        first: String,
        /// The other.
        second: String,
        /// The number.
        id: u64,
    },
    /// A member is not in its form.
    #[error("{chain}: {member} is {rule}")]
    Member {
        /// The chain.
        chain: String,
        /// The member.
        member: String,
        /// What it must be.
        rule: &'static str,
    },
    /// A token is not in its form.
    #[error("{chain}: {error}")]
    Token {
        /// The chain.
        chain: String,
        /// Why.
        error: TokenError,
    },
}

impl Chains {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, ChainsError> {
        // The message without the excerpt, which could hold a node's key.
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or(text).matches('\n').count() + 1);
            ChainsError::Form(format!("{} (line {line})", error.message()))
        })?;
        if let Some(unknown) = table.keys().find(|key| *key != "chain") {
            return Err(ChainsError::Unknown(unknown.clone()));
        }
        let mut chains = Self::default();
        let Some(listed) = table.get("chain") else { return Ok(chains) };
        let listed = listed.as_table().ok_or_else(|| ChainsError::Unknown("chain".into()))?;
        for (name, value) in listed {
            let table = value.as_table().ok_or_else(|| ChainsError::Unknown(format!("chain.{name}")))?;
            chains.add(name, ChainSettings::from_table(name, table)?)?;
        }
        Ok(chains)
    }

    /// The text of the file.
    pub fn to_toml(&self) -> String {
        let listed = self.0.iter().map(|(name, settings)| (name.clone(), Value::Table(settings.to_table(name))));
        let mut table = Table::new();
        table.insert("chain".into(), Value::Table(listed.collect()));
        if self.0.is_empty() { String::new() } else { table.to_string() }
    }

    /// Knows a chain under this name, which replaces what it knew under it.
    pub fn add(&mut self, name: &str, settings: ChainSettings) -> Result<(), ChainsError> {
        check_name(name)?;
        let twin = self.0.iter().find(|(other, known)| known.id == settings.id && *other != name);
        if let Some((first, known)) = twin {
            return Err(ChainsError::Twice { first: first.clone(), second: name.to_owned(), id: known.id });
        }
        self.0.insert(name.to_owned(), settings);
        Ok(())
    }

    /// Forgets a chain. Whether it was known.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// The chains, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ChainSettings)> {
        self.0.iter().map(|(name, settings)| (name.as_str(), settings))
    }

    /// The chain of this name.
    pub fn named(&self, name: &str) -> Option<&ChainSettings> {
        self.0.get(name)
    }

    /// The chain of this number.
    pub fn numbered(&self, id: u64) -> Option<&ChainSettings> {
        self.0.values().find(|settings| settings.id == id)
    }

    /// All tokens that are known: those on file, and the owner's.
    pub fn tokens(&self) -> Tokens {
        let mut tokens = Tokens::default();
        self.0.values().flat_map(|settings| settings.tokens.iter().cloned()).for_each(|token| tokens.add(token));
        tokens
    }
}

impl ChainSettings {
    /// A chain that is reached through these nodes. Without a number, the name must be on file.
    pub fn new(name: &str, id: Option<u64>, rpc: Vec<String>) -> Result<Self, ChainsError> {
        check_name(name)?;
        let on_file = chain::by_name(name).map(|chain| chain.id);
        let id = match (id, on_file) {
            (Some(written), Some(on_file)) if written != on_file => {
                return Err(ChainsError::OtherNumber { name: name.to_owned(), on_file, written });
            }
            (id, on_file) => id.or(on_file).ok_or_else(|| ChainsError::NoNumber(name.to_owned()))?,
        };
        let is_url = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        if rpc.is_empty() || !rpc.iter().all(is_url) {
            let rule = "the URL of a node, such as \"http://127.0.0.1:8545\", or a list of them";
            return Err(ChainsError::Member { chain: name.to_owned(), member: "rpc".into(), rule });
        }
        Ok(Self { id, rpc, tokens: Vec::new(), native_price: None, escrows: Vec::new() })
    }

    /// What is on file of it.
    pub fn on_file(&self) -> Option<&'static Chain> {
        chain::by_id(self.id)
    }

    /// Every token that is known on it: the owner's, then those on file.
    pub fn all_tokens(&self) -> Vec<Token> {
        let mut tokens = self.tokens.clone();
        tokens.extend(
            chain::of_chain(self.id).filter(|token| self.tokens.iter().all(|own| own.contract != token.contract)),
        );
        tokens
    }

    fn from_table(name: &str, table: &Table) -> Result<Self, ChainsError> {
        let wrong =
            |member: &str, rule| ChainsError::Member { chain: name.to_owned(), member: member.to_owned(), rule };
        if let Some(unknown) =
            table.keys().find(|key| !["chain", "rpc", "token", "native_price", "escrow"].contains(&key.as_str()))
        {
            return Err(wrong(unknown, "not known here; a chain has chain, rpc, token, native_price and escrow"));
        }
        let number = |value: &Value| value.as_integer().and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
        let id = table
            .get("chain")
            .map(|value| number(value).ok_or_else(|| wrong("chain", "its EIP-155 number, such as 8453")));
        let rpc = match table.get("rpc") {
            Some(Value::String(url)) => vec![url.clone()],
            Some(Value::Array(urls)) => urls.iter().map(|url| url.as_str().unwrap_or_default().to_owned()).collect(),
            _ => Vec::new(),
        };
        let mut settings = Self::new(name, id.transpose()?, rpc)?;
        let tokens = match table.get("token") {
            None => &Vec::new(),
            Some(value) => value.as_array().ok_or_else(|| wrong("token", "a list of tokens"))?,
        };
        for token in tokens {
            let token = Token::from_config(settings.id, token);
            let token = token.map_err(|error| ChainsError::Token { chain: name.to_owned(), error })?;
            settings.tokens.push(token);
        }
        if let Some(price) = table.get("native_price") {
            let price = price.as_str().and_then(|price| price.parse().ok());
            settings.native_price = Some(price.ok_or_else(|| wrong("native_price", "a price such as \"4000 USD\""))?);
        }
        if let Some(escrows) = table.get("escrow") {
            let written = match escrows {
                Value::Array(list) => list.as_slice(),
                only => std::slice::from_ref(only),
            };
            let escrows = written.iter().map(|value| value.as_str().and_then(address_of));
            let rule = "a list of contracts, each 0x and 40 hexadecimal digits with a right checksum if in mixed case";
            settings.escrows = escrows.collect::<Option<_>>().ok_or_else(|| wrong("escrow", rule))?;
        }
        Ok(settings)
    }

    fn to_table(&self, name: &str) -> Table {
        let mut table = Table::new();
        if chain::by_name(name).is_none() {
            table.insert("chain".into(), i64::try_from(self.id).unwrap_or(i64::MAX).into());
        }
        table.insert(
            "rpc".into(),
            match self.rpc.as_slice() {
                [only] => only.clone().into(),
                several => several.to_vec().into(),
            },
        );
        if !self.tokens.is_empty() {
            table.insert("token".into(), Value::Array(self.tokens.iter().map(token_value).collect()));
        }
        if let Some(price) = self.native_price {
            table.insert("native_price".into(), price.to_string().into());
        }
        if !self.escrows.is_empty() {
            let written = self.escrows.iter().map(|escrow| escrow.to_checksum(None));
            table.insert("escrow".into(), written.collect::<Vec<_>>().into());
        }
        table
    }
}

/// Nodes' URLs may hold keys.
impl fmt::Debug for ChainSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ChainSettings")
            .field("id", &self.id)
            .field("tokens", &self.tokens.len())
            .finish_non_exhaustive()
    }
}

/// A token as a configuration writes it.
fn token_value(token: &Token) -> Value {
    if chain::token(token.chain, token.contract).as_ref() == Some(token) {
        return token.contract.to_checksum(None).into();
    }
    let mut table = Table::new();
    table.insert("contract".into(), token.contract.to_checksum(None).into());
    table.insert("code".into(), token.asset.code().into());
    table.insert("decimals".into(), i64::from(token.asset.decimals()).into());
    table.insert("currency".into(), token.currency.to_string().into());
    if let Some(domain) = &token.domain {
        let mut named = Table::new();
        named.insert("name".into(), domain.name.clone().into());
        named.insert("version".into(), domain.version.clone().into());
        table.insert("domain".into(), named.into());
    }
    Value::Table(table)
}

fn check_name(name: &str) -> Result<(), ChainsError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match (1..=32).contains(&name.len()) && name.bytes().all(plain) {
        true => Ok(()),
        false => Err(ChainsError::Name(name.chars().take(48).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "[chain.base]\nrpc = \"https://rpc.example/key\"\nnative_price = \"4000 USD\"\n\
        token = [\"EURC\"]\nescrow = [\"0x4D50500000000000000000000000000000000000\"]\n[chain.mine]\nchain = 31338\nrpc = [\"http://127.0.0.1:8545\", \"http://127.0.0.1:8546\"]\n\
        token = [{ contract = \"0x0000000000000000000000000000000000000001\", code = \"TUSD\", decimals = 6, \
        currency = \"USD\", domain = { name = \"Test\", version = \"1\" } }]\n";

    #[test]
    fn a_file_reads_back() {
        let chains = Chains::parse(FILE).unwrap();
        assert_eq!(Chains::parse(&chains.to_toml()), Ok(chains.clone()));
        assert_eq!(Chains::parse(""), Ok(Chains::default()));
        assert_eq!(Chains::default().to_toml(), "");
        let base = chains.named("base").unwrap();
        assert_eq!((base.id, base.native_price.unwrap().to_string()), (8453, "4000 USD".to_owned()));
        assert_eq!(base.all_tokens().len(), 2);
        assert_eq!(base.escrows, [crate::session::RESERVE]);
        assert_eq!(chains.numbered(31338).unwrap().rpc.len(), 2);
        assert!(chains.tokens().by_code(31338, "TUSD").unwrap().domain.is_some());
    }

    #[test]
    fn a_node_s_url_is_not_shown() {
        let chains = Chains::parse(FILE).unwrap();
        assert!(!format!("{chains:?}").contains("rpc.example"));
        let refusal = Chains::parse("[chain.base]\nrpc = \"https://rpc.example/key\" \"x\"").unwrap_err().to_string();
        assert!(refusal.contains("line 2") && !refusal.contains("rpc.example"), "{refusal}");
    }

    #[test]
    fn what_cannot_be_followed_is_refused_with_the_remedy() {
        for (text, words) in [
            ("chains = 1", "[chain.NAME]"),
            ("[chain.Base]\nrpc = \"http://x\"", "lower-case"),
            ("[chain.mine]\nrpc = \"http://x\"", "give its number"),
            ("[chain.base]\nchain = 1\nrpc = \"http://x\"", "on file as chain 8453"),
            ("[chain.base]\nrpc = \"x\"", "the URL of a node"),
            ("[chain.base]", "the URL of a node"),
            ("[chain.base]\nrpc = \"http://x\"\nprice = 1", "price is not known here"),
            ("[chain.base]\nrpc = \"http://x\"\nnative_price = 4000", "4000 USD"),
            ("[chain.base]\nrpc = \"http://x\"\nescrow = [\"0x4d50\"]", "40 hexadecimal digits"),
            ("[chain.base]\nrpc = \"http://x\"\ntoken = [\"NOPE\"]", "no token \"NOPE\" is on file"),
            ("[chain.a]\nchain = 7\nrpc = \"http://x\"\n[chain.b]\nchain = 7\nrpc = \"http://x\"", "both chain 7"),
        ] {
            let refusal = Chains::parse(text).unwrap_err().to_string();
            assert!(refusal.contains(words), "{text}: {refusal}");
        }
    }
}
