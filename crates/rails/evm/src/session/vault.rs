use alloy_primitives::{Address, B256, U256, address, b256};
use farthing_money::Amount;
use farthing_rail::SessionId;
use serde::{Deserialize, Serialize};

use crate::eip712::{Domain, message, struct_hash};

/// Tempo's channel reserve (TIP-1034), a part of the node from hardfork T5 on.
pub const RESERVE: Address = address!("4d50500000000000000000000000000000000000");

/// `Voucher(bytes32 channelId,uint128 cumulativeAmount)`.
const VOUCHER: B256 = b256!("e97c93f01d3ef8eaba1586553df13308f236815bf4ea49c7b696895d8f5ea68a");
/// `Voucher(bytes32 channelId,uint96 cumulativeAmount)`.
const RESERVE_VOUCHER: B256 = b256!("4730b4b2fe8de522475e80e010877c5b58ad10eb07fd0436615ee123f743bbe8");
/// `CloseAuthorization(bytes32 channelId,uint96 cumulativeAmount)`.
const RESERVE_CLOSE: B256 = b256!("15588a02d9b068ec4a4593a3d3bd1068f3614e6c28e013500ce554846f4b4646");
/// `SettleAuthorization(bytes32 channelId,uint128 cumulativeAmount,uint256 nonce,uint256 deadline)`.
const SETTLE_AUTHORIZATION: B256 = b256!("e770f70d6fd56150ce37d91208e1671a83000c526586c0e72730729aafc7824b");
/// `CloseAuthorization(bytes32 channelId,uint128 cumulativeAmount,uint256 nonce,uint256 deadline)`.
const CLOSE_AUTHORIZATION: B256 = b256!("2927c9b6c7c7351a28bdb714bc3cad978db4e5644eb85cd68583d41353ae4474");

/// The most that the reserve counts: its amounts have 96 bits.
const MOST_IN_RESERVE: Amount = Amount::new((1 << 96) - 1);

/// What kind of escrow contract holds a channel's deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VaultKind {
    /// The contract of `tempo/session`, version 1.
    Stream,
    /// Tempo's channel reserve: `tempo/session`, version 2.
    Reserve,
    /// The contract of `evm/session`.
    Evm,
}

impl VaultKind {
    /// The payment method that uses it, as on the wire.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Stream | Self::Reserve => crate::tempo::METHOD,
            Self::Evm => crate::evm::METHOD,
        }
    }

    /// Its `sessionProtocol`, where the method has several.
    pub const fn protocol(self) -> Option<&'static str> {
        match self {
            Self::Stream => Some("v1"),
            Self::Reserve => Some("v2"),
            Self::Evm => None,
        }
    }

    /// The largest amount it can count.
    pub const fn most(self) -> Amount {
        match self {
            Self::Reserve => MOST_IN_RESERVE,
            Self::Stream | Self::Evm => Amount::new(u128::MAX),
        }
    }

    /// Whether it pays a part of what the last voucher says, when it closes a channel.
    pub const fn captures(self) -> bool {
        matches!(self, Self::Reserve)
    }

    const fn domain(self) -> &'static str {
        match self {
            Self::Stream => "Tempo Stream Channel",
            Self::Reserve => "TIP20 Channel Reserve",
            Self::Evm => "EVM Payment Channel",
        }
    }
}

/// An escrow contract on a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vault {
    /// Its kind.
    pub kind: VaultKind,
    /// The chain (EIP-155).
    pub chain: u64,
    /// The contract.
    pub contract: Address,
}

impl Vault {
    /// Tempo's channel reserve on this chain.
    pub const fn reserve(chain: u64) -> Self {
        Self { kind: VaultKind::Reserve, chain, contract: RESERVE }
    }

    /// The session that the books know by this channel: `eip155:<chain>/channel/<escrow>/<id>`.
    pub fn session(&self, channel: &B256) -> SessionId {
        SessionId::of(&self.name_of(channel))
    }

    /// The one name of a channel among all rails.
    pub fn name_of(&self, channel: &B256) -> String {
        format!("eip155:{}/channel/{:#x}/{channel:#x}", self.chain, self.contract)
    }

    /// The separator of the EIP-712 domain that vouchers are signed under.
    pub fn separator(&self) -> B256 {
        let (name, version) = (self.kind.domain(), Some("1"));
        Domain { name, version, chain: self.chain, contract: Some(self.contract) }.separator()
    }

    /// The 66 bytes whose Keccak-256 hash a voucher signs. `separator` is this vault's own.
    pub fn voucher_message(&self, separator: &B256, channel: &B256, cumulative: Amount) -> [u8; 66] {
        let kind = if self.kind == VaultKind::Reserve { &RESERVE_VOUCHER } else { &VOUCHER };
        message(separator, &struct_hash(kind, &[*channel, word(cumulative)]))
    }

    /// What some clients of the reserve sign beside their last voucher. Never required.
    pub fn close_message(&self, separator: &B256, channel: &B256, cumulative: Amount) -> [u8; 66] {
        message(separator, &struct_hash(&RESERVE_CLOSE, &[*channel, word(cumulative)]))
    }

    /// What a payee signs so that somebody else may settle for it; `closes` ends the channel.
    pub fn payee_message(
        &self,
        channel: &B256,
        cumulative: Amount,
        nonce: U256,
        deadline: U256,
        closes: bool,
    ) -> [u8; 66] {
        let kind = if closes { &CLOSE_AUTHORIZATION } else { &SETTLE_AUTHORIZATION };
        let words = [*channel, word(cumulative), nonce.into(), deadline.into()];
        message(&self.separator(), &struct_hash(kind, &words))
    }
}

fn word(amount: Amount) -> B256 {
    U256::from(amount.units()).into()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;

    use super::*;

    #[test]
    fn the_type_hashes_are_those_of_the_types() {
        for (hash, text) in [
            (VOUCHER, "Voucher(bytes32 channelId,uint128 cumulativeAmount)"),
            (RESERVE_VOUCHER, "Voucher(bytes32 channelId,uint96 cumulativeAmount)"),
            (RESERVE_CLOSE, "CloseAuthorization(bytes32 channelId,uint96 cumulativeAmount)"),
            (
                SETTLE_AUTHORIZATION,
                "SettleAuthorization(bytes32 channelId,uint128 cumulativeAmount,uint256 nonce,uint256 deadline)",
            ),
            (
                CLOSE_AUTHORIZATION,
                "CloseAuthorization(bytes32 channelId,uint128 cumulativeAmount,uint256 nonce,uint256 deadline)",
            ),
        ] {
            assert_eq!(keccak256(text), hash, "{text}");
        }
    }

    #[test]
    fn a_session_has_one_name_in_lower_case() {
        let vault = Vault { kind: VaultKind::Evm, chain: 8453, contract: Address::repeat_byte(0xAB) };
        let channel = B256::repeat_byte(0xCD);
        let name = format!("eip155:8453/channel/0x{}/0x{}", "ab".repeat(20), "cd".repeat(32));
        assert_eq!(vault.name_of(&channel), name);
        assert_eq!(vault.session(&channel), SessionId::of(&name));
    }
}
