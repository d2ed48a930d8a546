//! Offers and receipts that the seller signs. The key is a double: it counts what it is asked to sign.

use crate::support;

use std::future::{pending, ready};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farthing_dialects::x402::extension::offer_receipt::{self, Offer, Signed};
use farthing_gateway::config::SignerFactory;
use farthing_protocol::JsonObject;
use farthing_rail::{RecoverableSigner, SignError};
use http::StatusCode;
use serde_json::Value;
use support::chain::NETWORK;
use support::x402::{BOTH, CHAIN, PAYER, payment};
use support::{Setup, World};

const SIGNED: &str = "public_url = \"https://api.example.com\"\noffer_signer = \"the double\"\n";
/// So long is an offer good for.
const HOUR: Duration = Duration::from_secs(3600);

/// A key whose signatures are all alike.
#[derive(Default)]
struct Key {
    signed: Mutex<Vec<Vec<u8>>>,
    asked: AtomicUsize,
    is_silent: AtomicBool,
    is_broken: AtomicBool,
}

impl Key {
    fn factory(self: &Arc<Self>) -> SignerFactory {
        let key = Arc::clone(self);
        Arc::new(move |value, _| match value.as_str() {
            Some("the double") => Ok(Arc::clone(&key) as Arc<dyn RecoverableSigner>),
            _ => Err("there is only the double".to_owned()),
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

impl RecoverableSigner for Key {
    fn public_key(&self) -> [u8; 64] {
        [1; 64]
    }

    fn sign_keccak<'a>(&'a self, message: &'a [u8]) -> farthing_rail::Answer<'a, Result<[u8; 65], SignError>> {
        self.asked.fetch_add(1, SeqCst);
        if self.is_silent.load(SeqCst) {
            return Box::pin(pending());
        }
        if self.is_broken.load(SeqCst) {
            return Box::pin(ready(Err(SignError::Differs("the double is broken".to_owned()))));
        }
        self.signed.lock().unwrap().push(message.to_vec());
        Box::pin(ready(Ok([1; 65])))
    }
}

fn setup(routes: &str, key: &Arc<Key>) -> Setup {
    let gateway = format!("{SIGNED}{CHAIN}");
    Setup { gateway, signers: Some(key.factory()), ..Setup::with_routes(routes) }
}

async fn world(routes: &str) -> (World, Arc<Key>) {
    let key = Arc::new(Key::default());
    (setup(routes, &key).start().await, key)
}

fn offers(extensions: &JsonObject) -> Vec<Signed<Offer>> {
    offer_receipt::offers(extensions).into_iter().map(Result::unwrap).collect()
}

#[tokio::test]
async fn every_answer_carries_the_same_signatures_and_asks_the_key_for_none() {
    let (world, key) = world(BOTH).await;
    let (client, before) = (world.client(""), key.asked());
    let asked = client.get("/paid/a").await;
    let list = asked.required();
    let signed = offers(&list.extensions);
    let url = "https://api.example.com/paid/{name}";
    assert!(signed.iter().zip(&list.accepts).all(|(offer, entry)| offer.statement().is_of(url, entry, now(&world))));
    assert_eq!((signed.len(), list.accepts.len(), before), (1, 1, 1));
    for path in ["/paid/b", "/paid/c?d=e"] {
        assert_eq!(offers(&client.get(path).await.required().extensions), signed);
    }
    assert_eq!(key.asked(), before, "a 402 waits for no signature");
    assert!(!asked.challenges().is_empty(), "nothing is pushed out by what is signed");
}

#[tokio::test]
async fn h_04_an_offer_is_not_shown_when_its_time_is_over() {
    let (world, _) = world(BOTH).await;
    let end = offers(&world.client("").get("/paid/a").await.required().extensions)[0].statement().valid_until;
    assert_eq!(end, Some(u64::try_from(now(&world).after(HOUR).unix_millis() / 1000).unwrap()));
    world.clock.advance(HOUR);
    let later = world.client("").get("/paid/a").await.required();
    assert_eq!((offers(&later.extensions).len(), later.accepts.len()), (0, 1));
}

#[tokio::test]
async fn a_payment_and_its_replay_carry_one_signed_receipt() {
    let (world, key) = world(BOTH).await;
    let client = world.client("");
    let mut paid = payment(&world, &client.get("/paid/a").await, "0x01");
    paid["extensions"]["payment-identifier"]["info"]["id"] = "order-0123456789".into();
    let first = client.get_paying("/paid/a", &paid).await;
    world.clock.advance(Duration::from_secs(5));
    let second = client.get_paying("/paid/a", &paid).await;
    assert_eq!((first.status, second.status, world.upstream.hits()), (StatusCode::OK, StatusCode::OK, 1));
    let receipts =
        [&first, &second].map(|answer| offer_receipt::receipt(&answer.outcome().extensions).unwrap().unwrap());
    assert_eq!(receipts[0], receipts[1]);
    let receipt = receipts[0].statement();
    assert_eq!((&*receipt.resource_url, receipt.network.as_str()), ("https://api.example.com/paid/a", NETWORK));
    assert!(receipt.payer.eq_ignore_ascii_case(PAYER) && receipt.transaction.is_none());
    let signed = key.signed.lock().unwrap();
    assert_eq!(signed.len(), 3);
    assert_eq!(signed[1], signed[2]);
}

#[tokio::test]
async fn a_refused_payment_carries_no_receipt() {
    let (world, _) = world(BOTH).await;
    let client = world.client("");
    let paid = payment(&world, &client.get("/paid/a").await, "0x01");
    world.chain.says([support::chain::Say::No(farthing_rail::Fault::OfferUnknown)]);
    let refused = client.get_paying("/paid/a", &paid).await;
    assert_eq!((refused.status, refused.outcome().success), (StatusCode::PAYMENT_REQUIRED, false));
    assert_eq!(offer_receipt::receipt(&refused.outcome().extensions), None);
}

#[tokio::test]
async fn a_key_that_does_not_sign_stops_no_sale() {
    for is_silent in [true, false] {
        let key = Arc::new(Key::default());
        key.is_silent.store(is_silent, SeqCst);
        key.is_broken.store(!is_silent, SeqCst);
        let world = setup(BOTH, &key).start().await;
        let client = world.client("");
        let asked = client.get("/paid/a").await;
        assert_eq!(offers(&asked.required().extensions), []);
        let answer = client.get_paying("/paid/a", &payment(&world, &asked, "0x01")).await;
        assert_eq!((answer.status, answer.outcome().success), (StatusCode::OK, true));
        assert_eq!(offer_receipt::receipt(&answer.outcome().extensions), None);
    }
}

#[tokio::test]
async fn signatures_that_do_not_fit_are_left_out_and_the_offers_are_not() {
    let mut setup = setup(BOTH, &Arc::new(Key::default()));
    for number in 0..8 {
        setup.gateway += &format!("[rails.chain{number}]\nmethod = \"evm\"\n");
    }
    let asked = setup.start().await.client("").get("/paid/a").await;
    assert_eq!(offers(&asked.required().extensions), []);
    assert!(!asked.required().accepts.is_empty());
}

#[tokio::test]
async fn what_is_signed_changes_with_a_reload() {
    let (world, key) = world(BOTH).await;
    let path = world.directory.path().join("farthing.toml");
    let dearer = std::fs::read_to_string(&path).unwrap().replace("0.001 USD", "0.002 USD");
    std::fs::write(&path, dearer).unwrap();
    world.running.reloader().reload().await.unwrap();
    let mut list = world.client("").get("/paid/a").await.required();
    for _ in 0..100 {
        if !offers(&list.extensions).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        list = world.client("").get("/paid/a").await.required();
    }
    assert_eq!(offers(&list.extensions)[0].statement().amount.units(), 2000);
    assert_eq!(key.asked(), 2);
}

#[tokio::test]
async fn a_signer_is_refused_that_cannot_sign() {
    let key = Arc::new(Key::default());
    for (gateway, why) in [
        ("public_url = \"https://api.example.com\"\noffer_signer = 7\n", "there is only the double"),
        ("offer_signer = \"the double\"\n", "write it as public_url"),
    ] {
        let setup = Setup { gateway: format!("{gateway}{CHAIN}"), ..setup(BOTH, &key) };
        let refused = setup.try_start().await.err().unwrap();
        assert!(refused.contains("offer_signer") && refused.contains(why), "{refused}");
    }
}

fn now(world: &World) -> farthing_protocol::Timestamp {
    farthing_gateway::Clock::now(&world.clock)
}

#[tokio::test]
async fn an_echo_may_keep_or_drop_what_was_signed() {
    let (world, _) = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    for (nonce, keep) in [("0x01", true), ("0x02", false)] {
        let mut paid = payment(&world, &asked, nonce);
        if !keep {
            paid["extensions"][offer_receipt::NAME]["info"]["offers"] = Value::Array(Vec::new());
        }
        assert_eq!(client.get_paying("/paid/a", &paid).await.status, StatusCode::OK);
    }
}
