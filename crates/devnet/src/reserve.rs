//! Tempo's channel reserve on a node that lacks it.
//!
//! Anvil knows no hardfork with TIP-1034. A contract of our own stands in its place; what the real
//! reserve gets from the node, the expiring nonce hash of the transaction and the right to move the
//! payer's tokens, is written into storage before each `open`.

use alloy_primitives::{Address, B256, U256, address, keccak256};
use alloy_sol_types::SolValue;
use serde_json::{Value, json};

use crate::contracts::TEST_CHANNEL_RESERVE;
use crate::devnet::Devnet;
use crate::error::{DevnetError, NodeError};

/// Where Tempo has its channel reserve.
pub const RESERVE: Address = address!("0x4D50500000000000000000000000000000000000");

/// Where the contract looks for the hash of a payer: a mapping in its second slot.
const HASHES: u64 = 1;
/// Where a TIP-20 token of anvil keeps its allowances.
const ALLOWANCES: u64 = 10;

/// Where the reserve finds what an `open` needs, for whoever writes or overrides storage himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReserveSlots {
    /// In [`RESERVE`]: the expiring nonce hash of the payer's next transaction.
    pub expiring_nonce_hash: B256,
    /// In the token: how much the reserve may take of the payer.
    pub allowance: B256,
}

impl ReserveSlots {
    /// The slots of a payer.
    pub fn of(payer: Address) -> Self {
        Self {
            expiring_nonce_hash: slot(payer, U256::from(HASHES).into()),
            allowance: slot(RESERVE, slot(payer, U256::from(ALLOWANCES).into())),
        }
    }
}

impl Devnet {
    /// Places a contract that does what Tempo's channel reserve does.
    ///
    /// # Errors
    ///
    /// [`DevnetError`] when the node refuses.
    pub async fn place_reserve(&self) -> Result<(), DevnetError> {
        self.place(RESERVE, TEST_CHANNEL_RESERVE).await
    }

    /// Prepares one `open` of the reserve: tells it the expiring nonce hash of the payer's next transaction,
    /// `keccak256(encodeForSigning || sender)`, and lets it take the payer's tokens.
    ///
    /// # Errors
    ///
    /// [`NodeError`] when the node refuses.
    pub async fn prepare_open(&self, payer: Address, expiring_nonce_hash: B256) -> Result<(), NodeError> {
        let slots = ReserveSlots::of(payer);
        self.write(RESERVE, slots.expiring_nonce_hash, expiring_nonce_hash).await?;
        self.write(self.token, slots.allowance, U256::from(u128::MAX).into()).await
    }

    async fn write(&self, contract: Address, slot: B256, word: B256) -> Result<(), NodeError> {
        self.node.control::<Value>("anvil_setStorageAt", json!([contract, slot, word])).await.map(drop)
    }
}

/// Where Solidity keeps the entry of a mapping.
fn slot(key: Address, mapping: B256) -> B256 {
    keccak256((key, mapping).abi_encode())
}
