//! The suite's operations on Tempo: receipts, signed transactions, and paying their fees.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use farthing_keys::{LocalSigner, Secp256k1Key};
use farthing_protocol::{ChargeRequest, JsonObject, Timestamp};
use farthing_rail_evm::log::{Log, satisfy};
use farthing_rail_evm::tempo::{
    Envelope, Payload, SponsorPolicy, TempoRequest, attributed, cosign, leave_fee, match_calls, signing_message,
};
use farthing_rail_evm::{Account, Memo, Payment, Way};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempo_primitives::AASigned;
use tempo_primitives::transaction::{Call, TempoTransaction};

use super::objects::text;
use super::{Failure, Kind, World};

/// A receipt in JSON-RPC's form, as far as it is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    transaction_hash: B256,
    status: String,
    logs: Vec<ReceiptLog>,
}

#[derive(Deserialize)]
struct ReceiptLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

/// A transaction to be signed, in the suite's form.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intended {
    chain_id: u64,
    max_priority_fee_per_gas: u128,
    max_fee_per_gas: u128,
    gas_limit: u64,
    calls: Vec<IntendedCall>,
    access_list: Vec<(Address, Vec<B256>)>,
    /// A number, or `max`.
    nonce_key: Value,
    nonce: u64,
    /// A number, or `now+` and a number of seconds.
    valid_before: Value,
    fee_token: Option<Address>,
}

#[derive(Deserialize)]
struct IntendedCall {
    to: Address,
    value: u64,
    data: Bytes,
}

/// Whether a receipt shows the payment that a credential claims.
pub(super) fn verify_receipt(input: &JsonObject) -> Result<Value, Failure> {
    let credential = member(input, "credential")?;
    let Payload::Hash(hash) = payload(credential)? else {
        return Err(refused("a receipt is for a credential with a hash"));
    };
    let receipt: Receipt = read(input, "receipt")?;
    if receipt.transaction_hash != hash {
        return Err(refused("the receipt is another transaction's"));
    }
    if receipt.status != "0x1" {
        return Err(refused("the transaction reverted"));
    }
    let challenge = member(credential, "challenge")?;
    let request = request(challenge)?;
    let legs = request.legs(memo_of(challenge)?).map_err(refused)?;
    let way = Way::Shown { hash, not_before: 0 };
    let payment = Payment { chain: request.chain, token: request.token, payer: None, legs, way };
    let log = |log: ReceiptLog| Log { address: log.address, topics: log.topics, data: log.data };
    satisfy(&payment, &receipt.logs.into_iter().map(log).collect::<Vec<_>>()).map_err(refused)?;
    Ok(json!({"status": "success", "reference": hash}))
}

/// Whether a signed transaction is the payment that its challenge asks for.
pub(super) fn verify_transaction(input: &JsonObject, world: &World) -> Result<Value, Failure> {
    let credential = member(input, "credential")?;
    let Payload::Transaction(raw) = payload(credential)? else {
        return Err(refused("the credential carries no transaction"));
    };
    let challenge = member(credential, "challenge")?;
    let request = request(challenge)?;
    let envelope = Envelope::parse(&raw).map_err(refused)?;
    check(&envelope, &request, memo_of(challenge)?, world.now)?;
    let mut value = json!({"sender": envelope.sender().account.to_checksum(None)});
    value["sponsored"] = envelope.wants_sponsor().into();
    if !envelope.wants_sponsor() {
        value["hash"] = json!(envelope.hash());
    }
    Ok(value)
}

/// Signs a payer's transaction, judges it as a sponsor would, and pays its fee.
pub(super) fn cosign_fee(input: &JsonObject, world: &World) -> Result<Value, Failure> {
    let envelope = signed(input, world.now)?;
    let request = request(input)?;
    let memo = match input.get("challenge").and_then(Value::as_object) {
        Some(challenge) => memo_of(challenge)?,
        None => Memo::Any,
    };
    check(&envelope, &request, memo, world.now)?;
    let fee_token: Address = read(input, "feeToken")?;
    SponsorPolicy::for_chain(request.chain, request.token).check_fee_token(fee_token).map_err(refused)?;
    let raw = envelope.to_bytes().map_err(refused)?;
    let sponsor = account(text(input, "feePayerPrivateKey", Kind::Verification)?)?;
    let cosigned = wait_for(cosign(&raw, &sponsor, fee_token))?.map_err(refused)?;

    let (kind, mut list) = cosigned.raw.split_first().ok_or_else(|| refused("nothing was signed"))?;
    let signed = AASigned::rlp_decode(&mut list).map_err(refused)?;
    let transaction = signed.tx();
    Ok(json!({
        "type": format!("{kind:#x}"),
        "feeToken": transaction.fee_token,
        "feePayerSignaturePresent": transaction.fee_payer_signature.is_some(),
        "accessListLength": transaction.access_list.len(),
        "callCount": transaction.calls.len(),
    }))
}

