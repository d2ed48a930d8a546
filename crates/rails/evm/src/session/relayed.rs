//! What a payer signs so that somebody else sends its deposit (draft-evm-session, "Open Payload").
//!
//! An EIP-3009 authorization names no more than the escrow, so its nonce is made of the channel's terms; a
//! Permit2 transfer has them in its witness. Either is good for one channel of one payee.

use alloy_primitives::{Address, B256, U256, b256, keccak256};
use alloy_sol_types::SolValue as _;
use farthing_money::Amount;
use farthing_protocol::JsonObject;

use super::{ChannelTerms, PermittedDeposit, ReceiveAuthorization, Vault};
use crate::eip712::{Domain, message, struct_hash};
use crate::evm::calldata::PERMIT2;

/// `ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256
/// validBefore,bytes32 nonce)`.
const RECEIVE_WITH_AUTHORIZATION: B256 = b256!("d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8");

const TOKEN_PERMISSIONS: &str = "TokenPermissions(address token,uint256 amount)";

/// What the witness of a Permit2 deposit says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DepositWitness {
    /// The terms of the channel that it opens.
    Open {
        /// Who is paid.
        payee: Address,
        /// Chosen by the payer.
        salt: B256,
        /// Whose signature vouchers need; zero is the payer.
        authorized_signer: Address,
    },
    /// The channel that it adds to.
    TopUp {
        /// Its id.
        channel: B256,
    },
}

impl DepositWitness {
    /// For opening a channel of these terms.
    pub fn opening(terms: &ChannelTerms) -> Self {
        let ChannelTerms { payee, salt, authorized_signer, .. } = *terms;
        Self::Open { payee, salt, authorized_signer }
    }

    /// As it travels, beside what is signed.
    pub fn to_object(&self) -> JsonObject {
        let members = match self {
            Self::Open { payee, salt, authorized_signer } => vec![
                ("payee", payee.to_checksum(None)),
                ("salt", salt.to_string()),
                ("authorizedSigner", authorized_signer.to_checksum(None)),
            ],
            Self::TopUp { channel } => vec![("channelId", channel.to_string())],
        };
        members.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect()
    }

    /// Name and type.
    const fn types(&self) -> (&'static str, &'static str) {
        match self {
            Self::Open { .. } => {
                ("ChannelOpenWitness", "ChannelOpenWitness(address payee,bytes32 salt,address authorizedSigner)")
            }
            Self::TopUp { .. } => ("ChannelTopUpWitness", "ChannelTopUpWitness(bytes32 channelId)"),
        }
    }

    fn hash(&self) -> B256 {
        let words = match self {
            Self::Open { payee, salt, authorized_signer } => {
                vec![payee.into_word(), *salt, authorized_signer.into_word()]
            }
            Self::TopUp { channel } => vec![*channel],
        };
        struct_hash(&keccak256(self.types().1), &words)
    }
}

impl ReceiveAuthorization {
    /// The nonce of an authorization that opens a channel of these terms with its payer's money.
    pub fn opening_nonce(terms: &ChannelTerms) -> B256 {
        let ChannelTerms { payer, payee, token, salt, authorized_signer, .. } = *terms;
        keccak256((payer, payee, token, salt, authorized_signer).abi_encode())
    }

    /// The nonce of one that adds to a channel, with anybody's money.
    pub fn top_up_nonce(channel: B256, additional: Amount, from: Address, salt: B256) -> B256 {
        keccak256((channel, U256::from(additional.units()), from, salt).abi_encode())
    }

    /// The 66 bytes that are signed, for the domain of a token.
    pub fn message(&self, separator: &B256) -> [u8; 66] {
        let words = [
            self.from.into_word(),
            self.to.into_word(),
            self.value.into(),
            self.valid_after.into(),
            self.valid_before.into(),
            self.nonce,
        ];
        message(separator, &struct_hash(&RECEIVE_WITH_AUTHORIZATION, &words))
    }
}

impl PermittedDeposit {
    /// The 66 bytes that are signed, for the vault that takes the deposit.
    pub fn message(&self, vault: &Vault, witness: &DepositWitness) -> [u8; 66] {
        let (name, kind) = witness.types();
        let type_hash = keccak256(format!(
            "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 \
             deadline,{name} witness){kind}{TOKEN_PERMISSIONS}"
        ));
        let permitted = struct_hash(&keccak256(TOKEN_PERMISSIONS), &[self.token.into_word(), self.amount.into()]);
        let words = [permitted, vault.contract.into_word(), self.nonce.into(), self.deadline.into(), witness.hash()];
        let domain = Domain { name: "Permit2", version: None, chain: vault.chain, contract: Some(PERMIT2) };
        message(&domain.separator(), &struct_hash(&type_hash, &words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_hashes_are_those_of_the_draft() {
        let receive = "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 \
                       validBefore,bytes32 nonce)";
        assert_eq!(keccak256(receive), RECEIVE_WITH_AUTHORIZATION);
        let hash = |witness: DepositWitness| keccak256(witness.types().1).to_string();
        let open = DepositWitness::Open { payee: Address::ZERO, salt: B256::ZERO, authorized_signer: Address::ZERO };
        assert_eq!(hash(open), "0x2d56d4bac580dcfbd851edfd7c93ebf41a18f42956732b215dcdfa1760be6014");
        let top_up = DepositWitness::TopUp { channel: B256::ZERO };
        assert_eq!(hash(top_up), "0x96eb8764419b2871ed49f3d5fa8666eb8d73b2eaf4c1b86839d654861f82d965");
        let permissions = keccak256(TOKEN_PERMISSIONS).to_string();
        assert_eq!(permissions, "0x618358ac3db8dc274f0cd8829da7e234bd48cd73c4a740aede1adec9846d06a1");
    }
}
