//! Nothing is offered that nobody would settle.

use std::time::Duration;

use farthing_testing_rpc::facilitator::Line;
use serde_json::json;

use crate::stage::{NETWORK, Stage, seller};

#[tokio::test]
async fn l_08_a_facilitator_that_does_not_say_that_it_settles_this_is_not_ready() {
    let other = json!({ "kinds": [
        { "x402Version": 2, "scheme": "upto", "network": NETWORK },
        { "x402Version": 2, "scheme": "exact", "network": "eip155:8453" },
        { "x402Version": 3, "scheme": "exact", "network": NETWORK },
    ] });
    for (line, why) in [
        (Line::Elsewhere(308, "http://127.0.0.1:1/supported".into()), "answers 308"),
        (Line::Html(200, "<html>welcome</html>"), "cannot be read"),
        (Line::Json(200, json!({ "kinds": [] })), "does not settle exact"),
        (Line::Json(200, json!([])), "cannot be read"),
        (Line::Json(200, other), "does not settle exact"),
        (Line::Json(500, json!({})), "answers 500"),
        (Line::Truncated, "cannot be read"),
    ] {
        let stage = Stage::unready(vec![], |facilitator| facilitator.supports(line.clone())).await;
        let mut said = String::new();
        for _ in 0..100 {
            said = stage.seller.readiness().unwrap_err().to_string();
            if said.contains(why) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(said.contains(why), "{line:?} {said}");
    }
}

#[tokio::test]
async fn l_08_a_facilitator_that_is_down_at_first_is_ready_once_it_is_there() {
    let stage = Stage::unready(vec![], |facilitator| facilitator.supports(Line::Json(503, json!({})))).await;
    assert!(stage.seller.readiness().is_err());
    let kind = json!({ "x402Version": 1, "scheme": "exact", "network": "base-sepolia" });
    stage.facilitator.supports(Line::Json(200, json!({ "kinds": [kind] })));
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.becomes_ready().await;
    stage.facilitator.settles(vec![Line::Json(500, json!({}))]);
    stage.seller.settle(&stage.buy("first").await.claim).await;
    assert_eq!(stage.facilitator.asked()[0].1["x402Version"], 1, "in the version that it knows");
    assert_eq!(stage.facilitator.asked()[0].1["paymentRequirements"]["network"], "base-sepolia");
}

#[tokio::test]
async fn mistakes_in_the_table_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (url, needle) in [
        ("http://facilitator.example", "write https://"),
        ("ftp://facilitator.example", "is the URL of a facilitator"),
        ("nowhere", "is the URL of a facilitator"),
    ] {
        let error = seller(folder.path(), url, "http://127.0.0.1:1").map(drop).unwrap_err();
        assert!(error.starts_with("rails.shop.facilitator") && error.contains(needle), "{error}");
    }
}
