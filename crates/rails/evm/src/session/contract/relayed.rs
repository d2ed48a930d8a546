//! Calls that somebody sends for a party that signed them. Only the EVM contract knows them.

use alloy_primitives::Bytes;

use super::abi::evm;
use super::calls::data;
use crate::session::{ChannelTerms, DepositProof, TopUpPayload, Vault};

impl Vault {
    /// Opens a channel with the money that its payer signed for; nothing for what payers send by themselves.
    pub fn open_for_payer(&self, terms: &ChannelTerms, deposit: &DepositProof) -> Option<Bytes> {
        let ChannelTerms { payee, token, salt, authorized_signer, .. } = *terms;
        match deposit {
            DepositProof::Authorization(signed) => Some(data(&evm::openWithAuthorizationCall {
                payee,
                token,
                deposit: u128::try_from(signed.value).ok()?,
                salt,
                authorizedSigner: authorized_signer,
                from: signed.from,
                validAfter: signed.valid_after,
                validBefore: signed.valid_before,
                nonce: signed.nonce,
                signature: signed.signature.clone(),
            })),
            DepositProof::Permit2(signed) => Some(data(&evm::openWithPermit2Call {
                payee,
                token,
                deposit: u128::try_from(signed.amount).ok()?,
                salt,
                authorizedSigner: authorized_signer,
                from: signed.from,
                nonce: signed.nonce,
                deadline: signed.deadline,
                signature: signed.signature.clone(),
            })),
            DepositProof::Transaction(_) | DepositProof::Hash(_) => None,
        }
    }

    /// The same for a top-up.
    pub fn top_up_for_payer(&self, top_up: &TopUpPayload) -> Option<Bytes> {
        let (channel, additional) = (top_up.channel, top_up.additional.units());
        match &top_up.deposit {
            DepositProof::Authorization(signed) => Some(data(&evm::topUpWithAuthorizationCall {
                channelId: channel,
                additionalDeposit: additional,
                from: signed.from,
                topUpSalt: top_up.salt?,
                validAfter: signed.valid_after,
                validBefore: signed.valid_before,
                nonce: signed.nonce,
                signature: signed.signature.clone(),
            })),
            DepositProof::Permit2(signed) => Some(data(&evm::topUpWithPermit2Call {
                channelId: channel,
                additionalDeposit: additional,
                from: signed.from,
                nonce: signed.nonce,
                deadline: signed.deadline,
                signature: signed.signature.clone(),
            })),
            DepositProof::Transaction(_) | DepositProof::Hash(_) => None,
        }
    }
}
