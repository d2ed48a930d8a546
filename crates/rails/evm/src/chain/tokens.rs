use alloy_primitives::{Address, address};

use super::{SigningDomain, Token};

/// A row of the file: a contract whose address, decimals and EIP-712 domain are known for certain.
struct Row {
    chain: u64,
    contract: Address,
    code: &'static str,
    decimals: u8,
    currency: &'static str,
    /// Name and version, where the contract implements EIP-3009.
    domain: Option<(&'static str, &'static str)>,
}

/// Circle's own contracts, by its list of addresses. The domain's name is not the same everywhere.
static TOKENS: &[Row] = &[
    usdc(1, address!("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"), "USD Coin"),
    usdc(10, address!("0b2c639c533813f4aa9d7837caf62653d097ff85"), "USD Coin"),
    usdc(137, address!("3c499c542cef5e3811e1192ce70d8cc03d5c3359"), "USD Coin"),
    usdc(196, address!("74b7f16337b8972027f6196a17a631ac6de26d22"), "USD Coin"),
    usdc(1329, address!("e15fc38f6d8c56af07bbcbe3baf5708a2bf42392"), "USDC"),
    usdc(5042, address!("3600000000000000000000000000000000000000"), "USDC"),
    usdc(8453, address!("833589fcd6edb6e08f4c7c32d4f71b54bda02913"), "USD Coin"),
    usdc(42_161, address!("af88d065e77c8cc2239327c5edb3a432268e5831"), "USD Coin"),
    usdc(42_220, address!("ceba9300f2b948710d2653dd7b07f33a8b32118c"), "USDC"),
    usdc(43_114, address!("b97ef9ef8734c71904d8002f8b6bc66dd9c48a6e"), "USD Coin"),
    usdc(84_532, address!("036cbd53842c5426634e7929541ec2318f3dcf7e"), "USDC"),
    usdc(5_042_002, address!("3600000000000000000000000000000000000000"), "USDC"),
    Row { code: "EURC", currency: "EUR", ..usdc(8453, address!("60a3e35cc302bfa44cb288bc5a4f316fdb1adb42"), "EURC") },
    Row {
        chain: 4326,
        contract: address!("fafddbb3fc7688494971a79cc65dca3ef82079e7"),
        code: "USDm",
        decimals: 18,
        currency: "USD",
        domain: None,
    },
    tip20(4217, address!("20c0000000000000000000000000000000000000"), "pathUSD"),
    tip20(4217, address!("20c000000000000000000000b9537d11c60e8b50"), "USDCe"),
    tip20(4217, address!("20c0000000000000000000006a37da5c996874be"), "OUSD"),
    tip20(42_431, address!("20c0000000000000000000000000000000000000"), "pathUSD"),
    tip20(42_431, address!("20c0000000000000000000000000000000000001"), "AlphaUSD"),
    tip20(42_431, address!("20c0000000000000000000000000000000000002"), "BetaUSD"),
    tip20(42_431, address!("20c0000000000000000000000000000000000003"), "ThetaUSD"),
    tip20(42_431, address!("20c0000000000000000000006a37da5c996874be"), "OUSD"),
    tip20(1337, address!("20c0000000000000000000000000000000000000"), "pathUSD"),
    tip20(1337, address!("20c0000000000000000000000000000000000001"), "AlphaUSD"),
];

const fn usdc(chain: u64, contract: Address, name: &'static str) -> Row {
    Row { chain, contract, code: "USDC", decimals: 6, currency: "USD", domain: Some((name, "2")) }
}

const fn tip20(chain: u64, contract: Address, code: &'static str) -> Row {
    Row { chain, contract, code, decimals: 6, currency: "USD", domain: None }
}

impl Row {
    fn token(&self) -> Option<Token> {
        let asset = Token::asset(self.chain, self.contract, self.code, self.decimals).ok()?;
        let domain = self.domain.map(|(name, version)| SigningDomain { name: name.into(), version: version.into() });
        let currency = self.currency.parse().ok()?;
        Some(Token { chain: self.chain, contract: self.contract, asset, currency, domain })
    }
}

