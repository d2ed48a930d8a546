use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use farthing_money::Amount;
use farthing_protocol::Timestamp;

use super::purse::{Purse, PurseError};
use crate::chain::Token;
use crate::log::{self, TRANSFER};
use crate::rpc::{At, Endpoints, LogFilter, Question, Receipt, answers};

/// So many blocks are searched in one round trip; nodes refuse much more.
const BLOCKS: u64 = 2_000;
/// So many transactions are asked about in one round trip.
const RECEIPTS: usize = 50;

/// Money that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The transaction.
    pub transaction: B256,
    /// Its block.
    pub block: u64,
    /// When its block was made, where a node says so.
    pub at: Option<Timestamp>,
    /// Of what.
    pub token: Token,
    /// Whether it came in; otherwise it went out.
    pub incoming: bool,
    /// Who paid, or was paid.
    pub other: Address,
    /// How much, in base units.
    pub amount: Amount,
    /// What is written beside it (Tempo).
    pub memo: Option<B256>,
}

/// A part of an account's history, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// What moved.
    pub moved: Vec<Moved>,
    /// From which block on all of it is here.
    pub from_block: u64,
}

/// How much of a history to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Only blocks before this one; `None` begins with the newest.
    pub before: Option<u64>,
    /// So many blocks, at most.
    pub blocks: u64,
    /// Stop after so many movements; those of one search stay together.
    pub most: usize,
}

impl Purse {
    /// What moved in and out of an account in the tokens that are known on a chain.
    pub async fn history(&self, chain: u64, account: Address, extent: Extent) -> Result<HistoryPage, PurseError> {
        let reached = self.confirmed(chain).await?;
        let search = Search { endpoints: reached.endpoints(), tokens: reached.tokens(), account };
        let mut last = match extent.before {
            Some(before) => before,
            None => search.newest().await?.saturating_add(1),
        };
        let first = last.saturating_sub(extent.blocks);
        let mut moved = Vec::new();
        while last > first && moved.len() < extent.most {
            let from = last.saturating_sub(BLOCKS).max(first);
            moved.extend(search.between(from, last - 1).await?);
            last = from;
        }
        Ok(HistoryPage { moved, from_block: last })
    }
}

struct Search<'a> {
    endpoints: &'a Endpoints,
    tokens: Vec<Token>,
    account: Address,
}

impl Search<'_> {
    async fn newest(&self) -> Result<u64, PurseError> {
        Ok(self.endpoints.block(At::Latest).await?.map_or(0, |block| block.number))
    }

    /// What moved in these blocks, both included, the newest first.
    async fn between(&self, from: u64, to: u64) -> Result<Vec<Moved>, PurseError> {
        let account = Some(self.account.into_word());
        let directions = [vec![Some(TRANSFER), account], vec![Some(TRANSFER), None, account]];
        let questions: Vec<_> = self
            .tokens
            .iter()
            .flat_map(|token| directions.iter().map(|topics| (token.contract, topics.clone())))
            .map(|(address, topics)| Question::logs(&LogFilter { address, topics, from, to }))
            .collect();
        let mut hashes = Vec::new();
        for answer in self.endpoints.ask(&questions).await {
            for found in self.endpoints.readable(answers::logs(&answer?))? {
                if !hashes.contains(&found.transaction) {
                    hashes.push(found.transaction);
                }
            }
        }
        let mut receipts = Vec::new();
        for chunk in hashes.chunks(RECEIPTS) {
            receipts.extend(self.endpoints.receipts(chunk).await?.into_iter().flatten());
        }
        receipts.sort_by_key(|receipt| std::cmp::Reverse(receipt.block));
        let times = self.times(&receipts).await?;
        Ok(receipts.iter().flat_map(|receipt| self.moved_by(receipt, times.get(&receipt.block).copied())).collect())
    }

    fn moved_by(&self, receipt: &Receipt, time: Option<u64>) -> Vec<Moved> {
        let at =
            time.and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(1000)).map(Timestamp::from_unix_millis);
        let mut moved = Vec::new();
        for token in &self.tokens {
            for (_, transfer) in log::transfers(token.contract, &receipt.logs) {
                let incoming = transfer.to == self.account;
                if !incoming && transfer.from != self.account {
                    continue;
                }
                moved.push(Moved {
                    transaction: receipt.hash,
                    block: receipt.block,
                    at,
                    token: token.clone(),
                    incoming,
                    other: if incoming { transfer.from } else { transfer.to },
                    amount: Amount::new(transfer.amount.saturating_to()),
                    memo: transfer.memo,
                });
            }
        }
        moved
    }

    /// When blocks were made: receipts say it on some chains, and the blocks themselves on all.
    async fn times(&self, receipts: &[Receipt]) -> Result<BTreeMap<u64, u64>, PurseError> {
        let mut times: BTreeMap<u64, u64> =
            receipts.iter().filter_map(|receipt| Some((receipt.block, receipt.timestamp?))).collect();
        let mut missing: Vec<_> =
            receipts.iter().map(|receipt| receipt.block).filter(|block| !times.contains_key(block)).collect();
        missing.dedup();
        let questions: Vec<_> = missing.iter().map(|block| Question::block(At::Number(*block))).collect();
        if questions.is_empty() {
            return Ok(times);
        }
        for (number, answer) in missing.into_iter().zip(self.endpoints.ask(&questions).await) {
            if let Some(block) = self.endpoints.readable(answers::block(&answer?))? {
                times.insert(number, block.timestamp);
            }
        }
        Ok(times)
    }
}
