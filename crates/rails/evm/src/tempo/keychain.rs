//! What a chain knows of an account's access keys.

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::{SolCall as _, sol};

/// Where Tempo keeps access keys.
pub(crate) const KEYCHAIN: Address = address!("0xaAAAaaAA00000000000000000000000000000000");

sol! {
    struct KeyInfo { uint8 signatureType; address keyId; uint64 expiry; bool enforceLimits; bool isRevoked; }
    function getKey(address account, address keyId) external view returns (KeyInfo);
    function getRemainingLimitWithPeriod(address account, address keyId, address token) external view
        returns (uint256 remaining, uint64 periodEnd);
}

/// What is on the chain about one key of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// The account never granted it.
    Unknown,
    /// It may sign until this time of the chain, in seconds.
    Granted {
        /// The first second in which it may not.
        until: u64,
        /// Whether what it may spend is limited.
        is_limited: bool,
    },
    /// The account took it back, for ever.
    Revoked,
}

impl KeyState {
    /// What to ask the keychain.
    pub(crate) fn question(account: Address, key: Address) -> Bytes {
        getKeyCall { account, keyId: key }.abi_encode().into()
    }

    /// Reads the keychain's answer.
    pub(crate) fn read(answer: &[u8], key: Address) -> Result<Self, alloy_sol_types::Error> {
        let info = getKeyCall::abi_decode_returns(answer)?;
        Ok(match info.isRevoked {
            true => Self::Revoked,
            false if info.keyId == key => Self::Granted { until: info.expiry, is_limited: info.enforceLimits },
            false => Self::Unknown,
        })
    }
}

/// Asks the keychain how much of a token a key may still spend.
pub(crate) fn remaining(account: Address, key: Address, token: Address) -> Bytes {
    getRemainingLimitWithPeriodCall { account, keyId: key, token }.abi_encode().into()
}

/// Reads the answer, in base units; none when it is not readable, or of a period that is over at this
/// time of the chain (seconds).
pub(crate) fn read_remaining(answer: &[u8], now: u64) -> Option<U256> {
    let answer = getRemainingLimitWithPeriodCall::abi_decode_returns(answer).ok()?;
    (answer.periodEnd == 0 || answer.periodEnd > now).then_some(answer.remaining)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tempo::testing::OTHER;

    #[test]
    fn an_answer_says_how_a_key_stands() {
        let answer = |key: Address, expiry, revoked| {
            getKeyCall::abi_encode_returns(&KeyInfo {
                signatureType: 0,
                keyId: key,
                expiry,
                enforceLimits: true,
                isRevoked: revoked,
            })
        };
        let read = |answer: Vec<u8>| KeyState::read(&answer, OTHER).unwrap();
        assert_eq!(read(answer(OTHER, 7, false)), KeyState::Granted { until: 7, is_limited: true });
        assert_eq!(read(answer(Address::ZERO, 0, false)), KeyState::Unknown);
        assert_eq!(read(answer(Address::ZERO, 0, true)), KeyState::Revoked);
        assert!(KeyState::read(&[], OTHER).is_err());
    }

    #[test]
    fn what_is_left_counts_until_its_period_ends() {
        let answer = |end: u64| [U256::from(5).to_be_bytes::<32>(), U256::from(end).to_be_bytes()].concat();
        assert_eq!(read_remaining(&answer(0), 9), Some(U256::from(5)));
        assert_eq!(read_remaining(&answer(10), 9), Some(U256::from(5)));
        assert_eq!(read_remaining(&answer(9), 9), None);
        assert_eq!(read_remaining(&[], 9), None);
    }
}
