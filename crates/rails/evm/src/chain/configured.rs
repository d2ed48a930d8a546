use alloy_primitives::Address;
use farthing_money::AssetError;

use super::{SigningDomain, Token};

/// The tokens that one program knows: those on file and those that its owner has configured.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    owner: Vec<Token>,
}

/// Why an `asset` in a configuration names no token, in words that say what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// A code that is not on file.
    #[error(
        "no token \"{code}\" is on file for chain {chain}; write asset = {{ contract = \"0x...\", code = \"{code}\", \
         decimals = 6, currency = \"USD\" }}"
    )]
    Code {
        /// The chain.
        chain: u64,
        /// What was written.
        code: String,
    },
    /// A contract that is not on file, given without its facts.
    #[error(
        "the contract {contract} is not on file for chain {chain}; write asset = {{ contract = \"{contract}\", code = \
         \"...\", decimals = 6, currency = \"USD\" }}"
    )]
    Contract {
        /// The chain.
        chain: u64,
        /// The contract.
        contract: Address,
    },
    /// Not a text and not a table.
    #[error(
        "an asset is a code such as \"USDC\", a contract \"0x...\", or a table with contract, code, decimals and currency"
    )]
    Form,
    /// A member of the table is missing or not in its form.
    #[error("an asset's {member} must be {rule}")]
    Member {
        /// Which.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// A member that means nothing here.
    #[error(
        "an asset has no \"{0}\"; its members are contract, code, decimals, currency and domain = {{ name, version }}"
    )]
    Unknown(String),
    /// The code or the decimals cannot be an asset's.
    #[error(transparent)]
    Asset(#[from] AssetError),
    /// The owner's facts contradict what is on file.
    #[error(
        "the contract {contract} on chain {chain} is on file as {on_file}; remove code, decimals and currency from the asset"
    )]
    Contradicts {
        /// The chain.
        chain: u64,
        /// The contract.
        contract: Address,
        /// What is on file.
        on_file: String,
    },
}

impl Tokens {
    /// Knows one more token; it stands before what is on file, which it can only add a signing
    /// domain to.
    pub fn add(&mut self, token: Token) {
        self.owner.retain(|known| known.chain != token.chain || known.contract != token.contract);
        self.owner.push(token);
    }

    /// The token at this contract of a chain, if it is known.
    pub fn token(&self, chain: u64, contract: Address) -> Option<Token> {
        let configured = self.owner.iter().find(|token| token.chain == chain && token.contract == contract);
        configured.cloned().or_else(|| super::token(chain, contract))
    }

    /// The token with this code on a chain, if it is known.
    pub fn by_code(&self, chain: u64, code: &str) -> Option<Token> {
        let plain = code.replace('.', "");
        let configured = self.owner.iter().find(|token| token.chain == chain && token.asset.code() == plain);
        configured.cloned().or_else(|| super::by_code(chain, code))
    }
}

impl Token {
    /// The token that an `asset` in a configuration names: a code on file (`"USDC"`), a contract on
    /// file (`"0x..."`), or a table with all facts, for a token that is not on file.
    pub fn from_config(chain: u64, asset: &toml::Value) -> Result<Self, TokenError> {
        match asset {
            toml::Value::String(text) if text.starts_with("0x") => {
                let contract = contract_of(text)?;
                super::token(chain, contract).ok_or(TokenError::Contract { chain, contract })
            }
            toml::Value::String(code) => {
                super::by_code(chain, code).ok_or_else(|| TokenError::Code { chain, code: code.clone() })
            }
            toml::Value::Table(table) => Self::from_table(chain, table),
            _ => Err(TokenError::Form),
        }
    }

    fn from_table(chain: u64, table: &toml::Table) -> Result<Self, TokenError> {
        let known = ["contract", "code", "decimals", "currency", "domain"];
        if let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(TokenError::Unknown(unknown.clone()));
        }
        let contract = contract_of(text(table, "contract", "a text, the address 0x...")?)?;
        let domain = table.get("domain").map(domain_of).transpose()?;
        let on_file = super::token(chain, contract);
        if let Some(on_file) = on_file.as_ref().filter(|_| !table.contains_key("code")) {
            return Ok(Self { domain: domain.or_else(|| on_file.domain.clone()), ..on_file.clone() });
        }
        let decimals = table.get("decimals").and_then(toml::Value::as_integer);
        let decimals = decimals.and_then(|decimals| u8::try_from(decimals).ok());
        let decimals = decimals
            .ok_or(TokenError::Member { member: "decimals", rule: "a whole number, 6 for most stablecoins" })?;
        let currency = text(table, "currency", "the currency it is worth one of, such as \"USD\"")?;
        let currency = currency.parse();
        let currency =
            currency.map_err(|_| TokenError::Member { member: "currency", rule: "a code such as \"USD\"" })?;
        let asset = Self::asset(chain, contract, text(table, "code", "its symbol, such as \"USDC\"")?, decimals)?;
        if let Some(on_file) = on_file.filter(|on_file| on_file.asset != asset || on_file.currency != currency) {
            return Err(TokenError::Contradicts { chain, contract, on_file: on_file.asset.to_string() });
        }
        let domain = domain.or_else(|| super::token(chain, contract)?.domain);
        Ok(Self { chain, contract, asset, currency, domain })
    }
}

