//! What is said to contracts: the calls that move a payment's money, and the questions about it.

use alloy_primitives::{Address, B256, Bytes, U256, address, b256};
use alloy_sol_types::{SolCall as _, sol};

use super::wrapped;
use crate::session::Vault;
use crate::x402::proxy;
use crate::{Leg, Payment, Way};

/// Where Permit2 stands on every chain that has it.
pub const PERMIT2: Address = address!("000000000022d473030f116ddee9f6b43ac78ba3");

/// `AuthorizationUsed(address,bytes32)` of EIP-3009: the account and the nonce are its two topics.
pub const AUTHORIZATION_USED: B256 = b256!("98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5");

/// `AuthorizationCanceled(address,bytes32)` of EIP-3009.
pub const AUTHORIZATION_CANCELED: B256 = b256!("1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81");

/// What a contract account's `isValidSignature` answers when it agrees (ERC-1271): the first four
/// bytes of the word.
pub const VALID_SIGNATURE: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];

/// Of two functions with one name the macro calls the first `_0` and the second `_1`.
mod abi {
    use super::sol;

    sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
        struct PermitBatchTransferFrom { TokenPermissions[] permitted; uint256 nonce; uint256 deadline; }
        struct SignatureTransferDetails { address to; uint256 requestedAmount; }

        function transfer(address to, uint256 value) returns (bool);
        function approve(address spender, uint256 value) returns (bool);
        function balanceOf(address account) view returns (uint256);
        function allowance(address owner, address spender) view returns (uint256);
        function authorizationState(address authorizer, bytes32 nonce) view returns (bool);
        function nonceBitmap(address owner, uint256 wordPos) view returns (uint256);
        function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4);

        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
            uint8 v, bytes32 r, bytes32 s
        );
        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
            bytes signature
        );
        function permitWitnessTransferFrom(
            PermitTransferFrom permit, SignatureTransferDetails transferDetails, address owner, bytes32 witness,
            string witnessTypeString, bytes signature
        );
        function permitWitnessTransferFrom(
            PermitBatchTransferFrom permit, SignatureTransferDetails[] transferDetails, address owner,
            bytes32 witness, string witnessTypeString, bytes signature
        );
    }
}

/// One call of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The contract.
    pub to: Address,
    /// What is said to it.
    pub data: Bytes,
}

/// The call by which a seller moves a payment's money; `None` for a way in which the payer sends a
/// transaction of its own.
///
/// Of a wrapped signature (ERC-6492) only the inner one is used: whoever is paid here never calls a
/// factory at the payer's word, so an account without code cannot pay.
pub fn submission(payment: &Payment) -> Option<Call> {
    match &payment.way {
        Way::Authorization { .. } => Some(Call { to: payment.token, data: authorization(&payment.way)? }),
        Way::Permit2 { .. } => Some(Call { to: PERMIT2, data: permit2(payment)? }),
        Way::Proxied { .. } => proxy::submission(payment).map(|(to, data)| Call { to, data }),
        Way::Called { contract, data, .. } => Some(Call { to: *contract, data: data.clone() }),
        _ => None,
    }
}

#[allow(non_snake_case)] // the members are named as in the ABI
fn authorization(way: &Way) -> Option<Bytes> {
    let Way::Authorization { from, to, value, valid_after, valid_before, nonce, signature, by_contract } = way else {
        return None;
    };
    let (from, to, value, nonce) = (*from, *to, *value, *nonce);
    let (validAfter, validBefore) = (*valid_after, *valid_before);
    let data = if *by_contract {
        let signature = wrapped::inner(signature);
        abi::transferWithAuthorization_1Call { from, to, value, validAfter, validBefore, nonce, signature }.abi_encode()
    } else {
        let (r, rest) = signature.split_first_chunk::<32>()?;
        let (s, v) = rest.split_first_chunk::<32>()?;
        let v = v.first().map(|v| v % 27 + 27)?;
        let (r, s) = (r.into(), s.into());
        abi::transferWithAuthorization_0Call { from, to, value, validAfter, validBefore, nonce, v, r, s }.abi_encode()
    };
    Some(data.into())
}

