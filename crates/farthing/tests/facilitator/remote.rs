//! A seller without a signer has its payments settled by a facilitator of ours.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::U256;
use farthing_dialects::x402::Requirements;
use farthing_money::Amount;
use farthing_protocol::{ChallengeId, ChargeRequest, Credential, Realm, Timestamp};
use farthing_rail::{Acceptor, Claim, Hold, Order, PaymentId, Presented, Settlement, Settler};
use farthing_rail_evm::{Place, Seller};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::permits::Permit;
use crate::signed::{Authorized, PRICE};
use crate::stage::{PAYEE, PAYER, Stage};

#[tokio::test]
async fn our_facilitator_settles_for_a_seller_that_believes_its_own_node_alone() {
    let stage = Stage::new("").await;
    let folder = tempfile::tempdir().unwrap();
    let seller = seller(folder.path(), &stage, "eip3009", "exact").await;
    let claim = claimed(seller.as_ref(), &Authorized::new(&stage, "remote").await.request());
    let (sent, _, got) = stage.state().await;
    let Settlement::Settled(settled) = seller.settle(&claim).await else { panic!("{}", stage.log()) };
    assert_eq!(stage.sent().await, sent + 1);
    assert_eq!(stage.chain.balance(PAYEE).await.unwrap() - got, U256::from(PRICE));
    let Settlement::Settled(found) = seller.lookup(&claim).await else { panic!("{}", stage.log()) };
    assert_eq!(found.reference, settled.reference);

    let poor = Authorized::new(&stage, "poor").await.with(|it| {
        it.by = farthing_devnet::ACCOUNTS[4];
        it.message.from = it.by.address;
    });
    let all = stage.chain.balance(poor.by.address).await.unwrap();
    give_away(&stage, &poor, all).await;
    let Settlement::Rejected(rejected) = seller.settle(&claimed(seller.as_ref(), &poor.request())).await else {
        panic!()
    };
    assert!(rejected.reason.contains("insufficient_funds"), "{}", rejected.reason);
}

#[tokio::test]
async fn c_25_our_facilitator_captures_what_was_used_for_a_seller_without_a_signer() {
    let stage = Stage::new("").await;
    stage.chain.approve_permit2(PAYER.address).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let seller = seller(folder.path(), &stage, "permit2", "upto").await;
    let claim = claimed(seller.as_ref(), &Permit::new(&stage, "upto", "remote").await.request());
    assert_eq!(seller.hold(&claim).await, Hold::Held);
    let (sent, _, got) = stage.state().await;
    let Settlement::Settled(settled) = seller.capture(&claim, Amount::new(3_000)).await else {
        panic!("{}", stage.log())
    };
    assert_eq!(settled.captured, Some(Amount::new(3_000)));
    assert_eq!(stage.sent().await, sent + 1);
    assert_eq!(stage.chain.balance(PAYEE).await.unwrap() - got, U256::from(3_000));
    assert_eq!(seller.lookup(&claim).await, Settlement::Settled(settled));

    let unused = claimed(seller.as_ref(), &Permit::new(&stage, "upto", "unused").await.request());
    let Settlement::Settled(nothing) = seller.capture(&unused, Amount::ZERO).await else { panic!() };
    assert_eq!((nothing.captured, stage.sent().await), (Some(Amount::ZERO), sent + 1));
}

/// The payer has nothing left.
async fn give_away(stage: &Stage, payer: &Authorized, all: U256) {
    use alloy_sol_types::SolCall as _;
    alloy_sol_types::sol! { function transfer(address to, uint256 value) returns (bool); }
    let call = transferCall { to: crate::signed::nobody(), value: all }.abi_encode();
    stage.chain.node().send(payer.by.address, Some(stage.chain.token()), call).await.unwrap();
}

fn claimed(seller: &dyn Settler, payment: &Value) -> Claim {
    let order = Order { price: "0.01 USD".parse().unwrap(), description: None, external_id: None };
    let request = ChargeRequest::from_object(&seller.request(&order).unwrap()).unwrap();
    let asked = Requirements::from_request(seller.terms().intent.as_str(), &request).unwrap();
    let (id, realm) = (ChallengeId::read("remote").unwrap(), Realm::read("shop.example").unwrap());
    let challenge = asked.to_challenge(id, &realm, None, None).unwrap();
    let payment_id = PaymentId::answering(&challenge);
    let payload = payment["paymentPayload"]["payload"].as_object().unwrap().clone();
    let credential = Credential::new(challenge, payload, None);
    let presented = Presented { credential: &credential, request: &request, now: now() };
    Claim { payment: payment_id, proof: seller.verify(&presented).unwrap(), claimed_at: now() }
}

/// The seller of a scheme, once it is ready.
async fn seller(folder: &std::path::Path, stage: &Stage, transfer: &str, scheme: &str) -> Arc<dyn Settler> {
    let text = format!(
        "facilitator = \"{}\"\nrpc = \"{}\"\nchain = 84532\nrecipient = \"{PAYEE}\"\nconfirmations = 1\n\
         transfer = \"{transfer}\"\n",
        stage.url(),
        stage.chain.rpc()
    );
    let keys = |_: &toml::Value| Err("there is no signer here".to_owned());
    let secrets = |_: &toml::Table, _: &str| Ok(Zeroizing::new(String::new()));
    let place = Place { data: folder, keys: &keys, secrets: &secrets, licence: &farthing_rail::Licence::always() };
    let acceptors = Seller::new(Arc::new(now)).acceptors("x402", "shop", &text.parse().unwrap(), &place).unwrap();
    let settlers = acceptors.into_iter().filter_map(|acceptor| match acceptor {
        Acceptor::External(settler) => Some(settler),
        _ => None,
    });
    let seller = settlers.into_iter().find(|settler| settler.terms().intent.as_str() == scheme).unwrap();
    for _ in 0..200 {
        if seller.readiness().is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    seller
}

#[allow(clippy::disallowed_methods)] // a test has nobody who hands it a clock
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
}
