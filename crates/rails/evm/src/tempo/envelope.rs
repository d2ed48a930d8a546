//! A Tempo transaction as a payer signed it.

use alloy_consensus::SignableTransaction as _;
use alloy_primitives::{Address, B256, Keccak256};
use tempo_primitives::AASigned;
use tempo_primitives::transaction::{FEE_PAYER_SIGNATURE_MARKER, TEMPO_TX_TYPE_ID, TempoSignature, TempoTransaction};

use super::fields::{self, Fields};
use super::sender::{Sender, SenderError, read_signature};

/// The first byte of the sponsored form, and of what a sponsor signs.
pub(super) const SPONSORED_TYPE_ID: u8 = 0x78;

/// The mark that a payer leaves for the fee payer, as this crate's decoder wants it: an all-zero
/// signature.
const MARK: &[u8] = &[0xc3, 0x80, 0x80, 0x80];

/// A transaction with its sender's signature, checked, and not yet anybody's else.
///
/// It comes in three forms: with type 0x76 and nothing in the fee payer's place, when the sender
/// pays the fee; with type 0x76 and a mark in that place; and with type 0x78 and the sender's
/// address in it, which both official clients send for a sponsor.
#[derive(Clone, Debug)]
pub struct Envelope {
    signed: AASigned,
    sender: Sender,
    replay_hash: B256,
}

/// Why bytes are not a transaction that a payer signed, in words for whoever wrote the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Another kind of transaction, or none.
    #[error("this is no Tempo transaction; it begins with 0x76, or with 0x78 for a sponsor")]
    Type,
    /// The encoding is broken.
    #[error("the transaction cannot be read: {0}")]
    Unreadable(alloy_rlp::Error),
    /// A fee payer other than the sender and us.
    #[error(
        "the transaction carries a fee payer's signature already, which could be exchanged for another; \
         let the sender pay the fee, or leave the place for this server"
    )]
    AlreadySponsored,
    /// The sponsored form names somebody who did not sign.
    #[error("the transaction names {named} as its sender but {signed} signed it")]
    Sender {
        /// The address in it.
        named: Address,
        /// Who signed.
        signed: Address,
    },
    /// See [`SenderError`].
    #[error(transparent)]
    Signature(#[from] SenderError),
}

impl From<alloy_rlp::Error> for EnvelopeError {
    fn from(error: alloy_rlp::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl Envelope {
    /// Reads any of the three forms and recovers the sender.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let (kind, list) = bytes.split_first().ok_or(EnvelopeError::Type)?;
        if ![TEMPO_TX_TYPE_ID, SPONSORED_TYPE_ID].contains(kind) {
            return Err(EnvelopeError::Type);
        }
        let fields = Fields::of(list)?;
        read_signature(fields.signature()?)?;
        let (named, mark) = match (*kind, fields.fee_payer()) {
            (TEMPO_TX_TYPE_ID, fields::EMPTY) => (None, fields::EMPTY),
            (TEMPO_TX_TYPE_ID, [0x00] | MARK) => (None, MARK),
            (TEMPO_TX_TYPE_ID, _) => return Err(EnvelopeError::AlreadySponsored),
            (_, field) => (Some(fields::address(field).ok_or(alloy_rlp::Error::UnexpectedLength)?), MARK),
        };
        let uniform = fields.with_fee_payer(TEMPO_TX_TYPE_ID, mark);
        let (_, mut list) = uniform.split_at(1);
        let envelope = Self::of(AASigned::rlp_decode(&mut list)?)?;
        let signed = envelope.sender.account;
        match named {
            Some(named) if named != signed => Err(EnvelopeError::Sender { named, signed }),
            _ => Ok(envelope),
        }
    }

    /// Joins a transaction and its sender's signature.
    pub fn join(transaction: TempoTransaction, signature: &[u8]) -> Result<Self, EnvelopeError> {
        Self::of(transaction.into_signed(read_signature(signature)?))
    }

    fn of(signed: AASigned) -> Result<Self, EnvelopeError> {
        let mut hasher = Keccak256::new();
        hasher.update(signing_message(signed.tx()));
        let sender = Sender::recover(signed.signature(), &hasher.clone().finalize())?;
        hasher.update(sender.account);
        Ok(Self { signed, sender, replay_hash: hasher.finalize() })
    }

    /// The transaction.
    pub fn transaction(&self) -> &TempoTransaction {
        self.signed.tx()
    }

    /// The sender's signature.
    pub fn signature(&self) -> &TempoSignature {
        self.signed.signature()
    }

    /// Who signed.
    pub fn sender(&self) -> Sender {
        self.sender
    }

    /// Whether the payer leaves the fee to a sponsor.
    pub fn wants_sponsor(&self) -> bool {
        self.transaction().fee_payer_signature.is_some()
    }

    /// What makes it single-use on the chain when its nonce expires (TIP-1009), whoever pays the
    /// fee: the hash of the signed bytes and the sender.
    pub fn replay_hash(&self) -> B256 {
        self.replay_hash
    }

    /// The transaction's hash. Only that of a transaction whose sender pays the fee is final.
    pub fn hash(&self) -> B256 {
        *self.signed.hash()
    }

    /// The bytes to send: to the chain when the sender pays the fee, and to the sponsor otherwise.
    ///
    /// However the transaction was spelled when it was read, these are the same.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EnvelopeError> {
        let mut bytes = Vec::with_capacity(512);
        self.signed.eip2718_encode(&mut bytes);
        if !self.wants_sponsor() {
            return Ok(bytes);
        }
        let (_, list) = bytes.split_at(1);
        let sender = fields::encoded(self.sender.account);
        Ok(Fields::of(list)?.with_fee_payer(SPONSORED_TYPE_ID, &sender))
    }

    /// What a sponsor signs to pay the fee in this token.
    pub(super) fn sponsor_message(&self, fee_token: Address) -> Result<Vec<u8>, EnvelopeError> {
        let mut bytes = Vec::with_capacity(512);
        self.signed.eip2718_encode(&mut bytes);
        let (_, list) = bytes.split_at(1);
        Ok(Fields::of(list)?.for_sponsor(SPONSORED_TYPE_ID, fee_token, self.sender.account))
    }

    /// Takes the transaction and its sender's signature apart.
    pub(super) fn into_parts(self) -> (TempoTransaction, TempoSignature) {
        let (transaction, signature, _) = self.signed.into_parts();
        (transaction, signature)
    }
}

/// The bytes whose Keccak-256 the sender signs.
pub fn signing_message(transaction: &TempoTransaction) -> Vec<u8> {
    let mut message = Vec::with_capacity(transaction.payload_len_for_signature());
    transaction.encode_for_signing(&mut message);
    message
}

/// Leaves the fee, and the token in which it is paid, to a sponsor.
pub fn leave_fee(transaction: &mut TempoTransaction) {
    transaction.fee_token = None;
    transaction.fee_payer_signature = Some(FEE_PAYER_SIGNATURE_MARKER);
}

#[cfg(test)]
mod tests;
