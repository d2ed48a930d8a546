//! A real cache in front of the gateway: what is paid for is never given to who did not pay, and no price is kept.

use crate::nginx;
use crate::support;

use std::fmt::Write as _;

use http::{Method, StatusCode};
use nginx::Nginx;
use support::client::credential;
use support::x402::{BOTH, encoded, first_version, payment, world};
use support::{Answer, Client, Reply, Setup, World};

/// A cache that keeps what it may, and whatever says nothing about that for ten minutes.
const CACHE: &str = "
proxy_cache_path FOLDER/kept keys_zone=kept:1m;
server {
    listen LISTEN;
    location / {
        proxy_pass http://GATEWAY;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_buffer_size 4k;
        proxy_cache kept;
        proxy_cache_valid any 10m;
        add_header x-cache $upstream_cache_status always;
    }
}";

/// What caches are told of an answer by those who want it kept.
const KEPT: [(&str, &str); 5] = [
    ("cache-control", "public, max-age=600"),
    ("expires", "Thu, 31 Dec 2037 23:55:55 GMT"),
    ("x-accel-expires", "600"),
    ("surrogate-control", "max-age=600"),
    ("cdn-cache-control", "max-age=600"),
];

fn before(world: &World) -> Option<(Nginx, Client)> {
    let gateway = world.running.addresses().public.to_string();
    let nginx = Nginx::start("a cache in front of the gateway", &CACHE.replace("GATEWAY", &gateway))?;
    let client = Client::new(nginx.address, "");
    Some((nginx, client))
}

/// Nothing of a payment, and the price, fresh.
fn is_a_price(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::PAYMENT_REQUIRED, "{answer:?}");
    assert_ne!(answer.header("x-cache"), Some("HIT"), "{answer:?}");
    assert!(!answer.text().contains("hit"), "{answer:?}");
    for name in ["payment-receipt", "payment-response", "x-payment-response", "farthing-entitlement", "location"] {
        assert!(answer.header(name).is_none(), "{name}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f_03_a_real_cache_keeps_neither_a_price_nor_what_was_paid_for() {
    let world = world(BOTH).await;
    let Some((_nginx, client)) = before(&world) else { return };
    let mut path = 0;
    for status in [200, 203, 301, 302, 308, 404, 410, 500] {
        for protocol in ["payment-signature", "x-payment", "authorization"] {
            path += 1;
            let path = format!("/paid/{path}");
            let asked = client.get(&path).await;
            is_a_price(&asked);
            let payment = payment(&world, &asked, &format!("{path}-0x01"));
            let credential = match protocol {
                "payment-signature" => encoded(&payment),
                "x-payment" => encoded(&first_version(&payment)),
                _ => credential(asked.challenge_of("evm"), payment["payload"].clone()),
            };
            let mut headers = KEPT.to_vec();
            headers.push(("location", "/what/was/paid/for"));
            world.upstream.then([Reply::Answer(status, headers)]);
            let paid = client.send(Method::GET, &path, &[(protocol, &credential)], "").await;
            assert_eq!(paid.status.as_u16(), status, "{protocol}: {paid:?}");
            assert!(paid.text().contains("hit"), "{paid:?}");
            is_a_price(&client.get(&path).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_a_402_fits_into_the_buffer_that_proxies_have_for_it() {
    let mut chains = String::new();
    for number in 0..12 {
        write!(chains, "[rails.chain{number}]\nmethod = \"evm\"\n").unwrap();
    }
    for letters in [10, 200, 1000, 3000] {
        let route = format!("{BOTH}description = \"{}\"\n", "d".repeat(letters));
        let world = Setup { gateway: chains.clone(), ..Setup::with_routes(&route) }.start().await;
        let Some((nginx, client)) = before(&world) else { return };
        for path in ["/paid/a".to_owned(), format!("/paid/{}", "a".repeat(150))] {
            let asked = client.get(&path).await;
            assert_eq!(asked.status, StatusCode::PAYMENT_REQUIRED, "{letters} letters: {}", nginx.complaints());
            assert!(!asked.challenges().is_empty() && !asked.required().accepts.is_empty());
        }
    }
}
