//! A session on Tempo, in both of its escrows.

use farthing_money::Amount;
use farthing_rail::{Settler as _, Standing};
use farthing_rail_evm::session::VaultKind;
use farthing_testing_rpc::faults::Fault;

use super::stage::{Collected, DEPOSIT, PAYER, Stage, UNIT, held};
use crate::support::{account, settled};

const SEND: &str = "eth_sendRawTransactionSync";

async fn each(test: impl AsyncFn(Stage)) {
    test(Stage::reserve().await).await;
    test(Stage::stream().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_opened_filled_settled_twice_and_closed_with_the_rest_back() {
    each(async |stage| {
        let (payer, seller) = (account(PAYER).address(), stage.world.signer);
        let channel = stage.opened(DEPOSIT, UNIT).await;
        let standing = held(stage.deposit(&stage.addition(&channel, DEPOSIT, true).await).await);
        assert_eq!((standing.deposit, standing.settled), (Amount::new(2 * DEPOSIT), Amount::ZERO));

        // A seller whose till pays the gas too: what it gets is what the payment says.
        let first = stage.voucher(&channel, 10 * UNIT).await;
        let take = Collected { voucher: Some(&first), settled: 0, capture: 10 * UNIT, closes: false };
        let claim = stage.collecting(&channel, &take);
        assert_eq!(claim.proof.amount, Amount::new(10 * UNIT));
        let before = stage.world.has(seller).await;
        let collected = settled(stage.rail.settle(&claim).await);
        assert_eq!(stage.world.has(seller).await, before + 10 * UNIT - collected.fee.units());
        assert_eq!(stage.standing(&channel).await.settled, Amount::new(10 * UNIT));

        let second = stage.voucher(&channel, 25 * UNIT).await;
        let take = Collected { voucher: Some(&second), settled: 10 * UNIT, capture: 25 * UNIT, closes: false };
        let claim = stage.collecting(&channel, &take);
        assert_eq!(claim.proof.amount, Amount::new(15 * UNIT), "what the second adds to the first");
        settled(stage.rail.settle(&claim).await);

        // The reserve gives less than the voucher says, where less was delivered.
        let last = stage.voucher(&channel, 40 * UNIT).await;
        let capture = if stage.vault.kind == VaultKind::Reserve { 30 * UNIT } else { 40 * UNIT };
        let before = stage.world.has(payer).await;
        let close = Collected { voucher: Some(&last), settled: 25 * UNIT, capture, closes: true };
        let claim = stage.collecting(&channel, &close);
        assert_eq!(claim.proof.amount, Amount::new(capture - 25 * UNIT));
        let closed = settled(stage.rail.settle(&claim).await);
        assert_eq!(stage.world.has(payer).await, before + 2 * DEPOSIT - capture);
        assert!(stage.standing(&channel).await.closed);
        assert_eq!(closed.captured, None);
        stage.world.devnet.mine(5).await.unwrap();
        assert_eq!(stage.rail.confirm(&claim, &closed).await, Standing::Final);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_whose_fee_we_pay_costs_its_payer_the_deposit_alone() {
    each(async |stage| {
        let before = stage.world.has(account(PAYER).address()).await;
        let channel = stage.channel(DEPOSIT, UNIT, true).await;
        held(stage.deposit(&channel.claim()).await);
        assert_eq!(stage.world.has(account(PAYER).address()).await, before - DEPOSIT);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_opened_once_whatever_becomes_of_the_answer() {
    each(async |stage| {
        for sponsored in [false, true] {
            for fault in [Fault::Lost, Fault::Twice, Fault::Swallowed] {
                let before = stage.world.has(stage.vault.contract).await;
                let channel = stage.channel(DEPOSIT, UNIT, sponsored).await;
                stage.world.faults.next(SEND, 1, fault);
                let _at_once = stage.deposit(&channel.claim()).await;
                let standing = held(stage.resolve(&channel.claim()).await);
                assert_eq!(standing.deposit, Amount::new(DEPOSIT));
                assert_eq!(stage.world.has(stage.vault.contract).await, before + DEPOSIT);
            }
        }
    })
    .await;
}

/// What a statement shows of the seller's account is what collections say that they were.
#[tokio::test(flavor = "multi_thread")]
async fn every_movement_of_a_collection_stands_in_the_statement() {
    each(async |stage| {
        let channel = stage.opened(DEPOSIT, UNIT).await;
        let voucher = stage.voucher(&channel, 10 * UNIT).await;
        let take = Collected { voucher: Some(&voucher), settled: 0, capture: 10 * UNIT, closes: false };
        let collected = stage.collect(&channel, &take).await;
        stage.world.devnet.mine(5).await.unwrap();
        let statement = stage.world.seller.statement(&farthing_rail::Cursor::default()).await.unwrap();
        let ours = statement.movements.iter().filter(|movement| movement.reference == collected.reference);
        let mut shown: Vec<_> = ours.map(|movement| movement.key.clone()).collect();
        let mut consumed = collected.consumed.clone();
        shown.sort();
        consumed.sort();
        assert_eq!(shown, consumed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_made_once_over_a_lost_answer_and_a_restart() {
    let stage = Stage::reserve().await;
    let channel = stage.opened(DEPOSIT, UNIT).await;
    let voucher = stage.voucher(&channel, 10 * UNIT).await;
    let take = Collected { voucher: Some(&voucher), settled: 0, capture: 10 * UNIT, closes: false };
    let claim = stage.collecting(&channel, &take);
    stage.world.faults.next(SEND, 1, Fault::Swallowed);
    let _at_once = stage.rail.settle(&claim).await;
    let stage = stage.restart().await;
    for _ in 0..150 {
        if let farthing_rail::Settlement::Settled(_) = stage.rail.lookup(&claim).await {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    settled(stage.rail.lookup(&claim).await);
    assert_eq!(stage.standing(&channel).await.settled, Amount::new(10 * UNIT));
}

/// Something was collected that the books do not know of: the payment says how much was left.
#[tokio::test(flavor = "multi_thread")]
async fn a_collection_says_how_much_it_really_took() {
    each(async |stage| {
        let channel = stage.opened(DEPOSIT, UNIT).await;
        let first = stage.voucher(&channel, 4 * UNIT).await;
        stage
            .collect(&channel, &Collected { voucher: Some(&first), settled: 0, capture: 4 * UNIT, closes: false })
            .await;
        let second = stage.voucher(&channel, 10 * UNIT).await;
        let forgetful = Collected { voucher: Some(&second), settled: 0, capture: 10 * UNIT, closes: false };
        let collected = stage.collect(&channel, &forgetful).await;
        assert_eq!(collected.captured, Some(Amount::new(6 * UNIT)));
        assert!(!collected.consumed.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_took_nothing_is_closed_without_a_voucher() {
    each(async |stage| {
        let channel = stage.opened(DEPOSIT, UNIT).await;
        let before = stage.world.has(account(PAYER).address()).await;
        let close = Collected { voucher: None, settled: 0, capture: 0, closes: true };
        let claim = stage.collecting(&channel, &close);
        assert!(claim.proof.amount.is_zero());
        settled(stage.rail.settle(&claim).await);
        assert_eq!(stage.world.has(account(PAYER).address()).await, before + DEPOSIT);
        assert!(stage.standing(&channel).await.closed);
    })
    .await;
}
