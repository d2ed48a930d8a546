use std::fmt;
use std::str::FromStr;

use alloy_primitives::Address;

use crate::Chain;

/// What moves: a token, or a chain's own coin. Written as CAIP-19.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asset {
    /// The chain it is on.
    pub chain: Chain,
    /// The token's contract; `None` for the chain's own coin.
    pub token: Option<Address>,
}

/// Not an asset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an asset (CAIP-19): eip155:8453/erc20:0x... for a token, eip155:8453/slip44:60 for the coin")]
pub struct NotAnAsset(String);

impl FromStr for Asset {
    type Err = NotAnAsset;

    fn from_str(text: &str) -> Result<Self, NotAnAsset> {
        let refused = || NotAnAsset(text.chars().take(96).collect());
        let (chain, asset) = text.split_once('/').ok_or_else(refused)?;
        let chain = Chain::parse(chain).map_err(|_| refused())?;
        let token = match asset.split_once(':') {
            Some(("erc20", address)) => Some(address.parse().map_err(|_| refused())?),
            // Every chain's coin has a number of its own, and only the coin has one.
            Some(("slip44", coin)) if coin.parse::<u32>().is_ok() => None,
            _ => return Err(refused()),
        };
        Ok(Self { chain, token })
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.token {
            Some(token) => write!(formatter, "{}/erc20:{token:#x}", self.chain),
            None => write!(formatter, "{}/slip44:60", self.chain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_reads_back_in_one_spelling() {
        let token = "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913".parse::<Asset>().unwrap();
        assert_eq!(token.to_string(), "eip155:8453/erc20:0x833589fcd6edb6e08f4c7c32d4f71b54bda02913");
        assert_eq!(token.to_string().parse(), Ok(token));
        let coin = "eip155:137/slip44:966".parse::<Asset>().unwrap();
        assert_eq!((coin.chain, coin.token), (Chain(137), None));
        assert_eq!(coin.to_string().parse(), Ok(coin));
        for text in ["", "USDC", "eip155:1", "eip155:1/erc20:0x12", "eip155:1/erc721:0x12", "solana:x/slip44:501"] {
            assert!(text.parse::<Asset>().is_err(), "{text}");
        }
    }
}
