use alloy_primitives::B256;
use alloy_sol_types::{SolEvent as _, sol};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{ChannelStanding, RailError};

use super::purse::Reached;
use super::{Lapse, Purse};
use crate::evm::calldata::read_word;
use crate::rpc::{At, LogFilter, RpcError};
use crate::session::{ChannelState, Existence, Vault, VaultKind};

sol! {
    event ChannelOpened(
        bytes32 indexed channelId, address indexed payer, address indexed payee, address operator, address token,
        address authorizedSigner, bytes32 salt, bytes32 expiringNonceHash, uint96 deposit
    );
    event ChannelClosed(
        bytes32 indexed channelId, address indexed payer, address indexed payee, uint96 settledToPayee,
        uint96 refundedToPayer
    );
}

/// No escrow needs more gas to answer a question.
const GAS: u64 = 1_000_000;
/// So many blocks are searched in one round trip; nodes refuse much more.
const BLOCKS: u64 = 2_000;
/// So many round trips find the end of a channel, or it is too long ago to be told.
const MOST_SEARCHES: u64 = 200;
/// The transaction of an expiring nonce lives for no longer than this (TIP-1009), in seconds.
const LONGEST_LIFE: u64 = 30;

/// A channel of a payer's, to ask its chain about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoughtChannel {
    /// Where its deposit is.
    pub vault: Vault,
    /// Its id.
    pub channel: B256,
    /// From when on one that is not there will never be.
    pub lapse: Lapse,
}

impl Purse {
    /// See [`super::Funds::channel`].
    pub(super) async fn channel_now(&self, sought: &SoughtChannel) -> Result<ChannelStanding, RailError> {
        let reached = self.confirmed(sought.vault.chain).await.map_err(|error| RailError(error.to_string()))?;
        reached.channel(sought).await
    }
}

impl Reached {
    async fn channel(&self, sought: &SoughtChannel) -> Result<ChannelStanding, RailError> {
        let state = self.state(sought).await?;
        if state.existence != Existence::Nothing {
            return self.present(&state, &sought.vault).await;
        }
        let is_over = self.has_lapsed_for_good(sought).await.map_err(unanswered)?;
        let was_opened =
            sought.vault.kind == VaultKind::Reserve && self.was_opened(sought).await.map_err(unanswered)?;
        // Asked again: it may have been opened in between. If it was not by now, and its time is over, it never
        // will be.
        let state = self.state(sought).await?;
        match state.existence {
            Existence::Nothing if was_opened => self.ended(sought).await,
            Existence::Nothing => Ok(absent(is_over)),
            _ => self.present(&state, &sought.vault).await,
        }
    }

    async fn state(&self, sought: &SoughtChannel) -> Result<ChannelState, RailError> {
        let Vault { chain, contract, .. } = sought.vault;
        let question = sought.vault.ask_state(&sought.channel);
        let answer = self.endpoints().call(contract, &question, GAS, At::Latest).await.map_err(unanswered)?;
        let state = sought.vault.read_state(&answer);
        state.ok_or_else(|| RailError(format!("{contract} on chain {chain} does not answer as an escrow")))
    }

    /// What its escrow says of a channel that is there.
    async fn present(&self, state: &ChannelState, vault: &Vault) -> Result<ChannelStanding, RailError> {
        let mut collect_until = None;
        if let Some(asked) = state.close_requested_at {
            let grace = self.endpoints().call(vault.contract, &Vault::ask_grace(), GAS, At::Latest).await;
            let grace = read_word(&grace.map_err(unanswered)?).and_then(|grace| u64::try_from(grace).ok());
            let grace = grace.ok_or_else(|| RailError(format!("{} has no grace period", vault.contract)))?;
            collect_until = Some(seconds(asked.saturating_add(grace)));
        }
        Ok(ChannelStanding {
            deposit: state.deposit,
            settled: state.settled,
            close_requested_at: state.close_requested_at.map(seconds),
            collect_until,
            closed: state.existence == Existence::Ended,
            reference: None,
        })
    }

