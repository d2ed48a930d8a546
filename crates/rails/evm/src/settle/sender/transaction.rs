//! An EIP-1559 transaction of our own: made, signed, and read back from its bytes.

use alloy_consensus::transaction::RlpEcdsaEncodableTx as _;
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};

use super::fees::Offer;
use crate::{Account, AccountError};

/// What it takes to do nothing at all.
const GAS_OF_NOTHING: u64 = 21_000;
/// On Tempo an account's first use and the fee token's transfer cost more.
const GAS_OF_NOTHING_ON_TEMPO: u64 = 300_000;
const TEMPO_CHAINS: [u64; 3] = [4217, 42431, 1337];

/// What a transaction does, whatever it offers for gas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) chain: u64,
    pub(super) nonce: u64,
    pub(super) to: Address,
    pub(super) data: Bytes,
    pub(super) gas: u64,
}

/// A signed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) hash: B256,
    pub(super) raw: Bytes,
    pub(super) offer: Offer,
}

impl Intent {
    /// A transaction that does nothing but take its place.
    pub(super) fn nothing(chain: u64, nonce: u64, signer: Address) -> Self {
        let gas = if TEMPO_CHAINS.contains(&chain) { GAS_OF_NOTHING_ON_TEMPO } else { GAS_OF_NOTHING };
        Self { chain, nonce, to: signer, data: Bytes::new(), gas }
    }

    /// The most it may cost.
    pub(super) fn cost(&self, offer: &Offer) -> u128 {
        u128::from(self.gas).saturating_mul(offer.most)
    }

    pub(super) async fn sign(&self, account: &Account, offer: Offer) -> Result<Signed, AccountError> {
        let transaction = TxEip1559 {
            chain_id: self.chain,
            nonce: self.nonce,
            gas_limit: self.gas,
            max_fee_per_gas: offer.most,
            max_priority_fee_per_gas: offer.tip,
            to: TxKind::Call(self.to),
            value: U256::ZERO,
            access_list: alloy_eips::eip2930::AccessList::default(),
            input: self.data.clone(),
        };
        let signature = account.sign(&transaction.encoded_for_signing()).await?;
        let foreign = || AccountError::Foreign(account.address());
        let signature = Signature::from_raw(&signature).map_err(|_| foreign())?;
        let mut raw = Vec::with_capacity(transaction.eip2718_encoded_length(&signature));
        transaction.eip2718_encode(&signature, &mut raw);
        Ok(Signed { hash: keccak256(&raw), raw: raw.into(), offer })
    }
}

/// Reads back what was signed here.
pub(super) fn read(raw: &Bytes) -> Option<(Intent, Signed)> {
    let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718(&mut raw.as_ref()).ok()? else { return None };
    let transaction = signed.tx();
    let intent = Intent {
        chain: transaction.chain_id,
        nonce: transaction.nonce,
        to: *transaction.to.to()?,
        data: transaction.input.clone(),
        gas: transaction.gas_limit,
    };
    let offer = Offer { tip: transaction.max_priority_fee_per_gas, most: transaction.max_fee_per_gas };
    Some((intent, Signed { hash: *signed.hash(), raw: raw.clone(), offer }))
}
