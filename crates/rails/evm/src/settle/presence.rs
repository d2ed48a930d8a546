//! What the chain proves about a transaction that is not included.

use alloy_primitives::{Address, U256, address};
use alloy_sol_types::{SolCall as _, sol};

use super::ChainSettler;
use crate::SentNonce;
use crate::evm::calldata::read_word;
use crate::rpc::{At, Block, RpcError};

/// Where Tempo keeps the nonces of sequences beyond the first.
const NONCES: Address = address!("0x4e4F4E4345000000000000000000000000000000");
/// More than reading one nonce takes; Tempo counts a quarter of a million before that.
const GAS: u64 = 1_000_000;

sol! {
    function getNonce(address account, uint256 nonceKey) external view returns (uint64);
}

impl ChainSettler {
    /// The newest block that can no longer be taken back.
    pub(super) async fn deep(&self) -> Result<Block, RpcError> {
        let deep = self.endpoints.head().await?.saturating_sub(self.rules.finality);
        let block = self.endpoints.block(At::Number(deep)).await?;
        block.ok_or_else(|| RpcError::NoAnswer {
            node: self.endpoints.name().to_owned(),
            why: format!("the node has no block {deep}"),
        })
    }

    /// Whether a transaction without a receipt can never be included any more: its time passed, or
    /// its nonce went to another, both in a block that stays.
    pub(super) async fn is_past(
        &self,
        sender: Option<(Address, SentNonce)>,
        valid_before: Option<u64>,
    ) -> Result<bool, RpcError> {
        let deep = self.deep().await?;
        if valid_before.is_some_and(|valid_before| deep.timestamp >= valid_before) {
            return Ok(true);
        }
        let Some((sender, nonce)) = sender else { return Ok(false) };
        let at = At::Number(deep.number);
        let used = if nonce.key.is_zero() {
            self.endpoints.transaction_count(sender, at).await?
        } else if nonce.key == U256::MAX {
            return Ok(false);
        } else {
            let question = getNonceCall { account: sender, nonceKey: nonce.key }.abi_encode().into();
            let answer = self.endpoints.call(NONCES, &question, GAS, at).await?;
            read_word(&answer).map_or(0, |word| word.saturating_to())
        };
        Ok(used > nonce.number)
    }
}