    /// Whether what would open the channel cannot be included any more, in blocks that cannot be taken back.
    async fn has_lapsed_for_good(&self, sought: &SoughtChannel) -> Result<bool, RpcError> {
        let deep = self.endpoints().head().await?.saturating_sub(self.finality());
        Ok(match sought.lapse {
            Lapse::At(ends) => {
                let block = self.endpoints().block(At::Number(deep)).await?;
                block.is_some_and(|block| block.timestamp >= ends)
            }
            Lapse::Nonce { account, number } => {
                self.endpoints().transaction_count(account, At::Number(deep)).await? > number
            }
        })
    }

    /// Whether the reserve ever had a channel, by the blocks in which it could have been opened. The reserve
    /// forgets what has ended.
    async fn was_opened(&self, sought: &SoughtChannel) -> Result<bool, RpcError> {
        let Lapse::At(ends) = sought.lapse else { return Ok(true) };
        let Some(newest) = self.endpoints().block(At::Latest).await? else { return Ok(true) };
        let to = self.first_at(ends, newest).await?;
        let from = self.first_at(ends.saturating_sub(2 * LONGEST_LIFE), newest).await?;
        Ok(!self.logs_of(sought, ChannelOpened::SIGNATURE_HASH, from, to).await?.is_empty())
    }

    /// How a channel of the reserve ended, by what the reserve said then.
    async fn ended(&self, sought: &SoughtChannel) -> Result<ChannelStanding, RailError> {
        let mut last = self.endpoints().head().await.map_err(unanswered)?;
        for _ in 0..MOST_SEARCHES {
            let first = last.saturating_sub(BLOCKS);
            let found = self.logs_of(sought, ChannelClosed::SIGNATURE_HASH, first, last).await.map_err(unanswered)?;
            if let Some(transaction) = found.last() {
                return self.closed_by(sought, *transaction).await;
            }
            if first == 0 {
                break;
            }
            last = first;
        }
        Err(RailError(format!("how the channel {} ended is too long ago to be asked", sought.channel)))
    }

    async fn closed_by(&self, sought: &SoughtChannel, transaction: B256) -> Result<ChannelStanding, RailError> {
        let receipt = self.endpoints().receipt(transaction).await.map_err(unanswered)?;
        let logs = receipt.iter().flat_map(|receipt| &receipt.logs);
        let closed = logs.filter(|log| log.address == sought.vault.contract).find_map(|log| {
            let closed = ChannelClosed::decode_raw_log_validate(log.topics.iter().copied(), &log.data).ok()?;
            (closed.channelId == sought.channel).then_some(closed)
        });
        let closed = closed.ok_or_else(|| RailError(format!("transaction {transaction} is gone again")))?;
        let settled = closed.settledToPayee.to::<u128>();
        Ok(ChannelStanding {
            deposit: Amount::new(settled.saturating_add(closed.refundedToPayer.to())),
            settled: Amount::new(settled),
            closed: true,
            reference: Some(transaction.to_string()),
            ..absent(true)
        })
    }

    async fn logs_of(&self, sought: &SoughtChannel, topic: B256, from: u64, to: u64) -> Result<Vec<B256>, RpcError> {
        let topics = vec![Some(topic), Some(sought.channel)];
        let found = self.endpoints().logs(&LogFilter { address: sought.vault.contract, topics, from, to }).await?;
        Ok(found.into_iter().map(|log| log.transaction).collect())
    }
}

/// A channel that its escrow has nothing of: not yet, or never.
const fn absent(never: bool) -> ChannelStanding {
    ChannelStanding {
        deposit: Amount::ZERO,
        settled: Amount::ZERO,
        close_requested_at: None,
        collect_until: None,
        closed: never,
        reference: None,
    }
}

fn seconds(at: u64) -> Timestamp {
    Timestamp::from_unix_millis(i64::try_from(at).unwrap_or(i64::MAX).saturating_mul(1000))
}

fn unanswered(error: RpcError) -> RailError {
    RailError(error.to_string())
}
