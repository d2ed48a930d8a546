use alloy_primitives::{Address, B256, U256, keccak256};
use farthing_rail::Became;
use tempo_primitives::transaction::Call;

use super::Purse;
use super::purse::Reached;
use crate::evm::calldata::{self, AUTHORIZATION_CANCELED, PERMIT2, read_word};
use crate::log::TRANSFER_WITH_MEMO;
use crate::rpc::{At, Block, LogFilter, RpcError};

/// More than a question about a nonce takes.
const GAS: u64 = 1_000_000;
/// The transaction of an expiring nonce lives for no longer than this (TIP-1009), in seconds.
const LONGEST_LIFE: u64 = 30;
/// More blocks than a chain makes in that time; a node searches them at once.
const MOST_BLOCKS: u64 = 1_500;
/// What Permit2 says when an owner takes nonces back.
const INVALIDATED: &str = "UnorderedNonceInvalidation(address,uint256,uint256)";

/// What to look for on a chain, to find out what became of something signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trace {
    /// A transaction whose hash is known.
    Transaction {
        /// Its hash.
        hash: B256,
        /// Who sends it, and its number in that account's one sequence, where it is in it.
        numbered: Option<(Address, u64)>,
        /// The second from which on it cannot be included, where there is one.
        valid_before: Option<u64>,
    },
    /// A transaction of Tempo that a sponsor signs too, so that its hash is not known. It is found by
    /// what its first call leaves behind: a transfer with a memo.
    Sponsored {
        /// The token.
        token: Address,
        /// Who pays.
        payer: Address,
        /// The memo.
        memo: B256,
        /// The second from which on it cannot be included.
        valid_before: u64,
    },
    /// An authorization of EIP-3009.
    Authorization {
        /// The token.
        token: Address,
        /// Who pays.
        payer: Address,
        /// What makes it single-use.
        nonce: B256,
        /// The second from which on it cannot be used.
        valid_before: u64,
    },
    /// A permit of Permit2.
    Permit2 {
        /// Who pays.
        payer: Address,
        /// What makes it single-use.
        nonce: U256,
        /// The last second in which it can be used.
        deadline: u64,
    },
}

impl Trace {
    /// The trace of a sponsored transaction that begins with this call, if it leaves one.
    pub(crate) fn of_call(call: &Call, payer: Address, valid_before: u64) -> Option<Self> {
        let (token, memo) = (*call.to.to()?, crate::tempo::memo_of(call)?);
        Some(Self::Sponsored { token, payer, memo, valid_before })
    }
}

impl Purse {
    /// What became of it. All that is certain stands in a block that cannot be taken back.
    pub(super) async fn follow(&self, chain: u64, trace: &Trace) -> Became {
        let Ok(reached) = self.confirmed(chain).await else { return Became::Unknown };
        reached.follow(trace).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "what became of a payment cannot be told");
            Became::Unknown
        })
    }
}

impl Reached {
    async fn follow(&self, trace: &Trace) -> Result<Became, RpcError> {
        let newest = self.endpoints().head().await?;
        let deep = newest.saturating_sub(self.finality());
        let Some(deep) = self.endpoints().block(At::Number(deep)).await? else { return Ok(Became::Unknown) };
        match trace {
            Trace::Transaction { hash, numbered, valid_before } => {
                self.follow_hash(*hash, *numbered, *valid_before, deep).await
            }
            Trace::Sponsored { token, payer, memo, valid_before } if deep.timestamp >= *valid_before => {
                self.find_memo(*token, *payer, *memo, *valid_before, deep).await
            }
            Trace::Sponsored { .. } => Ok(Became::Unknown),
            Trace::Authorization { token, payer, nonce, valid_before } => {
                let question = calldata::authorization_state(*payer, *nonce);
                let spent = self.bit(*token, &question, U256::from(1), deep).await?;
                let topics = [AUTHORIZATION_CANCELED, payer.into_word(), *nonce];
                if spent == Some(true) && self.was_told(*token, &topics, deep, |_| true).await {
                    return Ok(Became::Never);
                }
                Ok(standing(spent, deep.timestamp >= *valid_before))
            }
            Trace::Permit2 { payer, nonce, deadline } => {
                let (question, bit) = calldata::nonce_bitmap(*payer, *nonce);
                let spent = self.bit(PERMIT2, &question, bit, deep).await?;
                let topics = [keccak256(INVALIDATED), payer.into_word()];
                let is_it = |data: &[u8]| {
                    let (word, mask) = data.split_at_checked(32).unwrap_or_default();
                    read_word(word) == Some(*nonce >> 8) && read_word(mask).is_some_and(|mask| !(mask & bit).is_zero())
                };
                if spent == Some(true) && self.was_told(PERMIT2, &topics, deep, is_it).await {
                    return Ok(Became::Never);
                }
                Ok(standing(spent, deep.timestamp > *deadline))
            }
        }
    }

