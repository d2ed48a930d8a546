//! A session on any EVM chain: deposits that we relay, and one that the payer sends.

use alloy_primitives::{Address, B256, Bytes, U256};
use farthing_money::Amount;
use farthing_protocol::ProblemType;
use farthing_rail::{Escrow as _, Settler as _};
use farthing_rail_evm::evm::calldata::{self, PERMIT2};
use farthing_rail_evm::session::{
    ChannelTerms, DepositKind, DepositProof, DepositWitness, PermittedDeposit, ReceiveAuthorization, SessionPayload,
    TopUpPayload,
};

use super::stage::{Channel, Collected, DEPOSIT, GRACE, PAYER, Stage, UNIT, held, not_held};
use crate::support::{account, fresh, seconds, settled};

pub(crate) const EVERY_WAY: [DepositKind; 3] = [DepositKind::Authorization, DepositKind::Permit2, DepositKind::Hash];

async fn authorization(stage: &Stage, nonce: B256, value: u128) -> DepositProof {
    let mut signed = ReceiveAuthorization {
        from: account(PAYER).address(),
        to: stage.vault.contract,
        value: U256::from(value),
        valid_after: U256::ZERO,
        valid_before: U256::from(seconds() + 120),
        nonce,
        signature: Bytes::new(),
    };
    let message = signed.message(&stage.world.token.separator().unwrap());
    signed.signature = account(PAYER).sign(&message).await.unwrap();
    DepositProof::Authorization(signed)
}

async fn permit(stage: &Stage, witness: DepositWitness, value: u128) -> DepositProof {
    let mut signed = PermittedDeposit {
        from: account(PAYER).address(),
        token: stage.world.token.contract,
        amount: U256::from(value),
        nonce: U256::from_be_bytes(fresh().0),
        deadline: U256::from(seconds() + 120),
        witness: witness.to_object(),
        signature: Bytes::new(),
    };
    signed.signature = account(PAYER).sign(&signed.message(&stage.vault, &witness)).await.unwrap();
    DepositProof::Permit2(signed)
}

async fn approve(stage: &Stage, spender: Address) {
    let data = calldata::approve(spender, U256::MAX);
    let token = stage.world.token.contract;
    stage.world.devnet.node().send(account(PAYER).address(), Some(token), data).await.unwrap();
}

/// What the payer sends by itself, and its hash.
async fn sent(stage: &Stage, data: Bytes) -> DepositProof {
    let receipt = stage.payer_sends(data).await;
    DepositProof::Hash(receipt["transactionHash"].as_str().unwrap().parse().unwrap())
}

async fn opening(stage: &Stage, kind: DepositKind, terms: &ChannelTerms) -> DepositProof {
    match kind {
        DepositKind::Authorization => authorization(stage, ReceiveAuthorization::opening_nonce(terms), DEPOSIT).await,
        DepositKind::Permit2 => {
            approve(stage, PERMIT2).await;
            permit(stage, DepositWitness::opening(terms), DEPOSIT).await
        }
        _ => {
            approve(stage, stage.vault.contract).await;
            sent(stage, stage.vault.open(terms, Amount::new(DEPOSIT))).await
        }
    }
}

async fn channel(stage: &Stage, kind: DepositKind) -> Channel {
    let terms = stage.terms();
    let deposit = opening(stage, kind, &terms).await;
    let payload = stage.open_payload(&terms, deposit, UNIT).await;
    stage.read_channel(terms, payload)
}

