//! What a wallet pays with a card's token, and what it does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, the helpers of tests included")]

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use farthing_protocol::Challenge;
use farthing_rail::{Became, Method as _, Payer as _};
use farthing_rail_card::buyer::FetchKeys;
use farthing_rail_card::jwe::{DecryptionKey, Envelope};
use farthing_rail_card::sandbox::SandboxClient;
use farthing_rail_card::{Network, Payload, Personal, machine_randomness};
use serde_json::{Value, json};
use support::{START, Stage, Told, Twisted, challenge, challenge_of, frozen, no_keys, order, over, payer, sign};

const HERE: &str = "http://127.0.0.1:4020";

fn sandbox() -> SandboxClient {
    SandboxClient::new(machine_randomness())
}

/// An offer of the shop with these details in the place of some of its own.
fn offer(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Challenge {
    let card = over(Told::to([]), &Arc::new(AtomicI64::new(START)));
    let mut request = card.request(&order("5 USD")).unwrap();
    change(request["methodDetails"].as_object_mut().unwrap());
    challenge_of(&request, 1)
}

fn keys(bytes: Vec<u8>) -> FetchKeys {
    Arc::new(move |_| Box::pin(std::future::ready(Ok(bytes.clone()))))
}

#[tokio::test]
async fn n_19_an_offer_that_cannot_be_read_whole_is_not_paid() {
    let payer = payer(sandbox(), no_keys());
    for change in [
        (|details| drop(details.remove("merchantName"))) as fn(&mut serde_json::Map<String, Value>),
        |details| drop(details.remove("acceptedNetworks")),
        |details| drop(details.remove("encryptionJwk")),
        |details| drop(details.insert("acceptedNetworks".into(), json!([]))),
        |details| drop(details.insert("acceptedNetworks".into(), json!(["diners"]))),
        |details| drop(details.insert("acceptedNetworks".into(), json!([7]))),
        |details| drop(details.insert("billingRequired".into(), json!("yes"))),
        |details| drop(details.insert("kid".into(), json!("told"))),
        |details| drop(details.insert("jwksUri".into(), json!("https://api.example.com/keys"))),
        |details| details["encryptionJwk"]["alg"] = json!("RSA1_5"),
    ] {
        assert!(sign(&payer, &offer(change), HERE).await.is_err());
    }
    let more = offer(|details| drop(details.insert("acceptedNetworks".into(), json!(["diners", "visa"]))));
    assert!(sign(&payer, &more, HERE).await.is_ok());
}

#[tokio::test]
async fn n_20_keys_are_fetched_from_the_seller_alone_and_one_of_them_counts() {
    let key = DecryptionKey::generate("set-1").unwrap();
    let set = json!({ "keys": [key.public().to_object()] }).to_string().into_bytes();
    let at = |uri: &'static str| {
        offer(move |details| {
            details.remove("encryptionJwk");
            details.insert("jwksUri".into(), uri.into());
            details.insert("kid".into(), "set-1".into());
        })
    };
    let anywhere = Twisted(|_, payload| payload);
    let ours = payer(anywhere, keys(set.clone()));
    let seller = "https://api.example.com";
    let credential = sign(&ours, &at("https://api.example.com/keys"), seller).await.unwrap();
    let payload = Payload::read(credential.payload()).unwrap();
    assert_eq!(Envelope::read(payload.encrypted.reveal()).unwrap().kid(), "set-1");
    // Of another origin than the realm, or than the server that is asked: nothing is fetched.
    for (uri, server) in [
        ("https://keys.example.org/keys", seller),
        ("https://api.example.com:8443/keys", seller),
        ("http://api.example.com/keys", seller),
        ("https://api.example.com/keys", "https://evil.example.org"),
        ("https://api.example.com/keys", HERE),
    ] {
        let fetch: FetchKeys = Arc::new(|uri| panic!("{uri} is fetched"));
        assert!(sign(&payer(Twisted(|_, payload| payload), fetch), &at(uri), server).await.is_err(), "{uri} {server}");
    }
    let empty = payer(Twisted(|_, payload| payload), keys(b"{\"keys\":[]}".to_vec()));
    assert!(sign(&empty, &at("https://api.example.com/keys"), seller).await.unwrap_err().contains("kid"));
}

#[tokio::test]
async fn n_21_a_token_that_is_not_what_was_ordered_is_not_handed_out() {
    let stage = Stage::new();
    let offered = challenge(&stage.card, 1);
    for twist in [
        (|_, payload| Payload { network: Network::Discover, ..payload }) as fn(&_, Payload) -> Payload,
        |_, payload| Payload { encrypted: Personal::new("a.b.c.d.e".to_owned()), ..payload },
        |_, payload| Payload { ends: Personal::new("2020-01".to_owned()), ..payload },
        |_, payload| {
            let other = DecryptionKey::generate("other").unwrap();
            let sealed = other.public().seal(b"{}", machine_randomness()).unwrap();
            Payload { encrypted: Personal::new(sealed), ..payload }
        },
    ] {
        let refused = sign(&payer(Twisted(twist), no_keys()), &offered, HERE).await.unwrap_err();
        assert!(refused.contains("not what was approved"), "{refused}");
    }
    let refused = sign(&frozen(sandbox()), &offered, HERE).await.unwrap_err();
    assert!(refused.contains("frozen"), "{refused}");
    let honest = payer(sandbox(), no_keys());
    let credential = sign(&honest, &offered, HERE).await.unwrap();
    // It stays counted while somebody could still present it.
    assert!(honest.is_bearer());
    assert_eq!(honest.became(&credential).await, Became::Unknown);
}

#[tokio::test]
async fn n_22_a_sandbox_s_card_pays_nobody_but_this_machine() {
    let stage = Stage::new();
    let offered = challenge(&stage.card, 1);
    let payer = payer(sandbox(), no_keys());
    for server in [HERE, "http://localhost", "http://[::1]:4020", "https://127.0.0.1"] {
        assert!(sign(&payer, &offered, server).await.is_ok(), "{server}");
    }
    for server in ["https://api.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1:4020"] {
        let refused = sign(&payer, &offered, server).await.unwrap_err();
        assert!(refused.contains("sandbox"), "{refused}");
    }
}
