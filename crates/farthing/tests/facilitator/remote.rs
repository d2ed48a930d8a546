//! A seller without a signer has its payments settled by a facilitator of ours.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::U256;
use farthing_dialects::x402::Requirements;
use farthing_protocol::{ChallengeId, ChargeRequest, Credential, Realm, Timestamp};
use farthing_rail::{Acceptor, Claim, Order, PaymentId, Presented, Settlement, Settler};
use farthing_rail_evm::{Place, Seller};
use zeroize::Zeroizing;

use crate::signed::{Authorized, PRICE};
use crate::stage::{PAYEE, Stage};

#[tokio::test]
async fn our_facilitator_settles_for_a_seller_that_believes_its_own_node_alone() {
    let stage = Stage::new("").await;
    let folder = tempfile::tempdir().unwrap();
    let seller = seller(folder.path(), &stage);
    for _ in 0..200 {
        if seller.readiness().is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let claim = claimed(seller.as_ref(), &Authorized::new(&stage, "remote").await);
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
    let Settlement::Rejected(rejected) = seller.settle(&claimed(seller.as_ref(), &poor)).await else { panic!() };
    assert!(rejected.reason.contains("insufficient_funds"), "{}", rejected.reason);
}

/// The payer has nothing left.
async fn give_away(stage: &Stage, payer: &Authorized, all: U256) {
    use alloy_sol_types::SolCall as _;
    alloy_sol_types::sol! { function transfer(address to, uint256 value) returns (bool); }
    let call = transferCall { to: crate::signed::nobody(), value: all }.abi_encode();
    stage.chain.node().send(payer.by.address, Some(stage.chain.token()), call).await.unwrap();
}

fn claimed(seller: &dyn Settler, payment: &Authorized) -> Claim {
    let order = Order { price: "0.01 USD".parse().unwrap(), description: None, external_id: None };
    let request = ChargeRequest::from_object(&seller.request(&order).unwrap()).unwrap();
    let asked = Requirements::from_request("exact", &request).unwrap();
    let (id, realm) = (ChallengeId::read("remote").unwrap(), Realm::read("shop.example").unwrap());
    let challenge = asked.to_challenge(id, &realm, None, None).unwrap();
    let payment_id = PaymentId::of(challenge.id());
    let payload = payment.request()["paymentPayload"]["payload"].as_object().unwrap().clone();
    let credential = Credential::new(challenge, payload, None);
    let presented = Presented { credential: &credential, request: &request, now: now() };
    Claim { payment: payment_id, proof: seller.verify(&presented).unwrap(), claimed_at: now() }
}

fn seller(folder: &std::path::Path, stage: &Stage) -> Arc<dyn Settler> {
    let text = format!(
        "facilitator = \"{}\"\nrpc = \"{}\"\nchain = 84532\nrecipient = \"{PAYEE}\"\nconfirmations = 1\n",
        stage.url(),
        stage.chain.rpc()
    );
    let keys = |_: &toml::Value| Err("there is no signer here".to_owned());
    let secrets = |_: &toml::Table, _: &str| Ok(Zeroizing::new(String::new()));
    let place = Place { data: folder, keys: &keys, secrets: &secrets };
    let mut acceptors = Seller::new(Arc::new(now)).acceptors("x402", "shop", &text.parse().unwrap(), &place).unwrap();
    match acceptors.remove(0) {
        Acceptor::External(settler) => settler,
        Acceptor::Prepaid(_) => panic!("the money is on a chain"),
    }
}

#[allow(clippy::disallowed_methods)] // a test has nobody who hands it a clock
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
}