/// A channel that is open on the chain.
pub(crate) async fn opened(stage: &Stage) -> Channel {
    let channel = channel(stage, DepositKind::Authorization).await;
    held(stage.deposit(&channel.claim()).await);
    channel
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_opened_filled_settled_and_closed_in_every_way() {
    let stage = Stage::evm().await;
    let payer = account(PAYER).address();
    for kind in EVERY_WAY {
        let before = stage.world.has(payer).await;
        let channel = channel(&stage, kind).await;
        assert_eq!(held(stage.deposit(&channel.claim()).await).deposit, Amount::new(DEPOSIT));

        let (id, more, salt) = (channel.id, Amount::new(DEPOSIT), fresh());
        let deposit = match kind {
            DepositKind::Authorization => {
                let nonce = ReceiveAuthorization::top_up_nonce(id, more, payer, salt);
                authorization(&stage, nonce, DEPOSIT).await
            }
            DepositKind::Permit2 => permit(&stage, DepositWitness::TopUp { channel: id }, DEPOSIT).await,
            _ => sent(&stage, stage.vault.top_up(&channel.terms, more)).await,
        };
        let salt = (kind == DepositKind::Authorization).then_some(salt);
        let payload = TopUpPayload { channel: id, deposit, additional: more, salt, descriptor: None };
        let claim = stage.adding(&channel, &SessionPayload::TopUp(Box::new(payload)));
        assert_eq!(held(stage.deposit(&claim).await).deposit, Amount::new(2 * DEPOSIT), "{kind:?}");

        let first = stage.voucher(&channel, 10 * UNIT).await;
        stage
            .collect(&channel, &Collected { voucher: Some(&first), settled: 0, capture: 10 * UNIT, closes: false })
            .await;
        let last = stage.voucher(&channel, 25 * UNIT).await;
        let close = Collected { voucher: Some(&last), settled: 10 * UNIT, capture: 25 * UNIT, closes: true };
        let claim = stage.collecting(&channel, &close);
        settled(stage.rail.settle(&claim).await);
        assert!(stage.standing(&channel).await.closed);
        assert_eq!(stage.world.has(payer).await, before - 25 * UNIT, "{kind:?}");
    }
}

/// Whoever saw the payer's signature may send it: the channel is the payer's and ours all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_that_somebody_else_relays_first_is_there() {
    let stage = Stage::evm().await;
    for kind in [DepositKind::Authorization, DepositKind::Permit2] {
        let channel = channel(&stage, kind).await;
        let SessionPayload::Open(open) = &channel.payload else { panic!("not an opening") };
        let data = stage.vault.open_for_payer(&channel.terms, &open.deposit).unwrap();
        stage.world.devnet.node().send(account(3).address(), Some(stage.vault.contract), data).await.unwrap();
        assert_eq!(held(stage.deposit(&channel.claim()).await).deposit, Amount::new(DEPOSIT), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g_05_a_signature_for_another_channel_opens_nothing() {
    let stage = Stage::evm().await;
    for kind in [DepositKind::Authorization, DepositKind::Permit2] {
        let deposit = opening(&stage, kind, &stage.terms()).await;
        let payload = stage.open_payload(&stage.terms(), deposit, UNIT).await;
        let refusal = stage.read(&SessionPayload::Open(Box::new(payload))).unwrap_err();
        assert_eq!(refusal.problem, ProblemType::VerificationFailed, "{kind:?}: {refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_opened_nothing_is_no_deposit() {
    let stage = Stage::evm().await;
    let (shown, other) = (stage.terms(), stage.terms());
    approve(&stage, stage.vault.contract).await;
    let deposit = sent(&stage, stage.vault.open(&other, Amount::new(DEPOSIT))).await;
    let payload = stage.open_payload(&shown, deposit, UNIT).await;
    let channel = stage.read_channel(shown, payload);
    let rejected = not_held(stage.deposit(&channel.claim()).await);
    assert_eq!(rejected.refusal.problem, ProblemType::SessionChannelNotFound);

    let unheard_of = DepositProof::Hash(fresh());
    let payload = stage.open_payload(&shown, unheard_of, UNIT).await;
    let channel = stage.read_channel(shown, payload);
    let _unknown = stage.deposit(&channel.claim()).await;
    not_held(stage.resolve(&channel.claim()).await);
}

/// What was true in the block of an opening is not believed when it is shown: a payer would be served on a deposit
/// that it has taken back.
#[tokio::test(flavor = "multi_thread")]
async fn g_04_an_opening_that_is_shown_late_is_worth_what_the_chain_says_now() {
    let stage = Stage::evm().await;
    let leaving = channel(&stage, DepositKind::Hash).await;
    stage.payer_sends(stage.vault.request_close(&leaving.terms)).await;
    assert!(held(stage.deposit(&leaving.claim()).await).close_requested_at.is_some(), "it serves nothing");

    let used = opened(&stage).await;
    let voucher = stage.voucher(&used, 4 * UNIT).await;
    let take = Collected { voucher: Some(&voucher), settled: 0, capture: 4 * UNIT, closes: false };
    stage.collect(&used, &take).await;
    let again = not_held(stage.rail.lookup_deposit(&used.claim()).await);
    assert_eq!(again.refusal.problem, ProblemType::SessionChannelFinalized, "its vouchers were served elsewhere");

    let gone = channel(&stage, DepositKind::Hash).await;
    stage.payer_sends(stage.vault.request_close(&gone.terms)).await;
    stage.world.devnet.warp(GRACE).await.unwrap();
    stage.payer_sends(stage.vault.withdraw(&gone.terms)).await;
    assert_eq!(not_held(stage.deposit(&gone.claim()).await).refusal.problem, ProblemType::SessionChannelFinalized);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_without_money_is_told_so() {
    let stage = Stage::evm().await;
    let terms = stage.terms();
    let nonce = ReceiveAuthorization::opening_nonce(&terms);
    let deposit = authorization(&stage, nonce, 1 << 100).await;
    let payload = stage.open_payload(&terms, deposit, UNIT).await;
    let channel = stage.read_channel(terms, payload);
    let rejected = not_held(stage.deposit(&channel.claim()).await);
    assert_eq!(rejected.refusal.problem, ProblemType::SessionInsufficientBalance, "{}", rejected.reason);
}

/// The recipient's key signs and never pays for gas: another account sends what it signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_who_only_signs_is_paid_by_what_another_sends() {
    const RECIPIENT: usize = 4;
    let stage = Stage::evm().await.for_recipient(RECIPIENT);
    let recipient = account(RECIPIENT).address();
    let before = stage.world.has(recipient).await;
    let channel = opened(&stage).await;
    assert_eq!(channel.terms.payee, recipient);
    let first = stage.voucher(&channel, 10 * UNIT).await;
    stage.collect(&channel, &Collected { voucher: Some(&first), settled: 0, capture: 10 * UNIT, closes: false }).await;
    let last = stage.voucher(&channel, 25 * UNIT).await;
    let close = Collected { voucher: Some(&last), settled: 10 * UNIT, capture: 25 * UNIT, closes: true };
    stage.collect(&channel, &close).await;
    assert!(stage.standing(&channel).await.closed);
    assert_eq!(stage.world.has(recipient).await, before + 25 * UNIT);
}
