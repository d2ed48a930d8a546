use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue as _;
use farthing_protocol::JsonObject;
use serde::{Deserialize, Serialize};

use super::{Vault, VaultKind};
use crate::evm::payload::{InvalidPayload, address, word};

/// What a channel is made of, and its id is the hash of. What its kind of vault does not know is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChannelTerms {
    /// Whose deposit it is.
    pub payer: Address,
    /// Who is paid.
    pub payee: Address,
    /// Who may settle and close for the payee; only in the reserve.
    pub operator: Address,
    /// The token's contract.
    pub token: Address,
    /// Chosen by the payer.
    pub salt: B256,
    /// Whose signature vouchers need; zero is the payer.
    pub authorized_signer: Address,
    /// The hash of the transaction that opened it, as expiring nonces have it (TIP-1009); only in the
    /// reserve.
    pub expiring_nonce_hash: B256,
}

/// Not the descriptor of a channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payload's \"descriptor\" is not that of a channel: {0}")]
pub struct NotADescriptor(#[from] InvalidPayload);

impl ChannelTerms {
    /// The account whose signature vouchers need.
    pub fn signer(&self) -> Address {
        if self.authorized_signer.is_zero() { self.payer } else { self.authorized_signer }
    }

    /// The channel's id in this vault.
    pub fn id_in(&self, vault: &Vault) -> B256 {
        let Self { payer, payee, operator, token, salt, authorized_signer, expiring_nonce_hash } = *self;
        let (escrow, chain) = (vault.contract, U256::from(vault.chain));
        keccak256(match vault.kind {
            VaultKind::Reserve => {
                (payer, payee, operator, token, salt, authorized_signer, expiring_nonce_hash, escrow, chain)
                    .abi_encode()
            }
            VaultKind::Stream | VaultKind::Evm => {
                (payer, payee, token, salt, authorized_signer, escrow, chain).abi_encode()
            }
        })
    }

    /// Reads a descriptor, as it stands in every credential of the reserve.
    pub fn read(object: &JsonObject) -> Result<Self, NotADescriptor> {
        Ok(Self {
            payer: address(object, "payer")?,
            payee: address(object, "payee")?,
            operator: address(object, "operator")?,
            token: address(object, "token")?,
            salt: word(object, "salt")?,
            authorized_signer: address(object, "authorizedSigner")?,
            expiring_nonce_hash: word(object, "expiringNonceHash")?,
        })
    }

    /// As it travels.
    pub fn to_object(&self) -> JsonObject {
        let members = [
            ("payer", self.payer.to_checksum(None)),
            ("payee", self.payee.to_checksum(None)),
            ("operator", self.operator.to_checksum(None)),
            ("token", self.token.to_checksum(None)),
            ("salt", self.salt.to_string()),
            ("authorizedSigner", self.authorized_signer.to_checksum(None)),
            ("expiringNonceHash", self.expiring_nonce_hash.to_string()),
        ];
        members.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn ids_in_the_reserve_are_the_published_ones() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/tempo.json")).unwrap();
        for case in vectors["channel_id"]["cases"].as_array().unwrap() {
            let terms = ChannelTerms::read(case.as_object().unwrap()).unwrap();
            let vault = Vault::reserve(case["chainId"].as_u64().unwrap());
            assert_eq!(terms.id_in(&vault).to_string(), case["expected"].as_str().unwrap());
            assert_eq!(ChannelTerms::read(&terms.to_object()), Ok(terms));
        }
    }

    #[test]
    fn vouchers_need_the_payer_unless_somebody_else_is_named() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/tempo.json")).unwrap();
        let mut terms = ChannelTerms::read(vectors["channel_id"]["cases"][0].as_object().unwrap()).unwrap();
        assert_eq!(terms.signer(), terms.authorized_signer);
        terms.authorized_signer = Address::ZERO;
        assert_eq!(terms.signer(), terms.payer);
    }

    #[test]
    fn a_descriptor_is_read_whole_or_not_at_all() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/tempo.json")).unwrap();
        let whole = vectors["channel_id"]["cases"][0].as_object().unwrap();
        for member in ["payer", "payee", "operator", "token", "salt", "authorizedSigner", "expiringNonceHash"] {
            let mut object = whole.clone();
            object.remove(member);
            assert!(ChannelTerms::read(&object).unwrap_err().to_string().contains(member));
        }
    }
}
