//! Byte for byte what another implementation makes of the same keys and transactions.

use std::time::Duration;

use alloy_primitives::{Bytes, keccak256};
use farthing_money::Amount;
use serde_json::Value;
use tempo_primitives::transaction::TempoTransaction;

use super::testing::{CHAIN, SELLER, TOKEN, account, at_once, leg, now, sponsored, transaction};
use super::*;

fn vector(pointer: &str) -> Bytes {
    let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/tempo-bytes.json")).unwrap();
    vectors.pointer(pointer).unwrap().as_str().unwrap().parse().unwrap()
}

/// The transaction of the vectors: one dollar with the memo of `challenge-123`.
fn paying() -> TempoTransaction {
    let legs = [leg(SELLER, 1_000_000, attributed("api.example.com", "challenge-123"))];
    let memo = attribution("api.example.com", None, "challenge-123");
    TempoTransaction { calls: payment_calls(TOKEN, &legs, memo), ..transaction() }
}

fn signed_by(key: &PayingKey, transaction: TempoTransaction) -> Envelope {
    let signature = at_once(key.sign(&signing_message(&transaction))).unwrap();
    Envelope::join(transaction, &signature).unwrap()
}

#[test]
fn an_ordinary_transaction() {
    let transaction = TempoTransaction { fee_token: Some(TOKEN), ..paying() };
    let envelope = signed_by(&PayingKey::Own(account(0x11)), transaction);
    assert_eq!(envelope.to_bytes().unwrap(), vector("/own_fee"));
    assert_eq!(envelope.sender().account.to_vec(), vector("/accounts/payer"));
}

#[test]
fn a_sponsored_transaction_and_its_co_signature() {
    let transaction = sponsored(paying());
    assert_eq!(keccak256(signing_message(&transaction)).to_vec(), vector("/sponsored/sign_payload"));
    let envelope = signed_by(&PayingKey::Own(account(0x11)), transaction);
    assert_eq!(envelope.to_bytes().unwrap(), vector("/sponsored/envelope"));
    let message = envelope.sponsor_message(TOKEN).unwrap();
    assert_eq!(keccak256(message).to_vec(), vector("/sponsored/fee_payer_payload"));
    for form in ["/sponsored/envelope", "/sponsored/placeholder"] {
        let cosigned = at_once(cosign(&vector(form), &account(0x22), TOKEN)).unwrap();
        assert_eq!(cosigned.raw, vector("/sponsored/cosigned"), "{form}");
        assert_eq!(cosigned.hash.to_vec(), vector("/sponsored/hash"));
    }
}

#[test]
fn a_grant_and_the_payment_that_brings_it() {
    let (root, key) = (account(0x11), account(0x33));
    let period = Some(Duration::from_secs(86_400));
    let limits = vec![Limit { token: TOKEN, amount: Amount::new(5_000_000), period }];
    let expires = now().after(Duration::from_secs(3600));
    let grant = Grant { chain: CHAIN, key: key.address(), expires, limits, recipients: vec![SELLER] };
    let grant = at_once(grant.sign(&root)).unwrap();
    assert_eq!(grant.to_bytes(), vector("/delegated/grant"));
    let transaction =
        TempoTransaction { fee_token: Some(TOKEN), key_authorization: Some(grant.authorization()), ..paying() };
    let access_key = AccessKey::new(root.address(), key, grant).unwrap();
    let envelope = signed_by(&PayingKey::Delegated(Box::new(access_key)), transaction);
    assert_eq!(envelope.to_bytes().unwrap(), vector("/delegated/transaction"));
}
