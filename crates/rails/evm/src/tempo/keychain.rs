//! What a chain knows of an account's access keys.

use alloy_primitives::{Address, Bytes, address};
use alloy_sol_types::{SolCall as _, sol};

/// Where Tempo keeps access keys.
pub(crate) const KEYCHAIN: Address = address!("0xaAAAaaAA00000000000000000000000000000000");

sol! {
    struct KeyInfo { uint8 signatureType; address keyId; uint64 expiry; bool enforceLimits; bool isRevoked; }
    function getKey(address account, address keyId) external view returns (KeyInfo);
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
            false if info.keyId == key => Self::Granted { until: info.expiry },
            false => Self::Unknown,
        })
    }
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
        assert_eq!(read(answer(OTHER, 7, false)), KeyState::Granted { until: 7 });
        assert_eq!(read(answer(Address::ZERO, 0, false)), KeyState::Unknown);
        assert_eq!(read(answer(Address::ZERO, 0, true)), KeyState::Revoked);
        assert!(KeyState::read(&[], OTHER).is_err());
    }
}
