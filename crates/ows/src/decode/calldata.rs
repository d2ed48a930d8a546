//! What calls of tokens move: ERC-20, ERC-2612 and EIP-3009.

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, sol};

/// Of two functions with one name the macro calls the first `_0` and the second `_1`.
mod abi {
    use super::sol;

    sol! {
        function transfer(address to, uint256 value) returns (bool);
        function transferFrom(address from, address to, uint256 value) returns (bool);
        function approve(address spender, uint256 value) returns (bool);
        function increaseAllowance(address spender, uint256 added) returns (bool);
        function permit(
            address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s
        );
        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
            uint8 v, bytes32 r, bytes32 s
        );
        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
            bytes signature
        );
        function receiveWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
            uint8 v, bytes32 r, bytes32 s
        );
        function receiveWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
            bytes signature
        );
    }
}

/// Who gets, or may take, how much of the token that is called; `None` for any other call, and for one that
/// is not written to the byte as the ABI has it.
pub(super) fn paid_by(data: &[u8]) -> Option<(Address, U256)> {
    let selector = *data.first_chunk::<4>()?;
    match selector {
        abi::transferCall::SELECTOR => exactly::<abi::transferCall>(data).map(|call| (call.to, call.value)),
        abi::transferFromCall::SELECTOR => exactly::<abi::transferFromCall>(data).map(|call| (call.to, call.value)),
        abi::approveCall::SELECTOR => exactly::<abi::approveCall>(data).map(|call| (call.spender, call.value)),
        abi::increaseAllowanceCall::SELECTOR => {
            exactly::<abi::increaseAllowanceCall>(data).map(|call| (call.spender, call.added))
        }
        abi::permitCall::SELECTOR => exactly::<abi::permitCall>(data).map(|call| (call.spender, call.value)),
        abi::transferWithAuthorization_0Call::SELECTOR => {
            exactly::<abi::transferWithAuthorization_0Call>(data).map(|call| (call.to, call.value))
        }
        abi::transferWithAuthorization_1Call::SELECTOR => {
            exactly::<abi::transferWithAuthorization_1Call>(data).map(|call| (call.to, call.value))
        }
        abi::receiveWithAuthorization_0Call::SELECTOR => {
            exactly::<abi::receiveWithAuthorization_0Call>(data).map(|call| (call.to, call.value))
        }
        abi::receiveWithAuthorization_1Call::SELECTOR => {
            exactly::<abi::receiveWithAuthorization_1Call>(data).map(|call| (call.to, call.value))
        }
        _ => None,
    }
}

fn exactly<C: SolCall>(data: &[u8]) -> Option<C> {
    let call = C::abi_decode_validate(data).ok()?;
    (call.abi_encode() == data).then_some(call)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{B256, address};

    const PAYEE: Address = address!("000000000000000000000000000000000000beef");

    #[test]
    fn every_known_call_is_read_and_only_to_the_byte() {
        let (to, spender, value, from) = (PAYEE, PAYEE, U256::from(7), Address::ZERO);
        let (zero, v, r, s, nonce) = (U256::ZERO, 27, B256::ZERO, B256::ZERO, B256::ZERO);
        let (signature, owner) = (vec![1; 65].into(), from);
        let calls = [
            abi::transferCall { to, value }.abi_encode(),
            abi::transferFromCall { from, to, value }.abi_encode(),
            abi::approveCall { spender, value }.abi_encode(),
            abi::increaseAllowanceCall { spender, added: value }.abi_encode(),
            abi::permitCall { owner, spender, value, deadline: zero, v, r, s }.abi_encode(),
            abi::transferWithAuthorization_0Call {
                from,
                to,
                value,
                validAfter: zero,
                validBefore: zero,
                nonce,
                v,
                r,
                s,
            }
            .abi_encode(),
            abi::receiveWithAuthorization_1Call {
                from,
                to,
                value,
                validAfter: zero,
                validBefore: zero,
                nonce,
                signature,
            }
            .abi_encode(),
        ];
        for call in calls {
            assert_eq!(paid_by(&call), Some((PAYEE, value)));
            assert_eq!(paid_by(&[call.as_slice(), &[0]].concat()), None, "a byte more");
            assert_eq!(paid_by(&call[..call.len() - 1]), None, "a byte less");
        }
        let mut dirty = abi::transferCall { to, value }.abi_encode();
        dirty[5] = 1;
        assert_eq!(paid_by(&dirty), None, "an address that is longer than one");
        assert_eq!(paid_by(&[1, 2, 3, 4]), None);
        assert_eq!(paid_by(&[1]), None);
    }
}