/// The token on file at this contract of a chain.
pub fn token(chain: u64, contract: Address) -> Option<Token> {
    TOKENS.iter().find(|row| row.chain == chain && row.contract == contract)?.token()
}

/// The token on file with this code on a chain; `USDC.e` is written `USDCe` or `USDC.e`.
pub fn by_code(chain: u64, code: &str) -> Option<Token> {
    let code = code.replace('.', "");
    TOKENS.iter().find(|row| row.chain == chain && row.code == code)?.token()
}

/// Every token on file on a chain.
pub fn of_chain(chain: u64) -> impl Iterator<Item = Token> {
    TOKENS.iter().filter(move |row| row.chain == chain).filter_map(Row::token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{B256, b256};

    #[test]
    fn every_row_is_a_token_on_a_chain_on_file_and_stands_once() {
        for (index, row) in TOKENS.iter().enumerate() {
            assert!(crate::chain::by_id(row.chain).is_some(), "{} on {}", row.code, row.chain);
            let found = row.token().unwrap();
            assert_eq!(token(row.chain, row.contract).as_ref(), Some(&found));
            assert_eq!(by_code(row.chain, row.code).as_ref(), Some(&found));
            let twins = TOKENS.iter().skip(index + 1).filter(|other| other.chain == row.chain);
            assert!(twins.clone().all(|other| other.contract != row.contract && other.code != row.code));
        }
    }

    #[test]
    fn signing_domains_are_those_that_the_contracts_answer() {
        let separator = |chain| by_code(chain, "USDC").unwrap().separator().unwrap();
        let answered: [(u64, B256); 12] = [
            (1, b256!("06c37168a7db5138defc7866392bb87a741f9b3d104deb5094588ce041cae335")),
            (10, b256!("26d9c34bb1a1c312f69c53b2d93b8be20faafba63af2438c6811713c9b1f933f")),
            (137, b256!("caa2ce1a5703ccbe253a34eb3166df60a705c561b44b192061e28f2a985be2ca")),
            (196, b256!("b1671065a2ea487729c4ff0e2f8beb2105e3ce63315ad07483374a3476b83972")),
            (1329, b256!("0a19136106ae98d2c245cbbd451f3cb2bbbb1670e1ee191abacb5a5e255c0255")),
            (5042, b256!("940506929bba468048a19b567f4f0d534714bc06604b5c3017e5d16785ccdf84")),
            (8453, b256!("02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f")),
            (42_161, b256!("08d11903f8419e68b1b8721bcbe2e9fc68569122a77ef18c216f10b3b5112c78")),
            (42_220, b256!("b2ce31d2838445fa765a491f550e7c78ac7280ab0f3bc9d6063a86df9c3fb578")),
            (43_114, b256!("bbea200329a938bc3438984a49cb0732e66d66d7bd59c127abacc1710e77f7b3")),
            (84_532, b256!("71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818")),
            (5_042_002, b256!("361191522483d32a83e70ae7183b4b9629442c13a78bc9921d6f707911c8c6b0")),
        ];
        for (chain, expected) in answered {
            assert_eq!(separator(chain), expected, "{chain}");
        }
    }

    #[test]
    fn the_same_code_elsewhere_is_another_token() {
        let base = by_code(8453, "USDC").unwrap();
        assert_eq!(base.asset.to_string(), "USDC.6@eip155:8453/0x833589fcd6edb6e08f4c7c32d4f71b54bda02913");
        assert_ne!(base.asset, by_code(1, "USDC").unwrap().asset);
        assert_eq!(token(8453, by_code(1, "USDC").unwrap().contract), None);
        assert_eq!(by_code(4217, "USDC.e"), by_code(4217, "USDCe"));
        assert_eq!(of_chain(4217).count(), 3);
    }
}