    /// A transaction that reverted took its fee, and is counted whole.
    async fn follow_hash(
        &self,
        hash: B256,
        numbered: Option<(Address, u64)>,
        valid_before: Option<u64>,
        deep: Block,
    ) -> Result<Became, RpcError> {
        let mut is_over = valid_before.is_some_and(|end| deep.timestamp >= end);
        if let Some((sender, number)) = numbered.filter(|_| !is_over) {
            is_over = self.endpoints().transaction_count(sender, At::Number(deep.number)).await? > number;
        }
        // Asked last: what was included before that block has a receipt by now.
        Ok(match self.endpoints().receipt(hash).await? {
            Some(receipt) if receipt.block <= deep.number => Became::Paid,
            None if is_over => Became::Never,
            _ => Became::Unknown,
        })
    }

    /// Looks through all blocks in which it could be included, which are all deep.
    async fn find_memo(
        &self,
        token: Address,
        payer: Address,
        memo: B256,
        valid_before: u64,
        deep: Block,
    ) -> Result<Became, RpcError> {
        let to = self.first_at(valid_before, deep).await?;
        let from = to.saturating_sub(MOST_BLOCKS);
        let first = self.endpoints().block(At::Number(from)).await?;
        let is_whole = from == 0 || first.is_some_and(|block| block.timestamp < valid_before - LONGEST_LIFE);
        let topics = vec![Some(TRANSFER_WITH_MEMO), Some(payer.into_word()), None, Some(memo)];
        let found = self.endpoints().logs(&LogFilter { address: token, topics, from, to }).await?;
        Ok(match (found.is_empty(), is_whole) {
            (false, _) => Became::Paid,
            (true, true) => Became::Never,
            (true, false) => Became::Unknown,
        })
    }

    /// Whether a contract said lately that a nonce was taken back and not used. A node that does not say is
    /// taken for a no: what was signed then counts as paid.
    async fn was_told(&self, contract: Address, topics: &[B256], deep: Block, is_it: impl Fn(&[u8]) -> bool) -> bool {
        let from = deep.number.saturating_sub(MOST_BLOCKS);
        let topics = topics.iter().copied().map(Some).collect();
        let told = self.endpoints().logs(&LogFilter { address: contract, topics, from, to: deep.number }).await;
        told.is_ok_and(|logs| logs.iter().any(|log| is_it(&log.data)))
    }

    /// The first block of this second or a later one; `deep` is one.
    pub(super) async fn first_at(&self, second: u64, deep: Block) -> Result<u64, RpcError> {
        let (mut before, mut after) = (0, deep.number);
        while before < after {
            let middle = before + (after - before) / 2;
            let block = self.endpoints().block(At::Number(middle)).await?;
            match block.is_some_and(|block| block.timestamp >= second) {
                true => after = middle,
                false => before = middle + 1,
            }
        }
        Ok(after)
    }

    async fn bit(
        &self,
        contract: Address,
        question: &alloy_primitives::Bytes,
        bit: U256,
        deep: Block,
    ) -> Result<Option<bool>, RpcError> {
        let answer = self.endpoints().call(contract, question, GAS, At::Number(deep.number)).await?;
        Ok(read_word(&answer).map(|word| !(word & bit).is_zero()))
    }
}

/// What a nonce and a time in one block come to. A nonce that is not used there, when the time is over,
/// is never used.
fn standing(spent: Option<bool>, is_over: bool) -> Became {
    match (spent, is_over) {
        (Some(true), _) => Became::Paid,
        (Some(false), true) => Became::Never,
        _ => Became::Unknown,
    }
}
