//! What the bytes say that are to be signed. Nothing else is asked.

mod calldata;
mod transaction;
mod typed_data;

use alloy_primitives::{Address, Bytes, U256};
use serde_json::{Value, json};

pub(crate) use transaction::Unsigned;
pub(crate) use typed_data::Typed;

use crate::{Asset, Chain, OwsError, Presented};

/// What signing would do, as far as bytes can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The chain it is good on; `None` when it would be good on any, or on none.
    pub chain: Option<Chain>,
    /// The contract that is called, or that typed data is for.
    pub contract: Option<Address>,
    /// What leaves, or may be taken, as far as it is known.
    pub moves: Vec<Move>,
    /// Why that may not be all; `None` when it is.
    pub unknown: Option<&'static str>,
}

/// So much of an asset, to somebody or for somebody to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// What.
    pub asset: Asset,
    /// Who gets it, or may take it; `None` for what the chain takes as its fee.
    pub payee: Option<Address>,
    /// Base units.
    pub amount: U256,
}

/// What was presented, read.
pub(crate) struct Decoded {
    pub(crate) facts: Facts,
    pub(crate) kind: Kind,
    /// What is hashed and signed.
    pub(crate) signing: Vec<u8>,
}

pub(crate) enum Kind {
    Message,
    Transaction(Unsigned),
    TypedData(Box<Typed>),
}

/// Reads what is to be signed; whatever cannot be read to its last byte is refused.
pub(crate) fn decode(presented: &Presented) -> Result<Decoded, OwsError> {
    match presented {
        Presented::Message(message) => Ok(Decoded {
            facts: Facts::unknown(None, "nobody can tell what a message is worth to whoever reads it"),
            kind: Kind::Message,
            signing: prefixed(message),
        }),
        Presented::Transaction(bytes) => {
            let unsigned = Unsigned::read(bytes)?;
            Ok(Decoded { facts: unsigned.facts()?, kind: Kind::Transaction(unsigned), signing: bytes.clone() })
        }
        Presented::TypedData(json) => {
            let typed = Typed::read(json)?;
            let (facts, signing) = (typed.facts(), typed.message.to_vec());
            Ok(Decoded { facts, kind: Kind::TypedData(Box::new(typed)), signing })
        }
        Presented::Digest(_) => Err(OwsError::InvalidInput(
            "a digest says nothing about what it signs; present the transaction, the message or the typed data itself"
                .into(),
        )),
    }
}

impl Facts {
    /// Nothing is known but the chain.
    pub(crate) fn unknown(chain: Option<Chain>, reason: &'static str) -> Self {
        Self { chain, contract: None, moves: Vec::new(), unknown: Some(reason) }
    }

    /// What moves of each asset, summed up; the largest number there is when it is more.
    pub fn totals(&self) -> std::collections::BTreeMap<Asset, U256> {
        let mut totals = std::collections::BTreeMap::new();
        for Move { asset, amount, .. } in &self.moves {
            let total: &mut U256 = totals.entry(*asset).or_default();
            *total = total.saturating_add(*amount);
        }
        totals
    }

    /// The same, in the form of the standard's `effects`: what each address gets or loses.
    pub(crate) fn effects(&self, own: &str) -> Value {
        let effect = |address: String, asset: &Asset, sign: &str, amount: &U256| {
            let signed = if amount.is_zero() { "0".to_owned() } else { format!("{sign}{amount}") };
            json!({ "address": address, "diff": [[asset.to_string(), signed]] })
        };
        let lost = self.totals();
        let lost = lost.iter().map(|(asset, amount)| effect(own.to_owned(), asset, "-", amount));
        let gained = self.moves.iter().filter_map(|moved| {
            moved.payee.map(|payee| effect(payee.to_checksum(None), &moved.asset, "", &moved.amount))
        });
        lost.chain(gained).collect()
    }
}

/// EIP-191, version 0x45.
fn prefixed(message: &[u8]) -> Vec<u8> {
    let prefix = format!("\x19Ethereum Signed Message:\n{}", message.len());
    [prefix.as_bytes(), message].concat()
}

/// The bytes as `0x` and hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    Bytes::copy_from_slice(bytes).to_string()
}
