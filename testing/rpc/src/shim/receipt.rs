//! Who paid the fee of a transaction, and in which token: anvil's receipts name the sender and no token.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use alloy_consensus::transaction::{SignerRecoverable as _, TxHashRef as _};
use alloy_eips::Decodable2718 as _;
use alloy_primitives::{Address, B256, TxKind, hex};
use serde_json::{Value, json};
use tempo_primitives::TempoTxEnvelope;

/// Tokens have addresses that begin so.
const TOKEN_PREFIX: [u8; 2] = [0x20, 0xc0];

/// pathUSD, in which fees are paid when nothing says otherwise.
const PATH_USD: Address = Address::new([0x20, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/// The fees of the transactions that went through the shim. They are read from the bytes on their way: asking anvil for
/// the bytes of a Tempo transaction ends it.
#[derive(Default)]
pub(super) struct Fees(Mutex<HashMap<B256, Fee>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fee {
    payer: Address,
    token: Address,
}

impl Fees {
    /// Reads the fee out of a signed transaction; of what is none, it remembers nothing.
    pub(super) fn remember(&self, raw: Option<&Value>) {
        if let Some((hash, fee)) = raw.and_then(Value::as_str).and_then(read) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, fee);
        }
    }

    /// The receipt with who paid the fee. No receipt stays none.
    pub(super) fn mended(&self, mut receipt: Value) -> Value {
        let hash = receipt["transactionHash"].as_str().and_then(|hash| hash.parse::<B256>().ok());
        let fees = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fee) = hash.and_then(|hash| fees.get(&hash)) {
            receipt["feePayer"] = json!(fee.payer.to_string().to_lowercase());
            receipt["feeToken"] = json!(fee.token.to_string().to_lowercase());
        }
        receipt
    }
}

fn read(raw: &str) -> Option<(B256, Fee)> {
    let bytes = hex::decode(raw).ok()?;
    let transaction = TempoTxEnvelope::decode_2718(&mut bytes.as_slice()).ok()?;
    let payer = transaction.fee_payer(transaction.recover_signer().ok()?).ok()?;
    let called = transaction.calls().find_map(|(to, _)| match to {
        TxKind::Call(to) if to.starts_with(&TOKEN_PREFIX) => Some(to),
        _ => None,
    });
    let token = transaction.fee_token().or(called).unwrap_or(PATH_USD);
    Some((*transaction.tx_hash(), Fee { payer, token }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that the official libraries make, with who is who.
    fn known(pointer: &str) -> Value {
        let all = include_str!("../../../../crates/rails/evm/tests/vectors/tempo-bytes.json");
        serde_json::from_str::<Value>(all).unwrap().pointer(pointer).unwrap().clone()
    }

    /// The receipt of a transaction that went through the shim.
    fn receipt(raw: &Value) -> Value {
        let fees = Fees::default();
        fees.remember(Some(raw));
        let hash = read(raw.as_str().unwrap()).unwrap().0;
        fees.mended(json!({ "transactionHash": hash, "feePayer": "whoever anvil says" }))
    }

    #[test]
    fn whoever_signed_for_the_fee_is_named() {
        let path_usd = json!(PATH_USD.to_string().to_lowercase());
        for (raw, payer) in [("/own_fee", "/accounts/payer"), ("/sponsored/cosigned", "/accounts/sponsor")] {
            let receipt = receipt(&known(raw));
            assert_eq!((&receipt["feePayer"], &receipt["feeToken"]), (&known(payer), &path_usd), "{raw}");
        }
    }

    #[test]
    fn what_did_not_pass_by_stays_as_it_is() {
        let fees = Fees::default();
        fees.remember(Some(&json!("0x02c0")));
        assert_eq!(fees.mended(Value::Null), Value::Null);
        let foreign = json!({ "transactionHash": B256::ZERO, "feePayer": "0x1" });
        assert_eq!(fees.mended(foreign.clone()), foreign);
    }
}
