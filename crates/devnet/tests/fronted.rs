//! A Tempo chain whose users open channels in the reserve without knowing that it is not the real one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::num::NonZeroU64;

use alloy_consensus::SignableTransaction as _;
use alloy_primitives::aliases::U96;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue, sol};
use farthing_devnet::{ACCOUNTS, Devnet, EVM_ESCROW, Options, RESERVE, STREAM_ESCROW, Source};
use secp256k1::{Message, SECP256K1, SecretKey};
use serde_json::{Value, json};
use tempo_primitives::transaction::{Call, TEMPO_EXPIRING_NONCE_KEY, TempoTransaction};

sol! {
    struct State { uint96 settled; uint96 deposit; uint32 closeRequestedAt; }
    function open(
        address payee, address operator, address token, uint96 deposit, bytes32 salt, address authorizedSigner
    ) returns (bytes32);
    function getChannelState(bytes32 channelId) returns (State);
    function CLOSE_GRACE_PERIOD() returns (uint64);
}

const PAYER: usize = 1;

async fn asked(url: &str, method: &str, parameters: Value) -> Value {
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": parameters });
    let answer = reqwest::Client::new().post(url).json(&call).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["id"], 7);
    assert!(answer.get("error").is_none(), "{answer}");
    answer["result"].clone()
}

fn opening(token: Address, salt: B256) -> Bytes {
    let (payee, nobody) = (ACCOUNTS[2].address, Address::ZERO);
    let deposit = U96::from(1_000);
    openCall { payee, operator: nobody, token, deposit, salt, authorizedSigner: nobody }.abi_encode().into()
}

/// The payer's transaction, and its hash as expiring nonces have it.
fn signed(chain: &Devnet, data: Bytes, valid_before: u64) -> (Vec<u8>, B256) {
    let transaction = TempoTransaction {
        chain_id: chain.chain_id(),
        max_priority_fee_per_gas: 1_000_000_000,
        max_fee_per_gas: 20_000_000_000,
        gas_limit: 2_000_000,
        calls: vec![Call { to: TxKind::Call(RESERVE), value: U256::ZERO, input: data }],
        nonce_key: TEMPO_EXPIRING_NONCE_KEY,
        valid_before: NonZeroU64::new(valid_before),
        ..TempoTransaction::default()
    };
    let mut message = Vec::new();
    transaction.encode_for_signing(&mut message);
    let key = SecretKey::from_byte_array(ACCOUNTS[PAYER].publicly_known_key.0).unwrap();
    let digest = Message::from_digest(keccak256(&message).0);
    let (id, compact) = SECP256K1.sign_ecdsa_recoverable(digest, &key).serialize_compact();
    let signature = Signature::from_bytes_and_parity(&compact, i32::from(id) == 1);
    message.extend_from_slice(ACCOUNTS[PAYER].address.as_slice());
    let mut raw = Vec::new();
    transaction.into_signed(signature.into()).eip2718_encode(&mut raw);
    (raw, keccak256(message))
}

#[tokio::test]
async fn a_transaction_opens_a_channel_as_on_the_real_chain() {
    let options = Options::tempo(Source::of_this_process().unwrap()).with_sessions();
    let chain = Devnet::start(options).await.unwrap();
    assert_ne!(chain.rpc(), chain.node().rpc(), "something stands before the node");
    let block = asked(chain.rpc(), "eth_getBlockByNumber", json!(["latest", false])).await;
    let now = u64::from_str_radix(block["timestamp"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    let salt = keccak256("salt");
    let data = opening(chain.token(), salt);

    let simulated = json!({ "blockStateCalls": [{ "calls": [
        { "from": ACCOUNTS[PAYER].address, "to": RESERVE, "data": data },
    ]}]});
    let blocks = asked(chain.rpc(), "eth_simulateV1", json!([simulated, "latest"])).await;
    assert_eq!(blocks[0]["calls"][0]["status"], "0x1", "{blocks}");

    let (raw, hash) = signed(&chain, data, now + 25);
    let receipt = asked(chain.rpc(), "eth_sendRawTransactionSync", json!([Bytes::from(raw)])).await;
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    let (payer, payee, nobody) = (ACCOUNTS[PAYER].address, ACCOUNTS[2].address, Address::ZERO);
    let parts = (payer, payee, nobody, chain.token(), salt, nobody, hash, RESERVE, U256::from(chain.chain_id()));
    let question = getChannelStateCall { channelId: keccak256(parts.abi_encode()) };
    let answer = chain.node().call(RESERVE, question.abi_encode()).await.unwrap();
    assert_eq!(getChannelStateCall::abi_decode_returns(&answer).unwrap().deposit, U96::from(1_000));
}

#[tokio::test]
async fn the_escrows_are_where_they_are_said_to_be() {
    let source = || Source::of_this_process().unwrap();
    let tempo = Devnet::start(Options::tempo(source()).with_sessions()).await.unwrap();
    let evm = Devnet::start(Options::evm(31_337, source()).with_sessions()).await.unwrap();
    for (chain, escrow) in [(&tempo, RESERVE), (&tempo, STREAM_ESCROW), (&evm, EVM_ESCROW)] {
        let answer = chain.node().call(escrow, CLOSE_GRACE_PERIODCall {}.abi_encode()).await.unwrap();
        assert_eq!(U256::from_be_slice(&answer), U256::from(900));
    }
}