#[allow(non_snake_case)] // the members are named as in the ABI
fn permit2(payment: &Payment) -> Option<Bytes> {
    let Way::Permit2 { owner, nonce, deadline, witness, witness_type, batch, signature, by_contract, .. } =
        &payment.way
    else {
        return None;
    };
    let (owner, nonce, deadline, witness) = (*owner, *nonce, *deadline, *witness);
    let witnessTypeString = witness_type.clone();
    let signature = if *by_contract { wrapped::inner(signature) } else { signature.clone() };
    let permitted = |leg: &Leg| abi::TokenPermissions { token: payment.token, amount: leg.amount };
    let details = |leg: &Leg| abi::SignatureTransferDetails { to: leg.recipient, requestedAmount: leg.amount };
    let data = if *batch {
        let permitted = payment.legs.iter().map(permitted).collect();
        let permit = abi::PermitBatchTransferFrom { permitted, nonce, deadline };
        let transferDetails = payment.legs.iter().map(details).collect();
        abi::permitWitnessTransferFrom_1Call { permit, transferDetails, owner, witness, witnessTypeString, signature }
            .abi_encode()
    } else {
        let leg = payment.legs.first()?;
        let permit = abi::PermitTransferFrom { permitted: permitted(leg), nonce, deadline };
        let transferDetails = details(leg);
        abi::permitWitnessTransferFrom_0Call { permit, transferDetails, owner, witness, witnessTypeString, signature }
            .abi_encode()
    };
    Some(data.into())
}

/// `transfer(address,uint256)` of ERC-20.
pub fn transfer(to: Address, value: U256) -> Bytes {
    abi::transferCall { to, value }.abi_encode().into()
}

/// Reads the data of an ERC-20 `transfer`, to the byte: whom it pays, and how much.
pub fn read_transfer(data: &[u8]) -> Option<(Address, U256)> {
    let call = abi::transferCall::abi_decode_validate(data).ok()?;
    (call.abi_encode() == data).then_some((call.to, call.value))
}

/// `approve(address,uint256)` of ERC-20.
pub fn approve(spender: Address, value: U256) -> Bytes {
    abi::approveCall { spender, value }.abi_encode().into()
}

/// Reads the data of an ERC-20 `approve`, to the byte: who may take from the sender, and how much.
pub fn read_approve(data: &[u8]) -> Option<(Address, U256)> {
    let call = abi::approveCall::abi_decode_validate(data).ok()?;
    (call.abi_encode() == data).then_some((call.spender, call.value))
}

/// Asks a token for an account's balance: one word.
pub fn balance_of(account: Address) -> Bytes {
    abi::balanceOfCall { account }.abi_encode().into()
}

/// Asks a token how much a spender may take from an owner: one word.
pub fn allowance(owner: Address, spender: Address) -> Bytes {
    abi::allowanceCall { owner, spender }.abi_encode().into()
}

/// Asks a token whether an authorization is used or cancelled: one word, not zero when it is.
pub fn authorization_state(authorizer: Address, nonce: B256) -> Bytes {
    abi::authorizationStateCall { authorizer, nonce }.abi_encode().into()
}

/// Asks Permit2 for the word that holds a nonce, and says which of its bits is the nonce's: it is set
/// once the nonce is used or invalidated.
pub fn nonce_bitmap(owner: Address, nonce: U256) -> (Bytes, U256) {
    let word_position = nonce >> 8;
    let bit = U256::from(1) << (nonce & U256::from(0xff));
    (abi::nonceBitmapCall { owner, wordPos: word_position }.abi_encode().into(), bit)
}

/// Questions that every contract that a payment's money moves by answers: each with some bytes, and an
/// account without code with none.
pub(crate) fn probes(payment: &Payment) -> Vec<(Address, Bytes)> {
    let token = (payment.token, balance_of(Address::ZERO));
    match &payment.way {
        Way::Authorization { .. } => vec![token],
        Way::Permit2 { .. } => vec![token, (PERMIT2, nonce_bitmap(Address::ZERO, U256::ZERO).0)],
        Way::Proxied { proxy, .. } => {
            vec![token, (PERMIT2, nonce_bitmap(Address::ZERO, U256::ZERO).0), proxy.probe()]
        }
        Way::Called { contract, .. } => vec![token, (*contract, Vault::ask_grace())],
        _ => Vec::new(),
    }
}

/// Asks a contract account whether a signature is its own (ERC-1271): [`VALID_SIGNATURE`] when it is.
pub fn is_valid_signature(hash: B256, signature: Bytes) -> Bytes {
    abi::isValidSignatureCall { hash, signature }.abi_encode().into()
}

/// The one word that most questions are answered with.
pub fn read_word(answer: &[u8]) -> Option<U256> {
    (answer.len() == 32).then(|| U256::from_be_slice(answer))
}

#[cfg(test)]
mod tests;
