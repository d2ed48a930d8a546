//! One price in two protocols: offered together, paid in either, answered in the one that was used.

use crate::support;

use http::{Method, StatusCode};
use support::client::credential;
use support::x402::{BOTH, PAYER, encoded, first_version, payment, world};

#[tokio::test]
async fn one_402_carries_the_price_in_every_protocol() {
    let world = world(BOTH).await;
    let asked = world.client("").get("/paid/a?token=secret").await;
    asked.refused("payment-required");
    let challenge = asked.challenge_of("evm");
    assert_eq!(challenge.request().decode().unwrap()["amount"], "1000");
    let required = asked.required();
    assert_eq!(required.accepts.len(), 1);
    assert_eq!(required.accepts[0].amount.to_string(), "1000");
    assert_eq!(required.resource.url, format!("http://{}/paid/a", world.running.addresses().public));
    assert_eq!(required.error, None);
    let first = asked.json();
    assert_eq!((&first["x402Version"], &first["accepts"][0]["maxAmountRequired"]), (&1.into(), &"1000".into()));
    assert_eq!(first["accepts"][0]["network"], "base-sepolia");
    assert_eq!(asked.header("vary"), Some("Accept-Payment, Authorization, Payment-Signature, X-Payment"));
}

#[tokio::test]
async fn a_payment_of_version_2_is_answered_in_version_2() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let paid = client.get_paying("/paid/a", &payment(&world, &asked, "0x01")).await;
    assert_eq!((paid.status, paid.text()), (StatusCode::OK, "hit 1, body of 0"), "{paid:?}");
    let outcome = paid.outcome();
    assert!(outcome.success && outcome.transaction.starts_with("0x"), "{outcome:?}");
    assert_eq!((&*outcome.network, outcome.payer.as_deref()), ("eip155:84532", Some(PAYER)));
    assert_eq!(outcome.amount, None);
    assert_eq!(paid.receipt().unwrap().method.as_str(), "x402");
    assert!(paid.header("x-payment-response").is_none());
    assert_eq!(paid.header("cache-control"), Some("private, no-store"));
    assert_eq!(world.chain.taken(), [1000]);
    world.verify().await;
}

#[tokio::test]
async fn a_payment_of_version_1_is_answered_in_version_1() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let paid = client.get_paying_first("/paid/a", &payment(&world, &asked, "0x01")).await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    let outcome = support::x402::decoded(paid.header("x-payment-response").unwrap());
    assert_eq!((&outcome["success"], &outcome["network"]), (&true.into(), &"base-sepolia".into()));
    assert!(paid.header("payment-response").is_none());
}

#[tokio::test]
async fn a_challenge_is_answered_with_a_receipt_alone() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let payload = payment(&world, &asked, "0x01")["payload"].clone();
    let paid = client.get_with("/paid/a", &credential(asked.challenge_of("evm"), payload)).await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    assert_eq!(paid.receipt().unwrap().method.as_str(), "evm");
    assert!(paid.header("payment-response").is_none() && paid.header("x-payment-response").is_none());
}

#[tokio::test]
async fn version_1_is_taken_only_where_the_route_says_so() {
    let world = world(&BOTH.replace("x402_v1 = true", "")).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    assert!(asked.json().get("x402Version").is_none());
    client.get_paying_first("/paid/a", &payment(&world, &asked, "0x01")).await.refused_with("invalid_x402_version");
    assert_eq!(world.chain.taken(), []);
}

#[tokio::test]
async fn k_01_more_than_one_credential_is_refused_before_any_check() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let payment = payment(&world, &asked, "0x01");
    let (second, first) = (encoded(&payment), encoded(&first_version(&payment)));
    let challenge = credential(asked.challenge_of("evm"), payment["payload"].clone());
    let carriers = [
        ("authorization", challenge.as_str()),
        ("payment-signature", &second),
        ("x-payment", &first),
        ("x-atxp-payment", "{}"),
    ];
    for (index, one) in carriers.iter().enumerate() {
        for other in carriers.iter().skip(index) {
            if one.0 == "x-atxp-payment" {
                continue;
            }
            let refused = client.send(Method::GET, "/paid/a", &[*one, *other], "").await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{one:?} {other:?}");
            assert_eq!(refused.problem(), "bad-request");
        }
    }
    assert_eq!(world.chain.verified.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!((world.upstream.hits(), world.chain.taken()), (0, vec![]));
}

#[tokio::test]
async fn k_02_what_is_left_when_a_header_is_stripped_asks_for_the_same() {
    let world = world(BOTH).await;
    let asked = world.client("").get("/paid/a").await;
    let challenge = asked.challenge_of("evm");
    let request = challenge.request().decode().unwrap();
    let offer = asked.required().accepts.remove(0);
    assert_eq!(request["amount"], offer.amount.to_string());
    assert_eq!((&request["recipient"], &request["currency"]), (&(&*offer.pay_to).into(), &(&*offer.asset).into()));
    let first = &asked.json()["accepts"][0];
    assert_eq!((&first["maxAmountRequired"], &first["payTo"]), (&request["amount"], &request["recipient"]));
    let ends = challenge.expires().unwrap().unix_millis() - 1_800_000_000_000;
    assert_eq!(ends / 1000, i64::try_from(offer.max_timeout_seconds).unwrap());
}

