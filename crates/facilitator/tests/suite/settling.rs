//! A payment is settled once, however often and by whomever it is sent.

use crate::support;

use farthing_rail::simulated::Behaviour;
use serde_json::{Value, json};
use support::{OPEN, Stage, Told, first_version, request};

#[tokio::test]
async fn a_payment_is_verified_and_settled_in_both_versions() {
    let stage = Stage::new(OPEN, vec![]).await;
    for (request, network) in [(request("a"), "eip155:84532"), (first_version("b"), "base-sepolia")] {
        let verified = stage.post("/verify", &request).await;
        assert_eq!((verified.status, &verified.body["isValid"]), (200, &json!(true)));
        assert_eq!(verified.headers["cache-control"], "no-store");
        let settled = stage.post("/settle", &request).await;
        assert_eq!((settled.status, &settled.body["success"]), (200, &json!(true)), "{}", settled.body);
        assert_eq!(settled.body["network"], network);
        assert!(settled.body["transaction"].as_str().unwrap().starts_with("simulated-pay_"));
    }
    assert_eq!(stage.memory.takings().len(), 2);
}

#[tokio::test]
async fn a_02_d_03_of_eight_settlements_at_once_one_is_told_so() {
    let stage = Stage::new(OPEN, vec![Behaviour::AnswerLate]).await;
    let request = request("a");
    let told = futures_util::future::join_all((0..8).map(|_| stage.post("/settle", &request))).await;
    let is_told = |told: &&Told| told.body == told_first(&told.body, &stage);
    assert_eq!(told.iter().filter(is_told).count(), 1, "a seller would serve each that is told of a success");
    let others = told.iter().filter(|told| told.body["errorReason"] == "duplicate_settlement");
    assert_eq!(others.count(), 7);
    assert_eq!(stage.memory.takings().len(), 1);
}

#[tokio::test]
async fn a_01_a_08_a_settled_payment_is_told_to_one_request_and_to_that_again() {
    let stage = Stage::new(OPEN, vec![]).await;
    let request = request("a");
    let first = stage.post_under("one", &request).await;
    assert_eq!(first.body["success"], true, "{}", first.body);
    let stage = stage.restarted(vec![Behaviour::Refuse]).await;
    assert_eq!(stage.post_under("one", &request).await.body, first.body, "its answer was lost");
    for replayed in [stage.post("/settle", &request).await, stage.post_under("another", &request).await] {
        assert_eq!((replayed.status, &replayed.body["success"]), (200, &json!(false)));
        assert_eq!(replayed.body["errorReason"], "duplicate_settlement");
        let transaction = first.body["transaction"].as_str().unwrap();
        assert!(replayed.body["errorMessage"].as_str().unwrap().contains(transaction), "{}", replayed.body);
    }
    let plain = stage.post("/settle", &first_version("b")).await;
    assert_eq!(plain.body["success"], false, "refused by the rail");
    assert_eq!(stage.memory.takings().len(), 1);
}

fn told_first(body: &Value, stage: &Stage) -> Value {
    let payment = stage.memory.takings()[0].payment;
    json!({ "success": true, "transaction": format!("simulated-{payment}"), "network": body["network"] })
}

#[tokio::test]
async fn a_payment_is_one_in_either_version_and_after_a_restart() {
    let stage = Stage::new(OPEN, vec![]).await;
    let first = stage.post_under("one", &request("a")).await;
    let second = stage.post_under("one", &first_version("a")).await;
    assert_eq!(first.body["transaction"], second.body["transaction"]);
    let stage = stage.restarted(vec![Behaviour::Refuse]).await;
    let third = stage.post_under("one", &request("a")).await;
    assert_eq!(first.body, third.body);
    assert_eq!(stage.memory.takings().len(), 1);
}

