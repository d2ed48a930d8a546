//! Tempo: the payer's own transaction, and one whose fee we pay.

use std::num::NonZeroU64;

use alloy_primitives::{B256, Bytes, Signature, U256, keccak256};
use farthing_money::Amount;
use farthing_rail::{Refund, Settler as _};
use farthing_rail_evm::tempo::{Envelope, payment_calls};
use farthing_rail_evm::{Leg, Memo, Payment, SentNonce, Way};
use farthing_testing_rpc::faults::Fault;
use tempo_primitives::transaction::{TEMPO_EXPIRING_NONCE_KEY, TempoTransaction};

use crate::support::{CENT, World, account, refusal, seconds, settled};

const SEND: &str = "eth_sendRawTransactionSync";

fn transaction(world: &World, memo: B256) -> (TempoTransaction, Vec<Leg>) {
    let legs = vec![Leg { recipient: world.signer, amount: U256::from(CENT), memo: Memo::Exactly(memo) }];
    let transaction = TempoTransaction {
        chain_id: world.token.chain,
        max_priority_fee_per_gas: 1_000_000_000,
        max_fee_per_gas: 40_000_000_000,
        gas_limit: 1_000_000,
        calls: payment_calls(world.token.contract, &legs, B256::ZERO),
        nonce_key: TEMPO_EXPIRING_NONCE_KEY,
        valid_before: NonZeroU64::new(seconds() + 25),
        ..TempoTransaction::default()
    };
    (transaction, legs)
}

async fn signed(payer: usize, transaction: TempoTransaction) -> Bytes {
    use alloy_consensus::SignableTransaction as _;
    let signature = account(payer).sign(&transaction.encoded_for_signing()).await.unwrap();
    let signature = Signature::from_raw(&signature).unwrap();
    let mut raw = Vec::new();
    transaction.into_signed(signature.into()).eip2718_encode(&mut raw);
    raw.into()
}

pub(crate) async fn own(world: &World, payer: usize) -> Payment {
    let memo = crate::support::fresh();
    let (transaction, legs) = transaction(world, memo);
    let valid_before = transaction.valid_before.map(NonZeroU64::get);
    let raw = signed(payer, transaction).await;
    let sender = account(payer).address();
    let way = Way::Transaction {
        hash: keccak256(&raw),
        raw,
        sender,
        nonce: SentNonce { key: TEMPO_EXPIRING_NONCE_KEY, number: 0 },
        valid_before,
    };
    Payment { chain: world.token.chain, token: world.token.contract, payer: Some(sender), legs, way }
}

pub(crate) async fn sponsored(world: &World, payer: usize) -> Payment {
    let memo = crate::support::fresh();
    let (mut transaction, legs) = transaction(world, memo);
    // Any signature says that somebody else pays; the bytes signed only hold a placeholder.
    transaction.fee_payer_signature = Some(Signature::new(U256::ZERO, U256::ZERO, false));
    let valid_before = transaction.valid_before.unwrap().get();
    let raw = signed(payer, transaction).await;
    assert!(Envelope::parse(&raw).unwrap().wants_sponsor());
    let sender = account(payer).address();
    let way = Way::Sponsored { raw, sender, valid_before };
    Payment { chain: world.token.chain, token: world.token.contract, payer: Some(sender), legs, way }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payers_transaction_is_sent_once_whatever_becomes_of_the_answer() {
    let world = World::tempo().await;
    for fault in [None, Some(Fault::Lost), Some(Fault::Twice), Some(Fault::Swallowed)] {
        let before = world.has(world.signer).await;
        let payment = own(&world, 1).await;
        let claim = world.claim(&payment);
        if let Some(fault) = fault {
            world.faults.next(SEND, 1, fault);
        }
        let _at_once = world.settle(&claim).await;
        let outcome = settled(world.resolve(&claim).await);
        assert_eq!(outcome.consumed.len(), 1);
        assert_eq!(world.has(world.signer).await, before + CENT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sponsored_payment_costs_the_payer_only_the_price() {
    let world = World::tempo().await;
    let payer = account(2).address();
    for fault in [None, Some(Fault::Lost)] {
        let before = world.has(payer).await;
        let claim = world.claim(&sponsored(&world, 2).await);
        if let Some(fault) = fault {
            world.faults.next(SEND, 1, fault);
        }
        let _at_once = world.settle(&claim).await;
        let outcome = settled(world.resolve(&claim).await);
        assert_eq!(world.has(payer).await, before - CENT);
        assert!(!outcome.fee.is_zero(), "the fee was ours, in the same token");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sponsored_payment_that_would_fail_costs_us_nothing() {
    let world = World::tempo().await;
    let before = world.has(world.signer).await;
    let mut payment = sponsored(&world, 2).await;
    payment.legs[0].amount += U256::from(1);
    let detail = refusal(world.settle(&world.claim(&payment)).await);
    assert!(detail.contains("instead of 10001"), "{detail}");
    assert_eq!(world.faults.asked(SEND), 0);
    assert_eq!(world.has(world.signer).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_takes_no_more_than_two_round_trips() {
    let world = World::tempo().await;
    settled(world.settle(&world.claim(&own(&world, 1).await)).await);
    for (payment, most) in [(own(&world, 1).await, 1), (sponsored(&world, 2).await, 2)] {
        let claim = world.claim(&payment);
        let before = world.faults.round_trips();
        settled(world.settle(&claim).await);
        assert!(world.faults.round_trips() - before <= most, "{}", world.faults.round_trips() - before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_goes_back_on_tempo_too() {
    let world = World::tempo().await;
    let payer = account(1).address();
    let claim = world.claim(&own(&world, 1).await);
    let paid = settled(world.settle(&claim).await);
    let before = world.has(payer).await;
    let refund = Refund {
        payment: claim.payment,
        reference: paid.reference,
        payer: claim.proof.payer.clone(),
        amount: Amount::new(CENT),
        asset: claim.proof.asset.clone(),
    };
    let first = settled(world.seller.refund(&refund).await);
    assert_eq!(settled(world.seller.refund(&refund).await), first);
    assert_eq!(world.has(payer).await, before + CENT);
}
