//! The chains and tokens that are known, and the one place where a token's decimals and signing
//! domain come from.

use alloy_primitives::Address;
use farthing_money::{Asset, Currency};

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