fn text<'a>(table: &'a toml::Table, member: &'static str, rule: &'static str) -> Result<&'a str, TokenError> {
    table.get(member).and_then(toml::Value::as_str).ok_or(TokenError::Member { member, rule })
}

fn contract_of(text: &str) -> Result<Address, TokenError> {
    let rule = "an address: 0x and 40 hexadecimal digits, with a right EIP-55 checksum if in mixed case";
    crate::evm::address_of(text).ok_or(TokenError::Member { member: "contract", rule })
}

fn domain_of(value: &toml::Value) -> Result<SigningDomain, TokenError> {
    let rule = "a table with the name and version of the token's EIP-712 domain";
    let table = value.as_table().ok_or(TokenError::Member { member: "domain", rule })?;
    if let Some(unknown) = table.keys().find(|key| !["name", "version"].contains(&key.as_str())) {
        return Err(TokenError::Unknown(format!("domain.{unknown}")));
    }
    Ok(SigningDomain { name: text(table, "name", rule)?.into(), version: text(table, "version", rule)?.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(asset: &str) -> Result<Token, TokenError> {
        let table: toml::Table = format!("asset = {asset}").parse().unwrap();
        Token::from_config(8453, &table["asset"])
    }

    #[test]
    fn a_token_on_file_needs_only_its_code_or_contract() {
        let usdc = super::super::by_code(8453, "USDC").unwrap();
        assert_eq!(read("\"USDC\""), Ok(usdc.clone()));
        assert_eq!(read("\"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913\""), Ok(usdc));
        assert!(matches!(read("\"USDT\""), Err(TokenError::Code { chain: 8453, .. })));
        assert!(matches!(read("\"0x0000000000000000000000000000000000000001\""), Err(TokenError::Contract { .. })));
    }

    #[test]
    fn a_token_of_the_owners_states_everything() {
        let own = "{ contract = \"0x0000000000000000000000000000000000000001\", code = \"TUSD\", decimals = 18, \
                   currency = \"USD\", domain = { name = \"Test\", version = \"1\" } }";
        let token = read(own).unwrap();
        assert_eq!(token.asset.to_string(), "TUSD.18@eip155:8453/0x0000000000000000000000000000000000000001");
        let mut tokens = Tokens::default();
        assert_eq!(tokens.token(8453, token.contract), None);
        tokens.add(token.clone());
        assert_eq!(tokens.token(8453, token.contract), Some(token.clone()));
        assert_eq!(tokens.by_code(8453, "TUSD"), Some(token));
        assert_eq!(tokens.by_code(8453, "USDC"), super::super::by_code(8453, "USDC"));
    }

    #[test]
    fn what_is_on_file_cannot_be_contradicted() {
        let usdc = "contract = \"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913\"";
        let wrong = read(&format!("{{ {usdc}, code = \"USDC\", decimals = 18, currency = \"USD\" }}"));
        assert!(matches!(wrong, Err(TokenError::Contradicts { .. })));
        let bare = read(&format!("{{ {usdc} }}")).unwrap();
        assert_eq!(bare.domain.unwrap().name, "USD Coin");
    }

    #[test]
    fn a_wrong_asset_is_refused_with_the_remedy() {
        assert_eq!(read("6"), Err(TokenError::Form));
        assert_eq!(
            read("{ contract = \"0x1\" }").unwrap_err().to_string().split(" must").next(),
            Some("an asset's contract")
        );
        assert_eq!(read("{ symbol = \"USDC\" }"), Err(TokenError::Unknown("symbol".into())));
        let missing = read("{ contract = \"0x0000000000000000000000000000000000000001\", code = \"T\" }");
        assert!(matches!(missing, Err(TokenError::Member { member: "decimals", .. })));
    }
}
