//! Deposits that come back without the seller.

use std::time::Duration;

use alloy_primitives::U256;
use farthing_money::Amount;
use farthing_rail::{Channel, Reclaim, Sent, SessionPayer};
use farthing_rail_evm::evm::calldata::{self, PERMIT2};
use farthing_rail_evm::session::{ChannelTerms, Vault};

use crate::support::{DEPOSIT, PAYEE, PAYER, Stage, UNIT, reclaim};
use crate::{evm, tempo};

const GRACE: Duration = Duration::from_secs(901);

/// The payer asks for the rest, waits, and takes it; no step is taken twice, and none too early.
async fn taken_back(stage: &Stage, payer: &dyn SessionPayer, channel: &Channel) {
    let first = reclaim(payer, channel, Reclaim::Withdraw).await;
    assert!(matches!(&first, Sent::Never(why) if why.contains("comes first")), "{first:?}");
    assert_eq!(reclaim(payer, channel, Reclaim::Request).await, Sent::Moved);
    let standing = stage.standing(payer, channel).await;
    let (asked, until) = (standing.close_requested_at.unwrap(), standing.collect_until.unwrap());
    assert_eq!(until.since(asked), Duration::from_secs(900));
    assert_eq!(reclaim(payer, channel, Reclaim::Request).await, Sent::Moved);
    assert_eq!(stage.standing(payer, channel).await.close_requested_at, Some(asked));
    let early = reclaim(payer, channel, Reclaim::Withdraw).await;
    assert!(matches!(&early, Sent::Never(why) if why.contains("may still collect")), "{early:?}");
    stage.wait(GRACE).await;
    assert_eq!(reclaim(payer, channel, Reclaim::Withdraw).await, Sent::Moved);
    assert_eq!(reclaim(payer, channel, Reclaim::Withdraw).await, Sent::Moved);
}

async fn taken_back_on_tempo(stage: &Stage, vault: &Vault) {
    let (payer, request) = (tempo::payer(stage), tempo::request(stage, vault, true));
    let opened = stage.opened(&payer, &request).await;
    let terms: ChannelTerms = tempo::accept(stage, &opened).await.unwrap();
    let voucher = stage.voucher(&payer, &request, &opened.channel, 3 * UNIT, false).await;
    stage.settle(PAYEE, vault, &terms, &voucher).await;
    let before = stage.has(PAYER).await;
    taken_back(stage, &payer, &opened.channel).await;
    let standing = stage.standing(&payer, &opened.channel).await;
    assert_eq!((standing.closed, standing.settled), (true, Amount::new(3 * UNIT)));
    assert_eq!(standing.deposit, Amount::new(DEPOSIT));
    let (after, rest) = (stage.has(PAYER).await, DEPOSIT - 3 * UNIT);
    assert!(after > before && after <= before + rest, "{before} became {after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_in_version_1_s_contract_comes_back() {
    let (stage, stream) = tempo::stage().await;
    taken_back_on_tempo(&stage, &stream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_in_the_reserve_comes_back() {
    let (stage, _) = tempo::stage().await;
    let reserve = Vault::reserve(stage.devnet.chain_id());
    taken_back_on_tempo(&stage, &reserve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_on_an_evm_chain_comes_back() {
    let (stage, vault) = evm::stage().await;
    let (payer, request) = (evm::payer(&stage), evm::request(&stage, &vault, "authorization"));
    let before = stage.has(PAYER).await;
    let opened = stage.opened(&payer, &request).await;
    let terms = evm::accept(&stage, &payer, &opened).await.unwrap();
    let voucher = stage.voucher(&payer, &request, &opened.channel, 3 * UNIT, false).await;
    stage.settle(PAYEE, &vault, &terms, &voucher).await;
    taken_back(&stage, &payer, &opened.channel).await;
    let standing = stage.standing(&payer, &opened.channel).await;
    assert_eq!((standing.closed, standing.settled), (true, Amount::new(3 * UNIT)));
    assert_eq!(stage.has(PAYER).await, before - 3 * UNIT);
}

/// What a seller never submits is not there, and once it cannot be any more, it has cost nothing.
async fn never_opened(stage: &Stage, payer: &dyn SessionPayer, channel: &Channel) {
    let standing = stage.standing(payer, channel).await;
    assert_eq!((standing.deposit, standing.closed), (Amount::ZERO, false));
    let asked = reclaim(payer, channel, Reclaim::Request).await;
    assert!(matches!(&asked, Sent::Never(why) if why.contains("may still open it")), "{asked:?}");
    // The chain must have blocks after it that cannot be taken back.
    stage.wait(Duration::from_secs(601)).await;
    stage.devnet.mine(20).await.unwrap();
    let standing = stage.standing(payer, channel).await;
    assert_eq!((standing.deposit, standing.settled, standing.closed), (Amount::ZERO, Amount::ZERO, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_the_seller_never_opened_has_cost_nothing() {
    let (stage, stream) = tempo::stage().await;
    let reserve = Vault::reserve(stage.devnet.chain_id());
    for vault in [stream, reserve] {
        let payer = tempo::payer(&stage);
        let opened = stage.opened(&payer, &tempo::request(&stage, &vault, false)).await;
        never_opened(&stage, &payer, &opened.channel).await;
    }
    let (stage, vault) = evm::stage().await;
    let payer = evm::payer(&stage);
    let opened = stage.opened(&payer, &evm::request(&stage, &vault, "authorization")).await;
    never_opened(&stage, &payer, &opened.channel).await;
}

/// An opening in a block that is taken back is not there; nobody ends the session for that.
#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_is_taken_back_is_no_end() {
    let (stage, vault) = evm::stage().await;
    let (payer, request) = (evm::payer(&stage), evm::request(&stage, &vault, "authorization"));
    let opened = stage.opened(&payer, &request).await;
    let before = stage.devnet.snapshot().await.unwrap();
    evm::accept(&stage, &payer, &opened).await.unwrap();
    assert_eq!(stage.standing(&payer, &opened.channel).await.deposit, Amount::new(DEPOSIT));
    stage.devnet.revert(before).await.unwrap();
    let standing = stage.standing(&payer, &opened.channel).await;
    assert_eq!((standing.deposit, standing.closed), (Amount::ZERO, false));
    evm::accept(&stage, &payer, &opened).await.unwrap();
    assert_eq!(stage.standing(&payer, &opened.channel).await.deposit, Amount::new(DEPOSIT));
}

/// A deposit that this wallet sends itself is over when its place in the account's sequence is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_whose_number_another_transaction_took_never_moves() {
    let (stage, vault) = evm::stage().await;
    let (payer, request) = (evm::payer(&stage), evm::request(&stage, &vault, "hash"));
    let opened = stage.opened(&payer, &request).await;
    let approval = calldata::approve(PERMIT2, U256::ZERO);
    for _ in 0..2 {
        stage.say(PAYER, stage.devnet.token(), approval.clone()).await;
    }
    let sent = payer.send(opened.to_send.as_deref().unwrap()).await;
    assert!(matches!(&sent, Sent::Never(why) if why.contains("never will")), "{sent:?}");
    stage.devnet.mine(20).await.unwrap();
    let standing = stage.standing(&payer, &opened.channel).await;
    assert_eq!((standing.deposit, standing.closed), (Amount::ZERO, true));
}
