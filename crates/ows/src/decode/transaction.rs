//! Unsigned transactions of EVM chains.

use alloy_consensus::{SignableTransaction, Transaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Signature, TxKind, U256};
use alloy_rlp::Decodable;

use super::calldata;
use crate::decode::{Facts, Move};
use crate::{Asset, Chain, OwsError};

/// The type byte of transactions that carry blobs (EIP-4844).
const BLOBS: u8 = 0x03;
/// The type byte of Tempo's own transactions.
const TEMPO: u8 = 0x76;

/// A transaction that nobody signed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsigned {
    Legacy(TxLegacy),
    Eip2930(TxEip2930),
    Eip1559(TxEip1559),
    Eip7702(TxEip7702),
}

impl Unsigned {
    /// Reads a transaction that is written in its one spelling, with nothing behind it.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, OwsError> {
        let malformed = || {
            OwsError::InvalidInput(
                "the bytes are not an unsigned transaction in its one spelling: legacy with its chain (EIP-155), \
                 EIP-2930, EIP-1559 or EIP-7702"
                    .into(),
            )
        };
        let unsigned = match bytes {
            [0x01, rest @ ..] => exactly(rest).map(Self::Eip2930),
            [0x02, rest @ ..] => exactly(rest).map(Self::Eip1559),
            [0x04, rest @ ..] => exactly(rest).map(Self::Eip7702),
            [kind @ (BLOBS | TEMPO), ..] => {
                return Err(OwsError::ChainNotSupported(format!("a transaction of type {kind:#04x}")));
            }
            _ => exactly(bytes).map(Self::Legacy),
        };
        let unsigned = unsigned.ok_or_else(malformed)?;
        if unsigned.signing() == bytes { Ok(unsigned) } else { Err(malformed()) }
    }

    /// What it does.
    pub(crate) fn facts(&self) -> Result<Facts, OwsError> {
        let transaction = self.fields();
        let chain = transaction.chain_id().map(Chain).ok_or_else(|| {
            OwsError::InvalidInput("the transaction names no chain, so it would be good on all; name one".into())
        })?;
        let coin = Asset { chain, token: None };
        let fee = U256::from(transaction.gas_limit()).saturating_mul(U256::from(transaction.max_fee_per_gas()));
        let mut moves = vec![Move { asset: coin, payee: None, amount: fee }];
        let contract = transaction.to();
        if !transaction.value().is_zero() {
            moves.push(Move { asset: coin, payee: contract, amount: transaction.value() });
        }
        let unknown = match (contract, transaction.input().as_ref()) {
            (None, _) => Some("it makes a contract, and what that does nobody can tell"),
            (Some(_), []) => None,
            (Some(token), data) => match calldata::paid_by(data) {
                Some((payee, amount)) => {
                    moves.push(Move { asset: Asset { chain, token: Some(token) }, payee: Some(payee), amount });
                    None
                }
                None => Some("it calls a contract in words that are not decoded here"),
            },
        };
        let delegates = transaction.authorization_list().is_some_and(|list| !list.is_empty());
        let unknown = unknown.or(delegates.then_some("it hands accounts over to contracts (EIP-7702)"));
        Ok(Facts { chain: Some(chain), contract, moves, unknown })
    }

    /// Who is called: `None` for a transaction that makes a contract.
    pub(crate) fn to(&self) -> Option<Address> {
        match self.fields().kind() {
            TxKind::Call(to) => Some(to),
            TxKind::Create => None,
        }
    }

    /// How much of the chain's own coin goes along.
    pub(crate) fn value(&self) -> U256 {
        self.fields().value()
    }

    /// What is said to the contract.
    pub(crate) fn data(&self) -> &[u8] {
        self.fields().input()
    }

    /// The whole transaction with its signature, ready to be sent.
    pub(crate) fn signed(&self, signature: &[u8; 65]) -> Vec<u8> {
        let signature = Signature::from_bytes_and_parity(signature.split_at(64).0, signature.last() == Some(&1));
        match self.clone() {
            Self::Legacy(transaction) => transaction.into_signed(signature).encoded_2718(),
            Self::Eip2930(transaction) => transaction.into_signed(signature).encoded_2718(),
            Self::Eip1559(transaction) => transaction.into_signed(signature).encoded_2718(),
            Self::Eip7702(transaction) => transaction.into_signed(signature).encoded_2718(),
        }
    }

    fn fields(&self) -> &dyn Transaction {
        match self {
            Self::Legacy(transaction) => transaction,
            Self::Eip2930(transaction) => transaction,
            Self::Eip1559(transaction) => transaction,
            Self::Eip7702(transaction) => transaction,
        }
    }

    fn signing(&self) -> Vec<u8> {
        match self {
            Self::Legacy(transaction) => transaction.encoded_for_signing(),
            Self::Eip2930(transaction) => transaction.encoded_for_signing(),
            Self::Eip1559(transaction) => transaction.encoded_for_signing(),
            Self::Eip7702(transaction) => transaction.encoded_for_signing(),
        }
    }
}

fn exactly<T: Decodable>(mut bytes: &[u8]) -> Option<T> {
    let read = T::decode(&mut bytes).ok()?;
    bytes.is_empty().then_some(read)
}

#[cfg(test)]
mod tests;
