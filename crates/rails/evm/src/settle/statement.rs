//! What the chain itself says came in and went out.
//!
//! The till is the account that is paid: every transfer to it and from it is shown. Of the sponsor's
//! account, where it is another one, only the fees are shown that it paid in the payment's token: its other
//! money is not the rail's.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use farthing_money::{Amount, Asset};
use farthing_rail::{Cursor, Direction, Movement, PayerId, ProofKey, RailError, RailStatement};

use super::ChainSettler;
use super::fee::FEE_MANAGER;
use super::judgement::time_of;
use crate::legs::Transfer;
use crate::log::{self, TRANSFER};
use crate::rpc::{At, Block, LogFilter, Receipt};

/// So many blocks are read at once; nodes refuse much more.
const BLOCKS: u64 = 2_000;
/// So many transactions are asked about in one round trip.
const RECEIPTS: usize = 50;
/// How far back the first statement goes where the owner names no block.
const HISTORY: u64 = 50_000;

/// How far a statement was read: up to this block, which had this hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    number: u64,
    hash: B256,
}

impl ChainSettler {
    /// Transfers of an asset to and from an account in blocks that stay, and its sponsor's fees, one page
    /// after the cursor.
    pub(super) async fn transfers_of(
        &self,
        recipient: Address,
        asset: &Asset,
        after: &Cursor,
    ) -> Result<RailStatement, RailError> {
        let token = self.token_of(asset).ok_or_else(|| RailError(format!("{asset} is not a token of this chain")))?;
        let deep = self.deep().await.map_err(unread)?;
        let first = match Position::read(after)? {
            Some(position) => {
                self.check_position(position).await?;
                position.number.saturating_add(1)
            }
            None => self.rules.statement_from.unwrap_or(deep.number.saturating_sub(HISTORY)),
        };
        if first > deep.number {
            return Ok(RailStatement { movements: Vec::new(), next: after.clone(), more: false });
        }
        let last = first.saturating_add(BLOCKS - 1).min(deep.number);
        let end = if last == deep.number {
            Some(deep)
        } else {
            self.endpoints.block(At::Number(last)).await.map_err(unread)?
        };
        let end = end.ok_or_else(|| RailError(format!("the node has no block {last}")))?;
        let watched = Watched { token, recipient, sponsor: self.sponsor.as_ref().map(|it| it.account.address()) };
        let movements = self.movements(&watched, asset, first..=last).await?;
        Ok(RailStatement { movements, next: Position::of(&end).write(), more: last < deep.number })
    }

    /// The chain must still hold the block up to which was read.
    async fn check_position(&self, position: Position) -> Result<(), RailError> {
        match self.endpoints.block(At::Number(position.number)).await.map_err(unread)? {
            Some(block) if block.hash == position.hash => Ok(()),
            _ => Err(RailError(format!(
                "block {} is not the one that was read before: the chain was rewritten deeper than finality says, or is \
                 another chain; raise finality, or begin the statement anew",
                position.number
            ))),
        }
    }