#[tokio::test]
async fn b_02_what_is_not_known_is_never_a_success_and_is_looked_up_when_asked_again() {
    let stage = Stage::new(OPEN, vec![Behaviour::LoseMemory]).await;
    let pending = stage.post("/settle", &request("a")).await;
    assert_eq!(pending.status, 503);
    assert_eq!(pending.body["success"], false);
    assert_eq!(pending.body["errorReason"], "settlement_pending");
    assert_eq!(pending.body["transaction"], "");
    assert!(pending.headers.contains_key("retry-after"));
    assert_eq!(stage.post("/settle", &request("a")).await.status, 503);
    assert_eq!(stage.post("/settle", &request("a")).await.status, 503);
    let settled = stage.post("/settle", &request("a")).await;
    assert_eq!((settled.status, &settled.body["success"]), (200, &json!(true)));
    assert_eq!(stage.memory.takings().len(), 1);
}

#[tokio::test]
async fn a_settlement_that_was_cut_off_is_looked_up_by_the_next_process() {
    let stage = Stage::new(OPEN, vec![Behaviour::TimeOutAfterTaking]).await;
    assert_eq!(stage.post("/settle", &request("a")).await.status, 503);
    let stage = stage.restarted(vec![Behaviour::Refuse]).await;
    let settled = stage.post("/settle", &request("a")).await;
    assert_eq!((settled.status, &settled.body["success"]), (200, &json!(true)));
    assert_eq!(stage.memory.takings().len(), 1);
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again() {
    let stage = Stage::new(OPEN, vec![Behaviour::Refuse, Behaviour::Settle]).await;
    let refused = stage.post("/settle", &request("a")).await;
    assert_eq!((refused.status, &refused.body["success"]), (200, &json!(false)));
    assert_eq!(refused.body["transaction"], "");
    assert!(refused.body["errorMessage"].as_str().unwrap().contains("nothing was taken"));
    assert_eq!(stage.memory.takings().len(), 0);
    assert_eq!(stage.post("/settle", &request("a")).await.body["success"], true);
    assert_eq!(stage.memory.takings().len(), 1);
}

#[tokio::test]
async fn a_seller_that_leaves_does_not_take_the_payment_with_it() {
    let stage = Stage::new(OPEN, vec![Behaviour::AnswerLate]).await;
    let (url, body) = (stage.url("/settle"), request("a").to_string());
    let seller = tokio::spawn(async move { reqwest::Client::new().post(url).body(body).send().await });
    while stage.memory.takings().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    seller.abort();
    assert!(seller.await.is_err(), "it was answered before it could leave");
    let stage = stage.restarted(vec![Behaviour::Refuse]).await;
    assert_eq!(stage.memory.takings().len(), 1, "the settlement went on, and the drain waited for it");
    assert_eq!(stage.post("/settle", &request("a")).await.body["success"], true);
}

#[tokio::test]
async fn what_was_paid_for_is_found_if_its_seller_wants_that() {
    let stage = Stage::new(OPEN, vec![]).await;
    let mut listed = request("a");
    listed["paymentPayload"]["resource"] = json!({ "url": "https://shop.example/a?user=me", "description": "An A" });
    listed["paymentPayload"]["extensions"] = json!({ "bazaar": { "info": { "input": { "type": "http" } } } });
    let mut unlisted = request("b");
    unlisted["paymentPayload"]["resource"] = json!({ "url": "https://shop.example/b" });
    for request in [&listed, &unlisted] {
        assert_eq!(stage.post("/settle", request).await.body["success"], true);
    }
    let mut page = stage.get("/discovery/resources?type=http&limit=5").await;
    for _ in 0..100 {
        if page.body["pagination"]["total"] == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        page = stage.get("/discovery/resources?type=http&limit=5").await;
    }
    assert_eq!(page.body["pagination"], json!({ "limit": 5, "offset": 0, "total": 1 }));
    assert_eq!(page.body["items"][0]["resource"], "https://shop.example/a");
    assert_eq!(page.body["items"][0]["accepts"][0]["amount"], "10000");
    assert_eq!(stage.get("/discovery/resources?limit=101").await.status, 400);
}
