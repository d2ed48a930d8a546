//! A hundred at a time, and how long the chain needs for as many without us.
//!
//! What is compared: a hundred payments settled at once, and a hundred transactions with the same
//! contract calls, signed before the clock starts and handed over at once through the same HTTP client
//! by somebody who looks at nothing. Both wait until each is included. Rounds alternate, and the best
//! of each side counts: whatever else the machine does only ever makes a round slower.

use std::time::{Duration, Instant};

use alloy_consensus::transaction::RlpEcdsaEncodableTx as _;
use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_primitives::{Bytes, Signature, TxKind, keccak256};
use farthing_rail::Claim;
use farthing_rail_evm::evm::calldata;
use farthing_rail_evm::rpc::{Endpoints, Receipt};
use farthing_rail_evm::settle::journal::Purpose;
use farthing_rail_evm::{Account, Way};
use futures_util::future::join_all;

use crate::support::{CENT, World, account, assert_distinct, endpoints, settled};
use crate::tempo::own;

const MANY: usize = 100;
const ROUNDS: usize = 5;
/// What a release build takes is in bench/README.md. The test must hold unoptimised and on a busy
/// machine, and only has to notice when payments go one after the other.
const MOST: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_parallel_settlements_get_contiguous_nonces() {
    let world = World::evm().await.direct();
    let node = endpoints(&[world.devnet.rpc().to_owned()], 1);
    let before = world.has(world.signer).await;
    let (mut ours, mut raw, mut nonces) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let signed = calls_of_somebody_else(&world, round * MANY).await;
        raw.push(hand_over(&node, &signed).await);
        let mut claims = Vec::new();
        for number in 0..MANY {
            claims.push(world.claim(&world.authorization(1 + number % 7, CENT, 300).await));
        }
        ours.push(settle(&world, &claims).await);
        for claim in &claims {
            for submission in world.journal.of_purpose(8453, &Purpose::Settle(claim.payment)).await.unwrap() {
                nonces.push(submission.nonce.unwrap());
            }
        }
    }
    nonces.sort_unstable();
    assert_eq!(nonces, (0..(ROUNDS * MANY) as u64).collect::<Vec<_>>());
    assert_eq!(world.has(world.signer).await, before + CENT * (2 * ROUNDS * MANY) as u128);
    compare("settlements of authorizations", &ours, &raw);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_parallel_charges_take_hardly_longer_than_as_many_raw_transactions() {
    let world = World::tempo().await.direct();
    let node = endpoints(&[world.devnet.rpc().to_owned()], 1);
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut claims, mut signed) = (Vec::new(), Vec::new());
        for number in 0..MANY {
            let Way::Transaction { raw, .. } = own(&world, 1 + number % 8).await.way else { panic!() };
            signed.push(raw);
        }
        raw.push(hand_over(&node, &signed).await);
        for number in 0..MANY {
            claims.push(world.claim(&own(&world, 1 + number % 8).await));
        }
        ours.push(settle(&world, &claims).await);
    }
    compare("charges on Tempo", &ours, &raw);
}

async fn settle(world: &World, claims: &[Claim]) -> Duration {
    let started = Instant::now();
    let outcomes = join_all(claims.iter().map(|claim| world.settle(claim))).await;
    let took = started.elapsed();
    assert_distinct(&outcomes.into_iter().map(settled).collect::<Vec<_>>());
    took
}

async fn hand_over(node: &Endpoints, signed: &[Bytes]) -> Duration {
    let started = Instant::now();
    let receipts = join_all(signed.iter().map(|raw| include(node, raw))).await;
    let took = started.elapsed();
    assert!(receipts.iter().all(|receipt| receipt.is_success));
    took
}

/// Now and then the node includes a transaction and never answers whoever waits for it.
async fn include(node: &Endpoints, raw: &Bytes) -> Receipt {
    if let Ok(Some(receipt)) = node.send(raw).await {
        return receipt;
    }
    loop {
        if let Ok(Some(receipt)) = node.receipt(keccak256(raw)).await {
            return receipt;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[track_caller]
fn compare(what: &str, ours: &[Duration], raw: &[Duration]) {
    let (best, best_raw) = (ours.iter().min().unwrap(), raw.iter().min().unwrap());
    let ratio = best.as_secs_f64() / best_raw.as_secs_f64();
    println!("{MANY} {what}: {best:?} and {best_raw:?} raw, {ratio:.2} times; rounds: {ours:?} and {raw:?}");
    assert!(*best < *best_raw * MOST + PAUSE, "{best:?} against {best_raw:?}");
}

/// The same calls as ours, with an account that sends nothing else.
async fn calls_of_somebody_else(world: &World, first: usize) -> Vec<Bytes> {
    let sender = account(8);
    let mut signed = Vec::new();
    for nonce in first..first + MANY {
        let call = calldata::submission(&world.authorization(1 + nonce % 7, CENT, 300).await).unwrap();
        signed.push(transaction(&sender, nonce as u64, call).await);
    }
    signed
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