fn check(envelope: &Envelope, request: &TempoRequest, memo: Memo, now: Timestamp) -> Result<(), Failure> {
    let transaction = envelope.transaction();
    if transaction.chain_id != request.chain {
        return Err(refused("the transaction is for another chain than the challenge"));
    }
    if envelope.wants_sponsor() {
        if !request.fee_payer {
            return Err(refused("the challenge sponsors no fee"));
        }
        SponsorPolicy::for_chain(request.chain, request.token).check(envelope, now).map_err(refused)?;
    }
    let legs = request.legs(memo).map_err(refused)?;
    let sender = envelope.sender().account;
    match_calls(&transaction.calls, sender, request.token, &legs, envelope.wants_sponsor()).map_err(refused)
}

fn signed(input: &JsonObject, now: Timestamp) -> Result<Envelope, Failure> {
    let intended: Intended = read(input, "transaction")?;
    let transaction = intended.sponsored(now)?;
    let payer = account(text(input, "payerPrivateKey", Kind::Verification)?)?;
    let signature = wait_for(payer.sign(&signing_message(&transaction)))?.map_err(refused)?;
    Envelope::join(transaction, &signature).map_err(refused)
}

impl Intended {
    fn sponsored(self, now: Timestamp) -> Result<TempoTransaction, Failure> {
        let nonce_key = match &self.nonce_key {
            Value::String(text) if text == "max" => U256::MAX,
            key => U256::from(key.as_u64().ok_or_else(|| refused("nonceKey is a number or \"max\""))?),
        };
        let valid_before = match self.valid_before.as_str().and_then(|text| text.strip_prefix("now+")) {
            Some(seconds) => {
                let seconds = seconds.parse().map_err(|_| refused("validBefore is a number or now+SECONDS"))?;
                u64::try_from(now.after(Duration::from_secs(seconds)).unix_millis() / 1000).unwrap_or_default()
            }
            None => self.valid_before.as_u64().unwrap_or_default(),
        };
        let call =
            |call: IntendedCall| Call { to: TxKind::Call(call.to), value: U256::from(call.value), input: call.data };
        let mut transaction = TempoTransaction {
            chain_id: self.chain_id,
            max_priority_fee_per_gas: self.max_priority_fee_per_gas,
            max_fee_per_gas: self.max_fee_per_gas,
            gas_limit: self.gas_limit,
            calls: self.calls.into_iter().map(call).collect(),
            nonce_key,
            nonce: self.nonce,
            valid_before: NonZeroU64::new(valid_before),
            ..TempoTransaction::default()
        };
        transaction.access_list.0.resize_with(self.access_list.len(), Default::default);
        for (item, (address, storage_keys)) in transaction.access_list.0.iter_mut().zip(self.access_list) {
            item.address = address;
            item.storage_keys = storage_keys;
        }
        leave_fee(&mut transaction);
        transaction.fee_token = self.fee_token;
        Ok(transaction)
    }
}

/// What the recipient's transfer must carry to answer this challenge, when the request names no memo.
fn memo_of(challenge: &JsonObject) -> Result<Memo, Failure> {
    let [realm, id] = ["realm", "id"].map(|name| text(challenge, name, Kind::Verification));
    Ok(attributed(realm?, id?))
}

fn request(holder: &JsonObject) -> Result<TempoRequest, Failure> {
    let shared = ChargeRequest::from_object(member(holder, "request")?).map_err(refused)?;
    TempoRequest::from_shared(&shared).map_err(refused)
}

fn payload(credential: &JsonObject) -> Result<Payload, Failure> {
    Payload::read(member(credential, "payload")?).map_err(refused)
}

fn account(private_key: &str) -> Result<Account, Failure> {
    let key = Secp256k1Key::from_hex(private_key).map_err(refused)?;
    Ok(Account::new(Arc::new(LocalSigner::new(key).map_err(refused)?)))
}

fn member<'a>(input: &'a JsonObject, name: &str) -> Result<&'a JsonObject, Failure> {
    let object = input.get(name).and_then(Value::as_object);
    object.ok_or_else(|| refused(format!("the input's \"{name}\" must be an object")))
}

fn read<T: DeserializeOwned>(input: &JsonObject, name: &str) -> Result<T, Failure> {
    let value = input.get(name).cloned().unwrap_or_default();
    serde_json::from_value(value).map_err(|error| refused(format!("the input's \"{name}\" cannot be read: {error}")))
}

/// A key in this process signs at once; a runtime is there only because other keys do not.
fn wait_for<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().map_err(|error| Kind::Unknown.because(error))?;
    Ok(runtime.block_on(future))
}

fn refused(reason: impl std::fmt::Display) -> Failure {
    Kind::Verification.because(reason)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The payer's transaction of a co-signing scenario, for the tests of the adapter.
    pub(in crate::conformance) fn signed(input: &Value) -> String {
        let now = Timestamp::parse("2026-01-29T12:00:00Z").unwrap();
        let envelope = super::signed(input.as_object().unwrap(), now).unwrap();
        Bytes::from(envelope.to_bytes().unwrap()).to_string()
    }
}
