//! EIP-712 typed data whose members are numbers and texts, and whose domain has no contract.

use sha3::{Digest, Keccak256};

/// A member's value.
pub(super) enum Member<'a> {
    /// `uint256`.
    Number(u64),
    /// `string`.
    Text(&'a str),
}

/// The 66 bytes whose Keccak-256 hash is signed.
pub(super) fn message(domain: &str, kind: &str, members: &[Member<'_>]) -> [u8; 66] {
    let domain = hash_struct(
        "EIP712Domain(string name,string version,uint256 chainId)",
        &[Member::Text(domain), Member::Text("1"), Member::Number(1)],
    );
    let mut bytes = [0; 66];
    let parts = [0x19, 0x01].into_iter().chain(domain).chain(hash_struct(kind, members));
    bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    bytes
}

fn hash_struct(kind: &str, members: &[Member<'_>]) -> [u8; 32] {
    let mut hasher = Keccak256::new_with_prefix(Keccak256::digest(kind));
    for member in members {
        match member {
            Member::Number(number) => hasher.update(u256(*number)),
            Member::Text(text) => hasher.update(Keccak256::digest(text)),
        }
    }
    hasher.finalize().into()
}

fn u256(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(byte, part)| *byte = part);
    word
}
