//! A hundred at a time.

use std::time::{Duration, Instant};

use alloy_consensus::transaction::RlpEcdsaEncodableTx as _;
use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_primitives::{Bytes, Signature, TxKind};
use farthing_rail_evm::evm::calldata;
use farthing_rail_evm::settle::journal::Purpose;
use farthing_rail_evm::{Account, Way};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{CENT, World, account, assert_distinct, settled};
use crate::tempo::own;

const MANY: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_parallel_settlements_get_contiguous_nonces() {
    let world = World::evm().await.direct();
    // The first pays for opening connections and for warming the node up.
    settled(world.settle(&world.claim(&world.authorization(1, CENT, 300).await)).await);
    let before = world.has(world.signer).await;
    let mut claims = Vec::new();
    for number in 0..MANY {
        claims.push(world.claim(&world.authorization(1 + number % 8, CENT, 300).await));
    }
    let started = Instant::now();
    let outcomes = join_all(claims.iter().map(|claim| world.settle(claim))).await;
    let ours = started.elapsed();
    let outcomes: Vec<_> = outcomes.into_iter().map(settled).collect();
    assert_distinct(&outcomes);
    assert_eq!(world.has(world.signer).await, before + CENT * MANY as u128);
    let mut nonces = Vec::new();
    for claim in &claims {
        for submission in world.journal.of_purpose(8453, &Purpose::Settle(claim.payment)).await.unwrap() {
            nonces.push(submission.nonce.unwrap());
        }
    }
    nonces.sort_unstable();
    assert_eq!(nonces, (1..=MANY as u64).collect::<Vec<_>>());
    let raw = raw_transactions(&world).await;
    println!("{MANY} parallel settlements: {ours:?}; {MANY} raw transactions: {raw:?}");
    // The figure is measured on an idle machine; here it must only not be out of all proportion.
    assert!(ours < raw * 4 + Duration::from_secs(2), "{ours:?} against {raw:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_parallel_charges_take_hardly_longer_than_as_many_raw_transactions() {
    let world = World::tempo().await.direct();
    settled(world.settle(&world.claim(&own(&world, 1).await)).await);
    let (mut claims, mut raws) = (Vec::new(), Vec::new());
    for number in 0..MANY {
        claims.push(world.claim(&own(&world, 1 + number % 8).await));
        let Way::Transaction { raw, .. } = own(&world, 1 + number % 8).await.way else { panic!() };
        raws.push(raw);
    }
    let started = Instant::now();
    let node = world.devnet.node();
    let sent = raws.iter().map(|raw| node.request::<Value>("eth_sendRawTransactionSync", json!([raw])));
    let receipts: Vec<_> = join_all(sent).await.into_iter().map(Result::unwrap).collect();
    let raw = started.elapsed();
    assert!(receipts.iter().all(|receipt| receipt["status"] == "0x1"));
    let started = Instant::now();
    let outcomes = join_all(claims.iter().map(|claim| world.settle(claim))).await;
    let ours = started.elapsed();
    assert_distinct(&outcomes.into_iter().map(settled).collect::<Vec<_>>());
    println!("{MANY} parallel charges: {ours:?}; {MANY} raw transactions: {raw:?}");
    assert!(ours < raw * 3 + Duration::from_secs(2), "{ours:?} against {raw:?}");
}

/// What the node needs for as many of the same calls, signed beforehand by somebody who looks at
/// nothing.
async fn raw_transactions(world: &World) -> Duration {
    let sender = account(8);
    let mut signed = Vec::new();
    for nonce in 0..MANY as u64 {
        let call = calldata::submission(&world.authorization(1, CENT, 300).await).unwrap();
        signed.push(transaction(&sender, nonce, call).await);
    }
    let started = Instant::now();
    let node = world.devnet.node();
    let sent = signed.iter().map(|raw| node.request::<Value>("eth_sendRawTransactionSync", json!([raw])));
    let receipts: Vec<_> = join_all(sent).await.into_iter().map(Result::unwrap).collect();
    let took = started.elapsed();
    assert!(receipts.iter().all(|receipt| receipt["status"] == "0x1"));
    took
}

async fn transaction(sender: &Account, nonce: u64, call: calldata::Call) -> Bytes {
    let transaction = TxEip1559 {
        chain_id: 8453,
        nonce,
        gas_limit: 200_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000,
        to: TxKind::Call(call.to),
        input: call.data,
        ..TxEip1559::default()
    };
    let signature = sender.sign(&transaction.encoded_for_signing()).await.unwrap();
    let mut raw = Vec::new();
    transaction.eip2718_encode(&Signature::from_raw(&signature).unwrap(), &mut raw);
    raw.into()
}
