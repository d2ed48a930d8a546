//! Calls that somebody sends for a party that signed them. Only the EVM contract knows them.

use alloy_primitives::{B256, Bytes, U256};
use farthing_money::Amount;

use super::abi::{channels, evm};
use super::calls::{data, exact};
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

/// What a payee tells the EVM contract to take, read out of its call: somebody else sends it once it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayeeCall {
    /// The channel.
    pub channel: B256,
    /// The voucher's total.
    pub cumulative: Amount,
    /// Whether it ends the channel.
    pub closes: bool,
    /// The voucher's signature; empty where nothing more is taken.
    voucher: Bytes,
}

impl PayeeCall {
    /// Reads the data of a call that settles or closes, to the byte.
    pub fn read(call: &[u8]) -> Option<Self> {
        if let Some(settle) = exact::<channels::settleCall>(call) {
            let (channel, cumulative) = (settle.channelId, Amount::new(settle.cumulativeAmount));
            return Some(Self { channel, cumulative, closes: false, voucher: settle.signature });
        }
        let close: channels::closeCall = exact(call)?;
        let (channel, cumulative) = (close.channelId, Amount::new(close.cumulativeAmount));
        Some(Self { channel, cumulative, closes: true, voucher: close.signature })
    }

    /// The same for anybody to send: `signature` is the payee's over [`Vault::payee_message`].
    pub fn authorized(&self, nonce: U256, deadline: U256, signature: Bytes) -> Bytes {
        let (channel, cumulative, voucher) = (self.channel, self.cumulative.units(), self.voucher.clone());
        if self.closes {
            return data(&evm::closeWithAuthorizationCall {
                channelId: channel,
                cumulativeAmount: cumulative,
                nonce,
                deadline,
                payeeSignature: signature,
                voucherSignature: voucher,
            });
        }
        data(&evm::settleWithAuthorizationCall {
            channelId: channel,
            cumulativeAmount: cumulative,
            nonce,
            deadline,
            payeeSignature: signature,
            voucherSignature: voucher,
        })
    }
}
