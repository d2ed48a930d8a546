//! EIP-712: what a key signs when it signs typed data.

use alloy_primitives::{Address, B256, U256, keccak256};

/// Whom a typed message is meant for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Domain<'a> {
    pub(crate) name: &'a str,
    /// Permit2 has none.
    pub(crate) version: Option<&'a str>,
    pub(crate) chain: u64,
    /// A message that is not for a contract has none.
    pub(crate) contract: Option<Address>,
}

impl Domain<'_> {
    /// The domain separator.
    pub(crate) fn separator(&self) -> B256 {
        let mut fields = String::from("EIP712Domain(string name");
        let mut words = vec![keccak256(self.name)];
        if let Some(version) = self.version {
            fields.push_str(",string version");
            words.push(keccak256(version));
        }
        fields.push_str(",uint256 chainId");
        words.push(U256::from(self.chain).into());
        if let Some(contract) = self.contract {
            fields.push_str(",address verifyingContract");
            words.push(contract.into_word());
        }
        fields.push(')');
        struct_hash(&keccak256(fields), &words)
    }
}

/// The hash of a struct whose members take one word each.
pub(crate) fn struct_hash(type_hash: &B256, words: &[B256]) -> B256 {
    let mut bytes = Vec::with_capacity(32 * (words.len() + 1));
    bytes.extend_from_slice(type_hash.as_slice());
    words.iter().for_each(|word| bytes.extend_from_slice(word.as_slice()));
    keccak256(bytes)
}

/// The 66 bytes whose Keccak-256 hash is signed.
pub(crate) fn message(separator: &B256, struct_hash: &B256) -> [u8; 66] {
    let mut bytes = [0; 66];
    let (prefix, rest) = bytes.split_at_mut(2);
    prefix.copy_from_slice(&[0x19, 0x01]);
    let (first, second) = rest.split_at_mut(32);
    first.copy_from_slice(separator.as_slice());
    second.copy_from_slice(struct_hash.as_slice());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{address, b256};

    #[test]
    fn separators_are_those_that_live_contracts_answer() {
        let usdc = Domain {
            name: "USD Coin",
            version: Some("2"),
            chain: 1,
            contract: Some(address!("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")),
        };
        assert_eq!(usdc.separator(), b256!("06c37168a7db5138defc7866392bb87a741f9b3d104deb5094588ce041cae335"));
        let permit2 = Domain {
            name: "Permit2",
            version: None,
            chain: 1,
            contract: Some(address!("000000000022d473030f116ddee9f6b43ac78ba3")),
        };
        assert_eq!(permit2.separator(), b256!("866a5aba21966af95d6c7ab78eb2b2fc913915c28be3b9aa07cc04ff903e3f28"));
    }
}
