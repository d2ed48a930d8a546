//! What a Tempo node does for its channel reserve, for the contract that stands in its place: it is told the expiring
//! nonce hash of each transaction that opens a channel, and may take the payer's tokens.

use alloy_consensus::transaction::SignerRecoverable as _;
use alloy_eips::Decodable2718 as _;
use alloy_primitives::{Address, B256, TxKind, hex};
use alloy_sol_types::{SolCall as _, sol};
use serde_json::{Map, Value, json};
use tempo_primitives::TempoTxEnvelope;

use crate::reserve::{RESERVE, ReserveSlots};

sol! {
    struct Channel {
        address payer; address payee; address operator; address token; bytes32 salt; address authorizedSigner;
        bytes32 expiringNonceHash;
    }
    function open(
        address payee, address operator, address token, uint96 deposit, bytes32 salt, address authorizedSigner
    );
    function topUp(Channel channel, uint96 additionalDeposit);
}

/// Any hash: what a simulated `open` needs is that there is one.
const SOME_HASH: B256 = B256::repeat_byte(1);

/// An allowance that never ends.
const EVERYTHING: B256 = B256::repeat_byte(0xff);

/// A word of storage: contract, slot, value.
pub type StorageWord = (Address, B256, B256);

/// What must stand in storage for the calls of a signed transaction into the reserve; of one that does not call it,
/// nothing.
pub fn reserve_storage(raw: &str) -> Vec<StorageWord> {
    let Some((payer, hash, tokens)) = read(raw) else { return Vec::new() };
    let slots = ReserveSlots::of(payer);
    let allowances = tokens.into_iter().map(|token| (token, slots.allowance, EVERYTHING));
    let hash = hash.map(|hash| (RESERVE, slots.expiring_nonce_hash, hash));
    allowances.chain(hash).collect()
}

/// The storage under which calls into the reserve can be simulated; none where they do not call it.
pub fn reserve_overrides(calls: &[Value]) -> Option<Value> {
    let mut contracts = Map::new();
    for call in calls {
        let address = |name: &str| call[name].as_str().and_then(|text| text.parse::<Address>().ok());
        let data = call["data"].as_str().and_then(|data| hex::decode(data).ok())?;
        let token = address("to").filter(|to| *to == RESERVE).and_then(|_| taken(&data));
        if let (Some(token), Some(payer)) = (token, address("from")) {
            let slots = ReserveSlots::of(payer);
            let hash = json!({ "stateDiff": { slots.expiring_nonce_hash.to_string(): SOME_HASH } });
            let allowance = json!({ "stateDiff": { slots.allowance.to_string(): EVERYTHING } });
            contracts.extend([(RESERVE.to_string(), hash), (token.to_string(), allowance)]);
        }
    }
    (!contracts.is_empty()).then_some(Value::Object(contracts))
}

/// Who pays into the reserve, the hash where the transaction has an expiring nonce, and the tokens that are taken.
fn read(raw: &str) -> Option<(Address, Option<B256>, Vec<Address>)> {
    let bytes = hex::decode(raw).ok()?;
    let transaction = TempoTxEnvelope::decode_2718(&mut bytes.as_slice()).ok()?;
    let reserved = transaction.calls().filter(|(to, _)| *to == TxKind::Call(RESERVE));
    let tokens = reserved.filter_map(|(_, input)| taken(input)).collect::<Vec<_>>();
    if tokens.is_empty() {
        return None;
    }
    let payer = transaction.recover_signer().ok()?;
    let hash = match &transaction {
        TempoTxEnvelope::AA(signed) => signed.recover_signer_with_expiring_nonce_hash().ok()?.1,
        _ => None,
    };
    Some((payer, hash, tokens))
}

/// The token that a call takes from the payer.
fn taken(input: &[u8]) -> Option<Address> {
    let opened = openCall::abi_decode(input).map(|open| open.token);
    opened.or_else(|_| topUpCall::abi_decode(input).map(|top_up| top_up.channel.token)).ok()
}
