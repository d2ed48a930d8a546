use alloy_primitives::{Address, B256};
use farthing_money::{Amount, Asset, AssetError, Currency, Home, Price, Rate, RateError, Rounding};

use crate::eip712::Domain;

/// A token on a chain, as it stands on file here or in the owner's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The chain (EIP-155).
    pub chain: u64,
    /// The contract.
    pub contract: Address,
    /// Code, decimals and home, as the books know it.
    pub asset: Asset,
    /// The currency it is worth one unit of.
    pub currency: Currency,
    /// How it signs EIP-712 messages; `None` when it takes no authorizations.
    pub domain: Option<SigningDomain>,
}

/// The name and version in a token's EIP-712 domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningDomain {
    /// The name, which need not be the symbol.
    pub name: String,
    /// The version.
    pub version: String,
}

impl Token {
    /// The asset of a contract on a chain: `USDC.6@eip155:8453/0x...`, the address in lower case.
    pub fn asset(chain: u64, contract: Address, code: &str, decimals: u8) -> Result<Asset, AssetError> {
        let home = Home::Chain { chain: format!("eip155:{chain}"), token: format!("{contract:#x}") };
        Asset::new(code, decimals, home)
    }

    /// The separator of its EIP-712 domain; `None` when it takes no authorizations.
    pub fn separator(&self) -> Option<B256> {
        let SigningDomain { name, version } = self.domain.as_ref()?;
        let domain = Domain { name, version: Some(version), chain: self.chain, contract: Some(self.contract) };
        Some(domain.separator())
    }

    /// What an amount of it costs in its currency, rounded up: what limits are counted in. Errs when
    /// the amount is beyond any price.
    pub fn price(&self, amount: Amount) -> Result<Price, RateError> {
        let millionths = Rate::PARITY.convert(amount, self.asset.decimals(), 6, Rounding::Up)?.amount.units();
        let millionths = u64::try_from(millionths).map_err(|_| RateError::TooLarge)?;
        Ok(Price::from_millionths(millionths, self.currency))
    }
}
