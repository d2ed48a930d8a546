//! Authorizations that are wrong in one thing each, posted to `/verify` and straight to `/settle`.

use alloy_primitives::{Address, Bytes, U256};
use farthing_devnet::{ACCOUNTS, base_sepolia, with_deployment};
use serde_json::{Value, json};

use crate::signed::{Authorized, LIFE, PRICE, nobody};
use crate::stage::{PAYER, Stage};

/// What is made wrong.
type Change<'a> = &'a dyn Fn(&mut Authorized);

const AMOUNT: &str = "invalid_exact_evm_payload_authorization_value_mismatch";
const SIGNATURE: &str = "invalid_exact_evm_payload_signature";
const AFTER: &str = "invalid_exact_evm_payload_authorization_valid_after";
const BEFORE: &str = "invalid_exact_evm_payload_authorization_valid_before";

#[tokio::test]
async fn c_01_to_c_09_each_wrong_thing_has_its_code_and_costs_nothing() {
    let stage = Stage::new("").await;
    let good = Authorized::new(&stage, "good").await;
    let now = stage.time().await;
    let cases: [(&str, &str, Change<'_>); 13] = [
        ("C-01 a unit less", AMOUNT, &|it| it.message.value = U256::from(PRICE - 1)),
        ("C-02 a unit more", AMOUNT, &|it| it.message.value = U256::from(PRICE + 1)),
        ("C-03 to another", "invalid_exact_evm_payload_recipient_mismatch", &|it| it.message.to = nobody()),
        ("C-04 another token", SIGNATURE, &|it| it.domain.verifying_contract = Some(nobody())),
        ("C-05 another chain", SIGNATURE, &|it| it.domain.chain_id = Some(U256::from(1))),
        ("C-06 another name", SIGNATURE, &|it| it.domain.name = Some("USD Coin".into())),
        ("C-06 another version", SIGNATURE, &|it| it.domain.version = Some("1".into())),
        ("C-07 for ten years", BEFORE, &|it| it.message.validBefore = U256::from(now + 315_360_000)),
        ("F-05 for a minute too long", BEFORE, &|it| it.message.validBefore = U256::from(now + LIFE + 60)),
        ("C-08 not yet", AFTER, &|it| it.message.validAfter = U256::from(now + 90)),
        ("C-09 for three seconds more", BEFORE, &|it| it.message.validBefore = U256::from(now + 3)),
        ("F-04 over", BEFORE, &|it| it.message.validBefore = U256::from(now - 1)),
        ("another's signature", SIGNATURE, &|it| it.by = ACCOUNTS[4]),
    ];
    let asked = stage.node.round_trips();
    for (what, code, change) in cases {
        stage.refuses(what, &good.clone().with(change).request(), code).await;
    }
    assert_eq!(stage.node.round_trips(), asked, "D-07: bad payments are told by their bytes");
    stage.settles(&good.request()).await;
}

#[tokio::test]
async fn c_10_clocks_may_differ_by_the_declared_skew() {
    let stage = Stage::new("").await;
    let good = Authorized::new(&stage, "skew").await;
    let now = stage.time().await;
    let within = good.clone().with(|it| it.message.validBefore = U256::from(now + LIFE + 20));
    assert_eq!(stage.post("/verify", &within.request()).await.body["isValid"], true, "a payer whose clock is ahead");
    let beyond = good.with(|it| it.message.validBefore = U256::from(now + LIFE + 45));
    stage.refuses("beyond the skew", &beyond.request(), BEFORE).await;
}

#[tokio::test]
async fn c_11_accepted_and_asked_are_one() {
    let stage = Stage::new("").await;
    let good = Authorized::new(&stage, "accepted").await.request();
    for (member, value, code) in [
        ("amount", json!("10001"), AMOUNT),
        ("payTo", json!(nobody().to_string()), "invalid_payment_requirements"),
        ("asset", json!(nobody().to_string()), "invalid_payment_requirements"),
        ("network", json!("eip155:8453"), "invalid_payment_requirements"),
        ("scheme", json!("upto"), "invalid_payment_requirements"),
        ("maxTimeoutSeconds", json!(LIFE + 1), "invalid_payment_requirements"),
        ("extra", json!({ "name": "USDC", "version": "1" }), "invalid_payment_requirements"),
    ] {
        let mut request = good.clone();
        request["paymentPayload"]["accepted"][member] = value;
        stage.refuses(member, &request, code).await;
    }
}

#[tokio::test]
async fn c_14_c_18_a_payload_has_one_spelling() {
    let stage = Stage::new("").await;
    let good = Authorized::new(&stage, "spelling").await.request();
    let long = "9".repeat(400);
    for spelling in ["0x2710", "010000", " 10000", "+10000", "1e4", "10000.0", "-1", "", &long] {
        for member in ["value", "validBefore", "validAfter"] {
            let mut request = good.clone();
            request["paymentPayload"]["payload"]["authorization"][member] = json!(spelling);
            stage.refuses(&format!("{member} {spelling}"), &request, "invalid_payload").await;
        }
    }
    let places: [(&str, Value); 6] = [
        ("/authorization/value", json!(PRICE)),
        ("/authorization/from", json!("0x1")),
        ("/authorization/to", json!("0x\u{0430}000000000000000000000000000000000000000")),
        ("/authorization/nonce", json!("0x00\u{0}")),
        ("/authorization/nonce", json!("0x00")),
        ("/signature", json!("0xzz")),
    ];
    for (place, value) in places {
        let mut request = good.clone();
        *request["paymentPayload"]["payload"].pointer_mut(place).unwrap() = value;
        stage.refuses(place, &request, "invalid_payload").await;
    }
}

#[tokio::test]
async fn c_20_a_signature_has_one_form() {
    let stage = Stage::new("").await;
    let good = Authorized::new(&stage, "signature").await;
    let signature = good.signature();
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = signature.to_vec();
        change(&mut bytes);
        Bytes::from(bytes)
    };
    let order: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap();
    let high = order - U256::from_be_slice(&signature[32..64]);
    for (what, bytes) in [
        (
            "high s",
            changed(&|bytes| {
                bytes[32..64].copy_from_slice(&high.to_be_bytes::<32>());
                bytes[64] = if bytes[64] == 27 { 28 } else { 27 };
            }),
        ),
        ("v is 0 or 1", changed(&|bytes| bytes[64] -= 27)),
        ("v is 29", changed(&|bytes| bytes[64] = 29)),
        (
            "compact",
            changed(&|bytes| {
                bytes[32] |= (bytes[64] - 27) << 7;
                bytes.truncate(64);
            }),
        ),
        ("66 bytes", changed(&|bytes| bytes.push(0))),
        ("zeros", Bytes::from(vec![0; 65])),
        ("r is 0", changed(&|bytes| bytes[..32].fill(0))),
        ("s is 0", changed(&|bytes| bytes[32..64].fill(0))),
        ("r is n", changed(&|bytes| bytes[..32].copy_from_slice(&order.to_be_bytes::<32>()))),
        ("s is n", changed(&|bytes| bytes[32..64].copy_from_slice(&order.to_be_bytes::<32>()))),
        ("empty", Bytes::new()),
    ] {
        stage.refuses(what, &good.request_with(&bytes), SIGNATURE).await;
        let from_nobody = good.clone().with(|it| it.message.from = Address::ZERO);
        let request = from_nobody.request_with(&bytes);
        let told = stage.post("/settle", &request).await;
        assert_ne!(told.body["success"], true, "{what}: a failed recovery is nobody's signature");
    }
    stage.settles(&good.request()).await;
}

#[tokio::test]
async fn c_23_d_01_d_02_no_call_of_a_payers_is_ever_made() {
    let stage = Stage::new("contract_payers = true").await;
    let good = Authorized::new(&stage, "wrapped").await;
    let gas = stage.gas_money().await;
    // An approval of the signer's own tokens, a burner of gas, nothing at all.
    let approval = [&alloy_primitives::keccak256("approve(address,uint256)")[..4], &[0; 64]].concat();
    for (factory, call) in [(base_sepolia::USDC, approval), (nobody(), vec![1, 2, 3]), (PAYER.address, Vec::new())] {
        let wrapped = with_deployment(factory, &call, &good.signature());
        let told = stage.post("/verify", &good.request_with(&wrapped)).await;
        assert_eq!(told.body["invalidReason"], "eip6492_factory_not_allowed", "{told:?}");
        let told = stage.post("/settle", &good.request_with(&wrapped)).await;
        assert_eq!(told.body["errorReason"], "eip6492_factory_not_allowed", "{told:?}");
    }
    assert_eq!(stage.gas_money().await, gas);
    stage.settles(&good.request()).await;
}
