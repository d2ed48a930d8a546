//! What the tests of contracts share.

#![allow(dead_code, reason = "each test uses a part")]

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolCall, SolError, SolStruct};
use farthing_devnet::{ACCOUNTS, DevelopmentAccount, Devnet, NodeError, Options, Source};
use secp256k1::{Message, SECP256K1, SecretKey};
use serde_json::{Value, json};

pub(crate) const PAYER: DevelopmentAccount = ACCOUNTS[1];
pub(crate) const PAYEE: DevelopmentAccount = ACCOUNTS[2];
pub(crate) const STRANGER: DevelopmentAccount = ACCOUNTS[3];

/// Far enough ahead for a test.
pub(crate) const LATER: U256 = U256::from_limbs([4_000_000_000, 0, 0, 0]);

pub(crate) async fn evm() -> Devnet {
    Devnet::start(Options::evm(31_337, Source::of_this_process().unwrap())).await.unwrap()
}

pub(crate) async fn base_sepolia() -> Devnet {
    Devnet::start(Options::base_sepolia(Source::of_this_process().unwrap())).await.unwrap()
}

pub(crate) async fn tempo() -> Devnet {
    Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap()
}

/// Sends a call from an account whose key the node has.
pub(crate) async fn send(
    chain: &Devnet,
    from: DevelopmentAccount,
    to: Address,
    call: impl SolCall,
) -> Result<Value, NodeError> {
    chain.node().send(from.address, Some(to), call.abi_encode()).await
}

/// What a view returns.
pub(crate) async fn view<C: SolCall>(chain: &Devnet, of: Address, call: C) -> C::Return {
    let answer = chain.node().call(of, call.abi_encode()).await.unwrap();
    C::abi_decode_returns(&answer).unwrap()
}

/// Fails unless the node refused with this very error of the contract.
pub(crate) fn reverted<E: SolError>(outcome: Result<Value, NodeError>) {
    let selector = E::SELECTOR.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let error = outcome.expect_err(E::SIGNATURE).to_string();
    assert!(error.contains(&selector), "{}: {error}", E::SIGNATURE);
}

/// Fails unless the token refused with these words.
pub(crate) fn refused(outcome: Result<Value, NodeError>, words: &str) {
    let error = outcome.expect_err(words).to_string();
    assert!(error.contains(&format!("execution reverted: {words}")), "{words}: {error}");
}

/// An EIP-712 signature in 65 bytes.
pub(crate) fn sign(by: DevelopmentAccount, what: &impl SolStruct, domain: &Eip712Domain) -> Bytes {
    sign_digest(by, what.eip712_signing_hash(domain))
}

pub(crate) fn sign_digest(by: DevelopmentAccount, digest: B256) -> Bytes {
    let key = SecretKey::from_byte_array(by.publicly_known_key.0).unwrap();
    let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &key);
    let (recovery, compact) = signature.serialize_compact();
    let mut bytes = compact.to_vec();
    bytes.push(27 + u8::try_from(i32::from(recovery)).unwrap());
    bytes.into()
}

/// The same signature with the other of its two values of s.
pub(crate) fn high_s_twin(signature: &Bytes) -> Bytes {
    const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let order: U256 = ORDER.parse().unwrap();
    let s = order - U256::from_be_slice(&signature[32..64]);
    let v = if signature[64] == 27 { 28 } else { 27 };
    [&signature[..32], &s.to_be_bytes::<32>(), &[v]].concat().into()
}

/// The 64 bytes of EIP-2098.
pub(crate) fn compact(signature: &Bytes) -> Bytes {
    let mut bytes = signature[..64].to_vec();
    bytes[32] |= (signature[64] - 27) << 7;
    bytes.into()
}

pub(crate) fn domain(name: &'static str, chain: &Devnet, contract: Address) -> Eip712Domain {
    Eip712Domain::new(Some(name.into()), Some("1".into()), Some(U256::from(chain.chain_id())), Some(contract), None)
}

/// The domain of USDC on Base Sepolia.
pub(crate) fn usdc_domain(chain: &Devnet) -> Eip712Domain {
    Eip712Domain { version: Some("2".into()), ..domain("USDC", chain, chain.token()) }
}

/// The domain of Permit2, which has no version.
pub(crate) fn permit2_domain(chain: &Devnet) -> Eip712Domain {
    Eip712Domain { version: None, ..domain("Permit2", chain, chain.permit2().unwrap()) }
}

pub(crate) async fn balances(chain: &Devnet) -> (U256, U256) {
    (chain.balance(PAYER.address).await.unwrap(), chain.balance(PAYEE.address).await.unwrap())
}

pub(crate) async fn block_time(chain: &Devnet) -> u64 {
    let block: Value = chain.node().request("eth_getBlockByNumber", json!(["latest", false])).await.unwrap();
    u64::from_str_radix(block["timestamp"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

pub(crate) fn word(text: &str) -> B256 {
    keccak256(text)
}
