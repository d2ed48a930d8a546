//! How a channel stands, as the chain says.

use std::sync::PoisonError;

use alloy_primitives::B256;
use farthing_money::Amount;
use farthing_rail::{ChannelStanding, RailError};

use super::SessionSettling;
use crate::evm::calldata::read_word;
use crate::rpc::{At, RpcError};
use crate::session::{ChannelState, Existence, KeptSession, Vault, VaultKind};
use crate::settle::judgement::time_of;

/// More than reading a channel takes; Tempo counts a quarter of a million before that.
const GAS: u64 = 1_000_000;

impl SessionSettling {
    /// How it stands in the newest block that enough nodes have.
    ///
    /// A channel that is not there has ended, where the reserve kept it; the other contracts remember what
    /// has ended, so that its opening must have been taken back. A node that is behind is not believed.
    pub(super) async fn stands(&self, kept: &KeptSession) -> Result<ChannelStanding, RailError> {
        self.chain.guard().await.map_err(RailError)?;
        let head = self.chain.endpoints.head().await.map_err(unread)?;
        let state = self.state(kept, At::Number(head)).await.map_err(unread)?;
        let channel = kept.channel();
        if state.existence == Existence::Nothing {
            if self.seen_in(&channel).is_some_and(|seen| head < seen) {
                let sentence =
                    format!("the nodes are behind block {head}, in which the channel was seen; asking later");
                return Err(RailError(sentence));
            }
            if kept.vault.kind != VaultKind::Reserve {
                let sentence = "the chain does not show the channel: a reorganisation may have taken its opening back";
                return Err(RailError(sentence.to_owned()));
            }
        }
        self.note(&channel, &state, head);
        self.standing_of(&kept.vault, &state, None).await.map_err(unread)
    }

    /// What the escrow said in a block.
    pub(super) async fn state(&self, kept: &KeptSession, at: At) -> Result<ChannelState, RpcError> {
        let KeptSession { vault, .. } = kept;
        let answer = self.chain.endpoints.call(vault.contract, &vault.ask_state(&kept.channel()), GAS, at).await?;
        vault.read_state(&answer).ok_or_else(|| self.unreadable("the escrow"))
    }

    pub(super) async fn standing_of(
        &self,
        vault: &Vault,
        state: &ChannelState,
        reference: Option<B256>,
    ) -> Result<ChannelStanding, RpcError> {
        let (close_requested_at, collect_until) = match state.close_requested_at {
            None => (None, None),
            Some(asked) => (Some(time_of(asked)), Some(time_of(asked.saturating_add(self.grace(vault).await?)))),
        };
        Ok(ChannelStanding {
            deposit: state.deposit,
            settled: state.settled,
            close_requested_at,
            collect_until,
            closed: state.existence != Existence::Open,
            reference: reference.map(|hash| hash.to_string()),
        })
    }

    /// A channel is seen in this block.
    pub(super) fn note(&self, channel: &B256, state: &ChannelState, block: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match state.existence {
            Existence::Open => {
                let newest = seen.entry(*channel).or_insert(block);
                *newest = block.max(*newest);
            }
            Existence::Ended | Existence::Nothing => drop(seen.remove(channel)),
        }
    }

    fn seen_in(&self, channel: &B256) -> Option<u64> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(channel).copied()
    }

    /// A contract never changes it.
    async fn grace(&self, vault: &Vault) -> Result<u64, RpcError> {
        if let Some(grace) = self.grace.get() {
            return Ok(*grace);
        }
        let answer = self.chain.endpoints.call(vault.contract, &Vault::ask_grace(), GAS, At::Latest).await?;
        let grace = read_word(&answer).and_then(|word| u64::try_from(word).ok());
        let grace = grace.ok_or_else(|| self.unreadable("CLOSE_GRACE_PERIOD of the escrow"))?;
        Ok(*self.grace.get_or_init(|| grace))
    }

    fn unreadable(&self, what: &str) -> RpcError {
        let node = self.chain.endpoints.name().to_owned();
        RpcError::NoAnswer { node, why: format!("{what} did not answer as such contracts do; check escrow") }
    }
}

/// Whether a deposit of at least so much is there.
pub(super) fn holds(state: &ChannelState, least: Amount) -> bool {
    state.existence == Existence::Open && state.deposit >= least
}

fn unread(error: RpcError) -> RailError {
    RailError(error.to_string())
}
