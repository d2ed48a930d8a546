//! Payments that are good: settled once, in both versions, whatever happens meanwhile.

use alloy_primitives::U256;
use serde_json::{Value, json};

use crate::signed::{Authorized, PRICE};
use crate::stage::{PAYER, SIGNER, Stage};

#[tokio::test]
async fn an_authorization_pays_in_both_versions_and_is_told_as_it_stands_on_the_chain() {
    let stage = Stage::new("").await;
    for (nonce, is_first) in [("first", true), ("second", false)] {
        let payment = Authorized::new(&stage, nonce).await;
        let request = if is_first { payment.first_version() } else { payment.request() };
        let (sent, has, got) = stage.state().await;
        let hash = stage.settles(&request).await;
        let price = U256::from(PRICE);
        assert_eq!(stage.state().await, (sent + 1, has - price, got + price));
        let again = stage.post("/settle", &request).await;
        let network = if is_first { "base-sepolia" } else { "eip155:84532" };
        let told = ["success", "payer", "network", "errorReason"].map(|member| again.body[member].clone());
        let payer = PAYER.address.to_checksum(None);
        assert_eq!(told, [json!(false), json!(payer), json!(network), json!("duplicate_settlement")]);
        assert!(again.body["errorMessage"].as_str().unwrap().contains(&hash), "{again:?}");
        let receipt: Value = stage.chain.node().request("eth_getTransactionReceipt", json!([hash])).await.unwrap();
        assert_eq!(receipt["status"], "0x1");
    }
}

#[tokio::test]
async fn f_12_what_is_supported_is_what_works() {
    let stage = Stage::new("").await;
    let supported = stage.get("/supported").await.body;
    let kinds = supported["kinds"].as_array().unwrap();
    assert!(kinds.contains(&json!({ "x402Version": 2, "scheme": "exact", "network": "eip155:84532" })), "{supported}");
    assert!(kinds.contains(&json!({ "x402Version": 1, "scheme": "exact", "network": "base-sepolia" })), "{supported}");
    assert_eq!(supported["signers"]["eip155:84532"], json!([SIGNER.address.to_checksum(None)]));
}

#[tokio::test]
async fn a_02_d_03_eight_settlements_at_once_are_one_transaction_and_told_once() {
    let stage = Stage::new("").await;
    let payment = Authorized::new(&stage, "parallel").await;
    let (second, first) = (payment.request(), payment.first_version());
    let sent = stage.sent().await;
    let requests = (0..8).map(|number| if number % 2 == 0 { &second } else { &first });
    let told = futures_util::future::join_all(requests.map(|request| stage.post("/settle", request))).await;
    assert_eq!(told.iter().filter(|told| told.body["success"] == true).count(), 1, "{told:?}");
    let others = told.iter().filter(|told| told.body["errorReason"] == "duplicate_settlement");
    assert_eq!(others.count(), 7, "{told:?}");
    assert_eq!(stage.sent().await, sent + 1);
}

#[tokio::test]
async fn a_07_a_payment_that_was_settled_elsewhere_before_is_used() {
    let stage = Stage::new("").await;
    let payment = Authorized::new(&stage, "front-run").await;
    let request = payment.request();
    submit(&stage, &payment).await;
    let sent = stage.sent().await;
    let verified = stage.post("/verify", &request).await;
    assert_eq!(verified.body["invalidReason"], "invalid_exact_evm_nonce_already_used", "{verified:?}");
    let settled = stage.post("/settle", &request).await;
    assert_eq!(settled.body["success"], false, "another facilitator told another request of it: {settled:?}");
    assert_eq!(settled.body["errorReason"], "invalid_exact_evm_nonce_already_used", "{settled:?} {}", stage.log());
    assert_eq!(stage.sent().await, sent);
}

/// Somebody else brings it into a block.
async fn submit(stage: &Stage, payment: &Authorized) {
    use alloy_sol_types::SolCall as _;
    alloy_sol_types::sol! {
        function transferWithAuthorization(
            address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce,
            bytes signature
        );
    }
    let message = payment.message.clone();
    let call = transferWithAuthorizationCall {
        from: message.from,
        to: message.to,
        value: message.value,
        validAfter: message.validAfter,
        validBefore: message.validBefore,
        nonce: message.nonce,
        signature: payment.signature(),
    };
    stage
        .chain
        .node()
        .send(farthing_devnet::ACCOUNTS[5].address, Some(stage.chain.token()), call.abi_encode())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_settlement_survives_the_end_of_its_process() {
    let mut stage = Stage::new("").await;
    stage.chain.set_instant(false).await.unwrap();
    let request = Authorized::new(&stage, "killed").await.request();
    let sent = stage.sent().await;
    let url = format!("{}/settle", stage.url());
    // Under a name: it may be written down that this request was told, and the process end before it was.
    let first = reqwest::Client::new().post(url).header("idempotency-key", "first");
    let asked = tokio::spawn(first.json(&request).send());
    while stage.sent().await == sent {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    stage.kill();
    let answer = asked.await.unwrap();
    stage.start();
    if answer.is_ok_and(|answer| answer.status() == 200) {
        // A block came before the end did, and somebody was told.
        let again = stage.post("/settle", &request).await;
        assert_eq!(again.body["errorReason"], "duplicate_settlement", "{again:?}");
        assert_eq!(stage.sent().await, sent + 1);
        return;
    }
    let mut told = stage.post_under("first", "/settle", &request).await;
    for _ in 0..50 {
        if told.status == 200 {
            break;
        }
        assert_eq!(told.body["errorReason"], "settlement_pending", "{told:?}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        told = stage.post_under("first", "/settle", &request).await;
    }
    assert_eq!(told.body["success"], true, "{told:?}");
    assert_eq!(stage.sent().await, sent + 1);
}

#[tokio::test]
async fn d_08_settling_takes_two_round_trips_and_verifying_one() {
    let stage = Stage::new("").await;
    stage.settles(&Authorized::new(&stage, "warm").await.request()).await;
    let payment = Authorized::new(&stage, "counted").await.request();
    let before = stage.node.round_trips();
    assert_eq!(stage.post("/verify", &payment).await.body["isValid"], true);
    assert_eq!(stage.node.round_trips() - before, 1, "D-08");
    let settled = stage.post("/settle", &payment).await;
    assert_eq!(settled.body["success"], true);
    assert_eq!(stage.node.round_trips() - before, 3);
    let again = stage.post("/settle", &payment).await;
    assert_eq!(again.body["errorReason"], "duplicate_settlement");
    assert_eq!(stage.node.round_trips() - before, 3, "what is known needs nobody");
}