    async fn movements(
        &self,
        watched: &Watched,
        asset: &Asset,
        blocks: std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<Movement>, RailError> {
        let mut hashes = BTreeSet::new();
        for topics in watched.topics() {
            let (from, to) = (*blocks.start(), *blocks.end());
            let filter = LogFilter { address: watched.token, topics, from, to };
            for found in self.endpoints.logs(&filter).await.map_err(unread)? {
                hashes.insert((found.block, found.position, found.transaction));
            }
        }
        let mut hashes: Vec<B256> = hashes.into_iter().map(|(.., transaction)| transaction).collect();
        hashes.dedup();
        let mut movements = Vec::new();
        let mut times = BTreeMap::new();
        for chunk in hashes.chunks(RECEIPTS) {
            let receipts = self.endpoints.receipts(chunk).await.map_err(unread)?;
            for (hash, receipt) in chunk.iter().zip(receipts) {
                let receipt = receipt.ok_or_else(|| RailError(format!("the node has no receipt of {hash}")))?;
                let time = self.time_in(&receipt, &mut times).await?;
                movements.extend(self.movements_of(watched, asset, &receipt, time));
            }
        }
        Ok(movements)
    }

    async fn time_in(&self, receipt: &Receipt, times: &mut BTreeMap<u64, u64>) -> Result<u64, RailError> {
        if let Some(time) = times.get(&receipt.block) {
            return Ok(*time);
        }
        let time = self.timestamp_of(receipt).await.map_err(unread)?;
        let time = time.ok_or_else(|| RailError(format!("the node has no block {}", receipt.block)))?;
        times.insert(receipt.block, time);
        Ok(time)
    }

    fn movements_of(&self, watched: &Watched, asset: &Asset, receipt: &Receipt, time: u64) -> Vec<Movement> {
        let name = self.name_of(receipt.hash);
        let transfers = log::transfers(watched.token, &receipt.logs).into_iter();
        let ours = transfers.filter_map(|(position, moved)| Some((position, watched.direction(&moved)?, moved)));
        ours.map(|(position, direction, moved)| {
            let other = if direction == Direction::In { moved.from } else { moved.to };
            Movement {
                key: ProofKey::new(format!("{name}/{position}")),
                reference: receipt.hash.to_string(),
                direction,
                payer: Some(PayerId::new(format!("did:pkh:eip155:{}:{other}", self.chain))),
                amount: Amount::new(moved.amount.saturating_to()),
                asset: asset.clone(),
                at: time_of(time),
            }
        })
        .collect()
    }
}

/// Whose transfers a statement shows.
struct Watched {
    token: Address,
    recipient: Address,
    sponsor: Option<Address>,
}

impl Watched {
    /// What to ask a node for.
    fn topics(&self) -> Vec<Vec<Option<B256>>> {
        let till = Some(self.recipient.into_word());
        let mut topics = vec![vec![Some(TRANSFER), None, till], vec![Some(TRANSFER), till]];
        if let Some(sponsor) = self.sponsor.filter(|sponsor| *sponsor != self.recipient) {
            topics.push(vec![Some(TRANSFER), Some(sponsor.into_word()), Some(FEE_MANAGER.into_word())]);
        }
        topics
    }

    /// Which way a transfer went; nothing for one that is not ours, or that changes nothing.
    fn direction(&self, moved: &Transfer) -> Option<Direction> {
        let is_till = |account: Address| account == self.recipient;
        match (is_till(moved.from), is_till(moved.to)) {
            (true, true) => None,
            (false, true) => Some(Direction::In),
            (true, false) if moved.to == FEE_MANAGER => Some(Direction::Fee),
            (true, false) => Some(Direction::Out),
            (false, false) => (Some(moved.from) == self.sponsor && moved.to == FEE_MANAGER).then_some(Direction::Fee),
        }
    }
}

impl Position {
    fn of(block: &Block) -> Self {
        Self { number: block.number, hash: block.hash }
    }

    fn read(cursor: &Cursor) -> Result<Option<Self>, RailError> {
        if cursor.0.is_empty() {
            return Ok(None);
        }
        let parts =
            cursor.0.split_once(':').and_then(|(number, hash)| Some((number.parse().ok()?, hash.parse().ok()?)));
        let unreadable = || RailError(format!("\"{}\" is no place in this chain's statement", cursor.0));
        parts.map(|(number, hash)| Some(Self { number, hash })).ok_or_else(unreadable)
    }

    fn write(self) -> Cursor {
        Cursor(format!("{}:{}", self.number, self.hash))
    }
}

fn unread(error: crate::rpc::RpcError) -> RailError {
    RailError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_statement_reads_back() {
        let position = Position { number: 7, hash: B256::repeat_byte(9) };
        assert_eq!(Position::read(&position.write()), Ok(Some(position)));
        assert_eq!(Position::read(&Cursor::default()), Ok(None));
        assert!(Position::read(&Cursor("7".into())).is_err());
    }
}
