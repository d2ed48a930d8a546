//! Tokens, rates, quotas, payees.

use crate::support;

use farthing_rail::simulated::Behaviour;
use serde_json::json;
use support::{OPEN, OTHER_TOKEN, Stage, TOKEN, request};

const CALLERS: &str = "
[callers.shop]
token = { env = \"SHOP\" }
settlements_per_day = 2
payees = [\"0xshop\"]

[callers.other]
token = { env = \"OTHER\" }
per_minute = 6
";

async fn stage(behaviours: Vec<Behaviour>) -> Stage {
    Stage::new(&format!("{OPEN}{CALLERS}"), behaviours).await
}

#[tokio::test]
async fn d_09_strangers_have_nothing_verified_or_settled() {
    let stage = stage(vec![]).await;
    for path in ["/verify", "/settle"] {
        let told = stage.post(path, &request("a")).await;
        assert_eq!((told.status, &told.headers["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
        assert_eq!(stage.post_as("a token of nobody", path, &request("a")).await.status, 401);
        assert_eq!(stage.post_as(TOKEN, path, &request("a")).await.status, 200);
    }
    assert_eq!(stage.memory.takings().len(), 1);
    assert_eq!(stage.get("/supported").await.status, 200);
}

#[tokio::test]
async fn d_09_a_token_settles_for_its_own_payees() {
    let stage = stage(vec![]).await;
    let mut foreign = request("a");
    foreign["paymentRequirements"]["payTo"] = json!("0xStranger");
    foreign["paymentPayload"]["accepted"]["payTo"] = json!("0xStranger");
    let told = stage.post_as(TOKEN, "/settle", &foreign).await;
    assert_eq!((told.status, &told.body["errorReason"]), (403, &json!("payee_not_allowed")));
    assert_eq!(stage.memory.takings().len(), 0);
    assert_eq!(stage.post_as(OTHER_TOKEN, "/settle", &foreign).await.status, 200);
}

#[tokio::test]
async fn d_05_a_days_settlements_are_counted_across_restarts() {
    let mut stage = stage(vec![Behaviour::Settle, Behaviour::Refuse]).await;
    for token in ["a", "b"] {
        assert_eq!(stage.post_as(TOKEN, "/settle", &request(token)).await.status, 200, "a failure counts too");
    }
    for _ in 0..2 {
        let told = stage.post_as(TOKEN, "/settle", &request("c")).await;
        assert_eq!((told.status, &told.body["errorReason"]), (429, &json!("quota_exceeded")));
        assert!(told.headers.contains_key("retry-after"));
        stage = stage.restarted(vec![]).await;
    }
    let again = stage.post_as(TOKEN, "/settle", &request("a")).await;
    assert_eq!(again.body["errorReason"], "duplicate_settlement", "what is settled stays so, quota or not");
    assert_eq!(stage.post_as(OTHER_TOKEN, "/settle", &request("c")).await.status, 200);
    assert_eq!(stage.memory.takings().len(), 2);
}

#[tokio::test]
async fn a_rate_is_kept() {
    let stage = stage(vec![]).await;
    assert_eq!(stage.post_as(OTHER_TOKEN, "/verify", &request("a")).await.status, 200);
    let told = stage.post_as(OTHER_TOKEN, "/verify", &request("a")).await;
    assert_eq!((told.status, &told.body["invalidReason"]), (429, &json!("rate_limited")));
    assert_eq!(stage.post_as(TOKEN, "/verify", &request("a")).await.status, 200);
}

#[tokio::test]
async fn d_12_metrics_do_not_grow_with_payers_or_tokens() {
    let stage = stage(vec![]).await;
    stage.post_as(TOKEN, "/verify", &request("warm")).await;
    stage.post("/verify", &request("warm")).await;
    let before = stage.metrics().await.lines().count();
    for number in 0..50 {
        stage.post_as(TOKEN, "/verify", &request(&format!("payer-{number}"))).await;
        stage.post_as(&format!("stranger-{number}"), "/verify", &request("a")).await;
    }
    let metrics = stage.metrics().await;
    assert_eq!(metrics.lines().count(), before, "{metrics}");
    assert!(metrics.contains("farthing_facilitator_requests_total{caller=\"shop\",path=\"/verify\",fate=\"good\"} 51"));
    assert!(!metrics.contains("payer-") && !metrics.contains("stranger-") && !metrics.contains(TOKEN));
}