#[tokio::test]
async fn k_03_every_protocol_says_the_same_amount_for_every_price() {
    let prices = ["0.000001", "0.1", "0.000999", "1", "999999.999999", "3.141592", "18000000", "0.50", "7.000007"];
    let route = |(index, price): (usize, &&str)| {
        BOTH.replace("/paid/{name}", &format!("/p{index}/a")).replace("0.001 USD", &format!("{price} USD"))
    };
    let world = world(&prices.iter().enumerate().map(route).collect::<String>()).await;
    for (index, price) in prices.iter().enumerate() {
        let asked = world.client("").get(&format!("/p{index}/a")).await;
        let price: farthing_money::Price = format!("{price} USD").parse().unwrap();
        let amount = price.millionths().to_string();
        assert_eq!(asked.challenge_of("evm").request().decode().unwrap()["amount"], *amount, "{price}");
        assert_eq!(asked.required().accepts[0].amount.to_string(), amount, "{price}");
        assert_eq!(asked.json()["accepts"][0]["maxAmountRequired"], *amount, "{price}");
    }
}

#[tokio::test]
async fn k_07_several_schemes_in_one_authorization_have_one_reading() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let payment = payment(&world, &asked, "0x01");
    let credential = credential(asked.challenge_of("evm"), payment["payload"].clone());
    let signature = encoded(&payment);
    let beside = [("authorization", "Bearer x"), ("authorization", &*credential), ("payment-signature", &signature)];
    assert_eq!(client.send(Method::GET, "/paid/a", &beside, "").await.status, StatusCode::BAD_REQUEST);
    let both = [("payment-authorization", &*credential), ("authorization", &credential)];
    assert_eq!(client.send(Method::GET, "/paid/a", &both, "").await.status, StatusCode::BAD_REQUEST);
    assert_eq!((world.upstream.hits(), world.chain.taken()), (0, vec![]));
    let bearer = [("authorization", "Bearer x"), ("payment-signature", &*signature)];
    assert_eq!(client.send(Method::GET, "/paid/a", &bearer, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn k_06_a_challenge_in_an_extension_is_no_second_payment() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let mut payment = payment(&world, &asked, "0x01");
    payment["extensions"]["mppx"] = serde_json::json!({ "info": { "challenge": asked.challenge().id().as_str() } });
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK);
    let same = credential(asked.challenge_of("evm"), payment["payload"].clone());
    client.get_with("/paid/a", &same).await.refused("invalid-challenge");
    assert_eq!((world.upstream.hits(), world.chain.taken()), (1, vec![1000]));
}

#[tokio::test]
async fn a_route_without_challenges_has_no_www_authenticate_and_one_without_x402_no_price_list() {
    let only = |accept: &str| BOTH.replace(r#"["evm/charge", "x402/exact"]"#, accept).replace("x402_v1 = true", "");
    let world_of_x402 = world(&only(r#"["x402/exact"]"#)).await;
    let asked = world_of_x402.client("").get("/paid/a").await;
    assert!(asked.header("www-authenticate").is_none() && asked.header("payment-required").is_some());
    assert_eq!(asked.problem(), "payment-required");
    let paid = world_of_x402.client("").get_paying("/paid/a", &payment(&world_of_x402, &asked, "0x01")).await;
    assert_eq!(paid.status, StatusCode::OK);

    let world_of_challenges = world(&only(r#"["evm/charge"]"#)).await;
    let client = world_of_challenges.client("");
    let asked_there = client.get("/paid/a").await;
    assert!(asked_there.header("payment-required").is_none());
    assert_eq!(asked_there.header("vary"), Some("Accept-Payment, Authorization"));
    let foreign = client.get_paying("/paid/a", &payment(&world_of_x402, &asked, "0x02")).await;
    foreign.refused("invalid-challenge");
    assert_eq!(world_of_challenges.chain.taken(), []);
}

#[tokio::test]
async fn what_a_client_prefers_orders_challenges_and_leaves_the_price_list() {
    let world = world(BOTH).await;
    let client = world.client("");
    let headers = [("accept-payment", "evm/charge")];
    let asked = client.send(Method::GET, "/paid/a", &headers, "").await;
    assert_eq!((asked.challenges().len(), asked.required().accepts.len()), (1, 1));
}

#[tokio::test]
async fn what_x402_pays_for_is_listed() {
    let world = world(BOTH).await;
    let client = world.client("");
    let listed = client.get("/.well-known/x402").await;
    let items = &listed.json()["items"];
    assert_eq!(items.as_array().unwrap().len(), 2, "GET and POST");
    assert_eq!((&items[0]["resource"], &items[0]["type"]), (&"/paid/{name}".into(), &"http".into()));
    assert_eq!(items[0]["accepts"][0]["amount"], "1000");
    assert!(client.get("/llms.txt").await.text().contains("0.001 USD (x402: exact)"));
    let openapi = client.get("/openapi.json").await.json();
    let operation = &openapi["paths"]["/paid/{name}"]["get"];
    assert_eq!(operation["x-payment-info"]["offers"].as_array().unwrap().len(), 1);
    assert_eq!(operation["x-x402"]["accepts"], items[0]["accepts"]);
    let without = world_without().await;
    assert_eq!(without.client("").get("/.well-known/x402").await.status, StatusCode::NOT_FOUND);
}

async fn world_without() -> support::World {
    world(&BOTH.replace(", \"x402/exact\"", "").replace("x402_v1 = true", "")).await
}
