//! A payer's own signed transaction: EIP-1559, calling the token's `transfer` and nothing else
//! (draft-evm-charge, "Transaction Verification").

use alloy_consensus::transaction::RlpEcdsaDecodableTx as _;
use alloy_consensus::{SignableTransaction as _, Signed, TxEip1559};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use farthing_rail::{ProofKey, SignError};

use super::bill::unsigned_because;
use super::calldata::read_transfer;
use crate::buyer::Trace;
use crate::{Account, NotRecoverable, SentNonce, Way, recover};

/// The type byte of an EIP-1559 transaction.
const EIP_1559: u8 = 0x02;

/// What a transaction must do.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedTransaction {
    /// The chain (EIP-155).
    pub chain: u64,
    /// The token.
    pub token: Address,
    /// Who is to be paid.
    pub to: Address,
    /// Base units, exactly.
    pub value: U256,
    /// Who says to pay, when the credential names somebody.
    pub source: Option<Address>,
}

/// Why a transaction does not pay, in words for whoever signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// Not a whole EIP-1559 transaction, or one with something behind it.
    #[error("the transaction cannot be read; send a signed EIP-1559 transaction (0x02...) and nothing else")]
    Form,
    /// For another chain.
    #[error("the transaction is for chain {got}, but the challenge asks to pay on chain {expected}")]
    Chain {
        /// The challenge's chain.
        expected: u64,
        /// The transaction's.
        got: u64,
    },
    /// It does not call the token.
    #[error("the transaction does not call the token {0}; call its transfer directly")]
    Token(Address),
    /// It moves the chain's own coin too.
    #[error("the transaction sends {0} of the chain's own coin along; send none")]
    Value(U256),
    /// It calls something else than `transfer`, or not in the one spelling.
    #[error("the transaction does not call transfer(address,uint256) with exactly its two arguments")]
    Call,
    /// Somebody else would be paid.
    #[error("the transaction pays {got}, but the challenge asks to pay {expected}")]
    Recipient {
        /// Whom the challenge names.
        expected: Address,
        /// Whom the transaction pays.
        got: Address,
    },
    /// Another amount.
    #[error("the transaction is for {got} base units, but the challenge asks for exactly {expected}")]
    Amount {
        /// What the challenge asks for.
        expected: U256,
        /// What the transaction transfers.
        got: U256,
    },
    /// The signature belongs to nobody.
    #[error("the transaction's signature is refused: {0}")]
    Signature(#[from] NotRecoverable),
    /// Signed by another account than the credential says.
    #[error("the transaction is signed by {signer}, but the credential's source is {named}; send your own did or none")]
    Source {
        /// Who signed.
        signer: Address,
        /// Who is named.
        named: Address,
    },
}

/// A transaction that pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayingTransaction {
    /// Who sends it, and so whose money it is.
    pub sender: Address,
    /// How it is to be settled.
    pub way: Way,
    /// What makes it single-use, ever.
    pub key: ProofKey,
}

/// Reads a signed transaction and checks that it pays what is asked, and does nothing else.
pub(super) fn check(raw: &Bytes, expected: &ExpectedTransaction) -> Result<PayingTransaction, TransactionError> {
    let signed = read(raw).ok_or(TransactionError::Form)?;
    let transaction = signed.tx();
    if transaction.chain_id != expected.chain {
        return Err(TransactionError::Chain { expected: expected.chain, got: transaction.chain_id });
    }
    if transaction.to != TxKind::Call(expected.token) {
        return Err(TransactionError::Token(expected.token));
    }
    if !transaction.value.is_zero() {
        return Err(TransactionError::Value(transaction.value));
    }
    let (to, value) = read_transfer(&transaction.input).ok_or(TransactionError::Call)?;
    if to != expected.to {
        return Err(TransactionError::Recipient { expected: expected.to, got: to });
    }
    if value != expected.value {
        return Err(TransactionError::Amount { expected: expected.value, got: value });
    }
    let sender = recover(&transaction.signature_hash(), &signed.signature().as_bytes())?;
    if let Some(named) = expected.source.filter(|named| *named != sender) {
        return Err(TransactionError::Source { signer: sender, named });
    }
    let hash = keccak256(raw);
    let nonce = SentNonce { key: U256::ZERO, number: transaction.nonce };
    Ok(PayingTransaction {
        sender,
        way: Way::Transaction { raw: raw.clone(), hash, sender, nonce, valid_before: None },
        key: key(expected.chain, &hash),
    })
}

/// Signs a transaction with an account's key: the bytes to send.
pub(crate) async fn sign_with(account: &Account, unsigned: TxEip1559) -> Result<Bytes, SignError> {
    let signature = account.sign(&unsigned.encoded_for_signing()).await.map_err(unsigned_because)?;
    let signature = Signature::try_from(signature.as_ref()).map_err(|error| SignError::Key(error.to_string()))?;
    let mut raw = Vec::new();
    Signed::new_unhashed(unsigned, signature).eip2718_encode(&mut raw);
    Ok(raw.into())
}

/// What a signed transaction leaves on its chain.
pub(super) fn trace(raw: &Bytes) -> Option<Trace> {
    let signed = read(raw)?;
    let sender = recover(&signed.tx().signature_hash(), &signed.signature().as_bytes()).ok()?;
    Some(Trace::Transaction { hash: keccak256(raw), numbered: Some((sender, signed.tx().nonce)), valid_before: None })
}

/// What makes a transaction single-use, ever, whether we send it or the payer did.
pub(super) fn key(chain: u64, hash: &B256) -> ProofKey {
    ProofKey::new(format!("eip155:{chain}/tx/{hash:#x}"))
}

/// Reads a transaction that is written in its one spelling.
pub(crate) fn read(raw: &[u8]) -> Option<Signed<TxEip1559>> {
    let (EIP_1559, mut rest) = raw.split_first().map(|(kind, rest)| (*kind, rest))? else { return None };
    let (transaction, signature): (TxEip1559, Signature) = TxEip1559::rlp_decode_with_signature(&mut rest).ok()?;
    let signed = Signed::new_unhashed(transaction, signature);
    let mut again = Vec::with_capacity(raw.len());
    signed.eip2718_encode(&mut again);
    (again == raw).then_some(signed)
}

#[cfg(test)]
mod tests;
