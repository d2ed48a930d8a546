//! What the chain itself says came in.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use farthing_money::{Amount, Asset};
use farthing_rail::{Cursor, Movement, PayerId, ProofKey, RailError, RailStatement};

use super::ChainSettler;
use super::judgement::time_of;
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
    /// Transfers of an asset to an account in blocks that stay, one page after the cursor.
    pub(super) async fn transfers_to(
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
        let movements = self.movements(token, recipient, asset, first..=last).await?;
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
        token: Address,
        recipient: Address,
        asset: &Asset,
        blocks: std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<Movement>, RailError> {
        let filter = LogFilter {
            address: token,
            topics: vec![Some(TRANSFER), None, Some(recipient.into_word())],
            from: *blocks.start(),
            to: *blocks.end(),
        };
        let mut hashes = Vec::new();
        for found in self.endpoints.logs(&filter).await.map_err(unread)? {
            if !hashes.contains(&found.transaction) {
                hashes.push(found.transaction);
            }
        }
        let mut movements = Vec::new();
        let mut times = BTreeMap::new();
        for chunk in hashes.chunks(RECEIPTS) {
            for receipt in self.endpoints.receipts(chunk).await.map_err(unread)?.into_iter().flatten() {
                let time = self.time_in(&receipt, &mut times).await?;
                movements.extend(self.movements_of(token, recipient, asset, &receipt, time));
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

    fn movements_of(
        &self,
        token: Address,
        recipient: Address,
        asset: &Asset,
        receipt: &Receipt,
        time: u64,
    ) -> Vec<Movement> {
        let name = self.name_of(receipt.hash);
        let to_us = log::transfers(token, &receipt.logs).into_iter().filter(|(_, moved)| moved.to == recipient);
        to_us
            .map(|(position, moved)| Movement {
                key: ProofKey::new(format!("{name}/{position}")),
                reference: receipt.hash.to_string(),
                payer: Some(PayerId::new(format!("did:pkh:eip155:{}:{}", self.chain, moved.from))),
                amount: Amount::new(moved.amount.saturating_to()),
                asset: asset.clone(),
                at: time_of(time),
            })
            .collect()
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
