use alloy_primitives::{B256, Bytes};
use alloy_sol_types::SolCall as _;
use farthing_money::Amount;

use super::abi::{channels, reserve};
use crate::session::{Vault, VaultKind};

/// Whether there is a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// It holds a deposit.
    Open,
    /// It has ended.
    Ended,
    /// The contract holds nothing of it: it never was, or, in the reserve, it has ended.
    Nothing,
}

/// What a vault says of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelState {
    /// Whether there is one. The amounts are zero where there is nothing.
    pub existence: Existence,
    /// All that was ever deposited.
    pub deposit: Amount,
    /// All that was ever collected.
    pub settled: Amount,
    /// When its payer asked to close it (seconds of the chain), if ever.
    pub close_requested_at: Option<u64>,
}

impl Vault {
    /// Asks how a channel stands.
    pub fn ask_state(&self, channel: &B256) -> Bytes {
        let channel = *channel;
        match self.kind {
            VaultKind::Reserve => reserve::getChannelStateCall { channelId: channel }.abi_encode(),
            VaultKind::Stream | VaultKind::Evm => channels::getChannelCall { channelId: channel }.abi_encode(),
        }
        .into()
    }

    /// Reads the answer; `None` when it is none that this kind of vault gives.
    pub fn read_state(&self, answer: &[u8]) -> Option<ChannelState> {
        match self.kind {
            VaultKind::Reserve => {
                let state = reserve::getChannelStateCall::abi_decode_returns_validate(answer).ok()?;
                Some(of_reserve(&state))
            }
            VaultKind::Stream | VaultKind::Evm => {
                let channel = channels::getChannelCall::abi_decode_returns_validate(answer).ok()?;
                let existence = match (channel.payer.is_zero(), channel.finalized) {
                    (true, _) => Existence::Nothing,
                    (false, true) => Existence::Ended,
                    (false, false) => Existence::Open,
                };
                Some(ChannelState {
                    existence,
                    deposit: Amount::new(channel.deposit),
                    settled: Amount::new(channel.settled),
                    close_requested_at: (channel.closeRequestedAt != 0).then_some(channel.closeRequestedAt),
                })
            }
        }
    }

    /// Asks the reserve how many channels stand at once.
    pub fn ask_states(channels: &[B256]) -> Bytes {
        reserve::getChannelStatesBatchCall { channelIds: channels.to_vec() }.abi_encode().into()
    }

    /// Reads the answer, in the order of the question.
    pub fn read_states(answer: &[u8]) -> Option<Vec<ChannelState>> {
        let states = reserve::getChannelStatesBatchCall::abi_decode_returns_validate(answer).ok()?;
        Some(states.iter().map(of_reserve).collect())
    }

    /// Asks how long the payee may still collect once the payer has asked to close: one word, seconds.
    pub fn ask_grace() -> Bytes {
        channels::CLOSE_GRACE_PERIODCall {}.abi_encode().into()
    }
}

/// The reserve deletes what has ended: it knows no channel without a deposit.
fn of_reserve(state: &reserve::State) -> ChannelState {
    let deposit = Amount::new(state.deposit.to());
    ChannelState {
        existence: if deposit.is_zero() { Existence::Nothing } else { Existence::Open },
        deposit,
        settled: Amount::new(state.settled.to()),
        close_requested_at: (state.closeRequestedAt != 0).then_some(u64::from(state.closeRequestedAt)),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, U256};
    use alloy_sol_types::SolValue as _;

    use super::*;

    fn vault(kind: VaultKind) -> Vault {
        Vault { kind, chain: 1, contract: Address::repeat_byte(9) }
    }

    #[test]
    fn the_reserve_says_nothing_of_what_has_ended() {
        let state = |settled: u64, deposit: u64, asked: u64| {
            let words = (U256::from(settled), U256::from(deposit), U256::from(asked)).abi_encode();
            vault(VaultKind::Reserve).read_state(&words).unwrap()
        };
        let open = state(3, 10, 0);
        assert_eq!((open.existence, open.close_requested_at), (Existence::Open, None));
        assert_eq!((open.settled, open.deposit), (Amount::new(3), Amount::new(10)));
        assert_eq!(state(3, 10, 77).close_requested_at, Some(77));
        assert_eq!(state(0, 0, 0).existence, Existence::Nothing);
    }

    #[test]
    fn a_contract_remembers_what_has_ended() {
        for kind in [VaultKind::Stream, VaultKind::Evm] {
            let state = |finalized: bool, payer: u8| {
                let party = Address::repeat_byte(payer);
                let answer = (finalized, 5_u64, party, party, party, Address::ZERO, 10_u128, 4_u128).abi_encode();
                vault(kind).read_state(&answer).unwrap()
            };
            assert_eq!(state(false, 1).existence, Existence::Open);
            assert_eq!(state(true, 1).existence, Existence::Ended);
            assert_eq!(state(false, 0).existence, Existence::Nothing);
            assert_eq!(state(false, 1).close_requested_at, Some(5));
        }
    }

    #[test]
    fn an_account_without_code_says_nothing() {
        for kind in [VaultKind::Stream, VaultKind::Reserve, VaultKind::Evm] {
            assert_eq!(vault(kind).read_state(&[]), None);
        }
    }
}
