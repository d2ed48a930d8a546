//! What x402's software takes for granted on Base Sepolia, on a chain that poses as it.
//!
//! The token and the contracts of x402 are ours, written from their interfaces and placed where the
//! real ones are; Permit2 and Multicall3 are those of every chain.

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::{SolCall as _, sol};

use crate::contracts::{self, Contract};
use crate::devnet::Devnet;
use crate::error::{DevnetError, NodeError};
use crate::predeployed::PERMIT2;

/// The chain id of Base Sepolia.
pub const CHAIN_ID: u64 = 84_532;
/// USDC: 6 decimals, EIP-712 name "USDC", version "2".
pub const USDC: Address = address!("0x036CbD53842c5426634e7929541eC2318f3dCF7e");
/// Moves what a payer permitted under the scheme `exact`; anybody may call it.
pub const EXACT_PROXY: Address = address!("0x402085c248EeA27D92E8b30b2C58ed07f9E20001");
/// Moves at most what a payer permitted under the scheme `upto`; the facilitator that the payer named may call it.
pub const UPTO_PROXY: Address = address!("0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002");
/// Says whether a signature is somebody's, wallets that are not there yet included (ERC-6492). Some facilitators do
/// not start without it.
pub const SIGNATURE_VALIDATOR: Address = address!("0xdAcD51A54883eb67D95FAEb2BBfdC4a9a6BD2a3B");

/// The contracts of ours, and where they are.
pub(crate) const PLACED: [(Address, Contract); 4] = [
    (USDC, contracts::BASE_SEPOLIA_USDC),
    (EXACT_PROXY, contracts::EXACT_PERMIT_PROXY),
    (UPTO_PROXY, contracts::UPTO_PERMIT_PROXY),
    (SIGNATURE_VALIDATOR, contracts::SIGNATURE_VALIDATOR),
];

sol! {
    function approve(address spender, uint256 value) returns (bool);
    function execute(address to, bytes data);
}

impl Devnet {
    /// Puts a contract's code at an address, in place of what is there; the storage stays. Its constructor does not
    /// run: contracts with immutables are deployed instead.
    ///
    /// # Errors
    ///
    /// [`DevnetError`] when the node refuses.
    pub async fn place(&self, at: Address, contract: Contract) -> Result<(), DevnetError> {
        Ok(self.set_code(at, &contract.runtime()?).await?)
    }

    /// Takes the code of a contract away; the storage stays.
    ///
    /// # Errors
    ///
    /// [`NodeError`] when the node refuses.
    pub async fn remove_code(&self, at: Address) -> Result<(), NodeError> {
        self.set_code(at, &Bytes::new()).await
    }

    /// Lets Permit2 move all of [`Devnet::token`] that an account has, whose key the node has: what a payer does once
    /// before paying by Permit2.
    ///
    /// # Errors
    ///
    /// [`NodeError`] when the node refuses, and for an account whose key it has not.
    pub async fn approve_permit2(&self, of: Address) -> Result<(), NodeError> {
        self.node.send(of, Some(self.token), approval()).await.map(drop)
    }

    /// The same for a wallet of ours that is a contract, by the word of its owner.
    ///
    /// # Errors
    ///
    /// [`NodeError`] when the node refuses, and for an owner whose key it has not.
    pub async fn approve_permit2_from(&self, wallet: Address, owner: Address) -> Result<(), NodeError> {
        let call = executeCall { to: self.token, data: approval().into() };
        self.node.send(owner, Some(wallet), call.abi_encode()).await.map(drop)
    }
}

fn approval() -> Vec<u8> {
    approveCall { spender: PERMIT2, value: U256::MAX }.abi_encode()
}
