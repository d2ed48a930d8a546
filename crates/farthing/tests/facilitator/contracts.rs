//! Tokens and wallets that do not keep their word.

use alloy_primitives::U256;
use farthing_devnet::{TokenMood, WalletMood, base_sepolia};
use serde_json::json;

use crate::signed::{Authorized, PRICE};
use crate::stage::{PAYEE, PAYER, SIGNER, Stage};

const NODE: [&str; 2] = ["/verify", "/settle"];

#[tokio::test]
async fn c_04_c_12_an_asset_that_is_no_token_of_ours_is_refused() {
    let stage = Stage::new("").await;
    let other = stage.chain.deploy(farthing_devnet::contracts::TEST_USDC.creation().unwrap()).await.unwrap();
    for asset in [other, PAYER.address] {
        let request = Authorized::new(&stage, "other").await.with(|it| {
            it.domain.verifying_contract = Some(asset);
            it.requirements["asset"] = json!(asset.to_string());
        });
        stage.refuses("another asset", &request.request(), "invalid_payment_requirements").await;
    }
}

#[tokio::test]
async fn c_12_a_token_without_code_is_a_clean_refusal() {
    let stage = Stage::new("").await;
    let request = Authorized::new(&stage, "gone").await.request();
    stage.chain.remove_code(base_sepolia::USDC).await.unwrap();
    let sent = stage.sent().await;
    for path in NODE {
        let told = stage.post(path, &request).await;
        assert!(told.body["isValid"] != true && told.body["success"] != true && told.status == 200, "{told:?}");
    }
    assert_eq!(stage.sent().await, sent);
}

#[tokio::test]
async fn c_13_money_that_did_not_move_as_asked_is_never_a_success() {
    let stage = Stage::new("").await;
    stage.chain.turn_token_hostile().await.unwrap();
    // What a token says in its logs is believed: tokens are those that the owner lists. One whose logs lie
    // (ClaimsToMove, HidesFee) is not found out.
    for (mood, moves) in [
        (TokenMood::MovesNothing, false),
        (TokenMood::TakesFee, false),
        (TokenMood::MovesSilently, true),
        (TokenMood::BurnsGas, false),
    ] {
        stage.chain.set_token_mood(mood).await.unwrap();
        let before = stage.chain.balance(PAYEE).await.unwrap();
        let request = Authorized::new(&stage, &format!("{mood:?}")).await.request();
        let told = stage.post("/settle", &request).await;
        let got = stage.chain.balance(PAYEE).await.unwrap() - before;
        let is_whole = got == U256::from(PRICE);
        assert!(told.body["success"] != true || is_whole, "{mood:?}: {told:?}, {got} came");
        assert_eq!(is_whole, moves, "{mood:?}: {got}");
    }
    stage.chain.set_token_mood(TokenMood::ReturnsNothing).await.unwrap();
    stage.settles(&Authorized::new(&stage, "wordless").await.request()).await;
}

#[tokio::test]
async fn c_22_a_wallet_that_changes_its_mind_gets_nothing_settled_that_did_not_move() {
    let stage = Stage::new("contract_payers = true").await;
    let wallet = stage.chain.moody_wallet(PAYER.address).await.unwrap();
    stage.chain.fund(wallet, U256::from(PRICE * 100)).await.unwrap();
    for mood in [
        WalletMood::Refuses,
        WalletMood::CheapGas(0),
        WalletMood::OtherOrigin(SIGNER.address),
        WalletMood::EarlyBlock(0),
        WalletMood::AmpleGas(10_000_000),
        WalletMood::OneCoinbase(SIGNER.address),
        WalletMood::BurnsGas(3_000_000),
    ] {
        stage.chain.set_wallet_mood(wallet, mood).await.unwrap();
        let before = stage.chain.balance(PAYEE).await.unwrap();
        let request = Authorized::new(&stage, &format!("{mood:?}")).await.with(|it| it.message.from = wallet).request();
        let told = stage.post("/settle", &request).await;
        let got = stage.chain.balance(PAYEE).await.unwrap() - before;
        assert_eq!(told.body["success"] == true, got == U256::from(PRICE), "{mood:?}: {told:?}, {got} came");
    }
    stage.chain.set_wallet_mood(wallet, WalletMood::Honest).await.unwrap();
    let honest = Authorized::new(&stage, "honest").await.with(|it| it.message.from = wallet);
    stage.settles(&honest.request()).await;
}

#[tokio::test]
async fn c_22_without_contract_payers_a_wallets_word_is_not_asked_for() {
    let stage = Stage::new("").await;
    let wallet = stage.chain.moody_wallet(PAYER.address).await.unwrap();
    let request = Authorized::new(&stage, "wallet").await.with(|it| it.message.from = wallet).request();
    stage.refuses("a wallet", &request, "invalid_exact_evm_payload_signature").await;
}

#[tokio::test]
async fn c_26_what_a_token_refuses_is_told_and_never_broadcast() {
    let stage = Stage::new("").await;
    stage.chain.turn_token_hostile().await.unwrap();
    let sent = stage.sent().await;
    let refuse = async |what: &str| {
        let request = Authorized::new(&stage, what).await.request();
        for path in NODE {
            let told = stage.post(path, &request).await;
            assert!(told.status == 200 && told.body["isValid"] != true && told.body["success"] != true, "{told:?}");
        }
    };
    stage.chain.blacklist(PAYER.address, true).await.unwrap();
    refuse("payer").await;
    stage.chain.blacklist(PAYER.address, false).await.unwrap();
    stage.chain.refuse_payee(PAYEE, true).await.unwrap();
    refuse("payee").await;
    stage.chain.refuse_payee(PAYEE, false).await.unwrap();
    stage.chain.pause_token(true).await.unwrap();
    refuse("paused").await;
    assert_eq!(stage.sent().await, sent, "nothing was broadcast");
    stage.chain.pause_token(false).await.unwrap();
    // What was refused is good again: its payer lost nothing.
    stage.settles(&Authorized::new(&stage, "paused").await.request()).await;
}

#[tokio::test]
async fn c_27_what_was_verified_is_looked_at_again_when_it_is_settled() {
    let stage = Stage::new("").await;
    let request = Authorized::new(&stage, "upgraded").await.request();
    assert_eq!(stage.post("/verify", &request).await.body["isValid"], true);
    stage.chain.turn_token_hostile().await.unwrap();
    stage.chain.set_token_mood(TokenMood::MovesNothing).await.unwrap();
    let before = stage.chain.balance(PAYEE).await.unwrap();
    let told = stage.post("/settle", &request).await;
    assert_eq!(told.body["success"], false, "{told:?}");
    assert_eq!(stage.chain.balance(PAYEE).await.unwrap(), before);
}

#[tokio::test]
async fn f_06_a_payer_without_money_is_told_so_and_may_come_again() {
    let stage = Stage::new("").await;
    let poor = farthing_devnet::DevelopmentAccount { address: PAYER.address, ..PAYER };
    let all = stage.chain.balance(poor.address).await.unwrap();
    let request = Authorized::new(&stage, "rich").await.with(|it| {
        it.message.value = all + U256::from(1);
        it.requirements["amount"] = json!((all + U256::from(1)).to_string());
    });
    stage.refuses("too much", &request.request(), "insufficient_funds").await;
    stage.chain.fund(poor.address, U256::from(1)).await.unwrap();
    stage.settles(&request.request()).await;
}
