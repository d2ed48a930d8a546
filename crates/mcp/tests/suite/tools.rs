//! The wallet's tools as an assistant calls them, against a seller's double, with real budgets on disk.

use crate::double;
use crate::support;

use double::{Act, Seller, counted};
use rmcp::RoleClient;
use rmcp::service::RunningService;
use serde_json::json;
use support::{call, facts, text};
use tempfile::TempDir;

const POLICY: &str = "total = \"0.002 USD\"\nper_payment = \"0.001 USD\"";

struct Scene {
    seller: Seller,
    assistant: RunningService<RoleClient, ()>,
    wallet: farthing_wallet::Wallet,
    _home: TempDir,
}

async fn scene(policy: Option<&str>) -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    double::create(&home, policy);
    let client = double::client(&home);
    let wallet = client.wallet().clone();
    let assistant = support::connect(support::server(&home, client), ()).await;
    Scene { seller: Seller::start().await, assistant, wallet, _home: directory }
}

async fn usual() -> Scene {
    scene(Some(POLICY)).await
}

#[tokio::test]
async fn an_assistant_pays_until_the_limit_stops_it() {
    let scene = usual().await;
    let url = scene.seller.url("/v1/forecast?key=hidden").to_string();
    let preview = call(&scene.assistant, "preview", json!({ "url": url })).await;
    assert_eq!(facts(&preview)["must_be_paid"], true);
    assert_eq!(facts(&preview)["would_be_paid"], true);
    assert_eq!(facts(&preview)["offers"][0]["cost"], "0.001 USD");
    assert_eq!(scene.seller.presentations(), 0, "a preview pays nothing");
    for _ in 0..2 {
        let fetched = call(&scene.assistant, "fetch", json!({ "url": url })).await;
        assert_eq!(text(&fetched, 0), "goods");
        assert_eq!(facts(&fetched)["outcome"], "paid");
        assert_eq!(facts(&fetched)["paid"], "0.001 USD");
        assert_eq!(facts(&fetched)["receipt"], "transfer-1");
        assert_eq!(fetched.is_error, Some(false));
    }
    let stopped = call(&scene.assistant, "fetch", json!({ "url": url })).await;
    assert_eq!((stopped.is_error, &facts(&stopped)["outcome"]), (Some(true), &json!("refused")));
    assert!(text(&stopped, 0).contains("limit"), "{stopped:?}");
    assert_eq!((scene.seller.charges(), counted(&scene.wallet).await), (2, (2000, 0)));

    let wallet = call(&scene.assistant, "wallet", json!({})).await;
    assert_eq!(facts(&wallet)["limits"]["total"]["left"], "0 USD");
    let history = call(&scene.assistant, "history", json!({ "limit": 1 })).await;
    let payments = facts(&history)["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 1);
    assert_eq!((&payments[0]["request"], &payments[0]["receipt"]), (&json!("GET /v1/forecast"), &json!("transfer-1")));
    assert!(!format!("{history:?}").contains("hidden"), "a query may hold secrets");
}

#[tokio::test]
async fn w_32_the_same_call_after_a_lost_answer_pays_no_second_time() {
    let scene = usual().await;
    let url = scene.seller.url("/v1/forecast").to_string();
    scene.seller.will([Act::TakeAndAnswer(503), Act::TakeAndAnswer(503), Act::TakeAndAnswer(503)]);
    let lost = call(&scene.assistant, "fetch", json!({ "url": url })).await;
    assert_eq!((lost.is_error, &facts(&lost)["outcome"]), (Some(true), &json!("unknown")));
    assert_eq!(counted(&scene.wallet).await, (0, 1000), "it stays counted");
    let found = call(&scene.assistant, "fetch", json!({ "url": url })).await;
    assert_eq!(facts(&found)["outcome"], "paid");
    assert_eq!((scene.seller.credentials(), scene.seller.charges()), (1, 1));
    assert_eq!(counted(&scene.wallet).await, (1000, 0));
}

#[tokio::test]
async fn w_32_parallel_calls_stay_within_the_limit() {
    let scene = usual().await;
    let calls = (0..20).map(|number| {
        let (assistant, url) = (&scene.assistant, scene.seller.url(&format!("/v1/{number}")).to_string());
        async move { call(assistant, "fetch", json!({ "url": url })).await }
    });
    let results = futures_util::future::join_all(calls).await;
    let paid = results.iter().filter(|result| facts(result)["outcome"] == "paid").count();
    assert_eq!((paid, scene.seller.charges()), (2, 2));
    assert_eq!(counted(&scene.wallet).await, (2000, 0));
}

#[tokio::test]
async fn a_call_that_cannot_be_read_is_answered_with_what_is_wrong() {
    let scene = usual().await;
    for arguments in [json!({}), json!({"url": "nowhere"}), json!({"url": "file:///etc/passwd"}), json!({"url": 1})] {
        let refused = call(&scene.assistant, "fetch", arguments).await;
        assert_eq!(refused.is_error, Some(true));
    }
    let raised = call(&scene.assistant, "fetch", json!({"url": scene.seller.url("/x").as_str(), "max": "5 USD"})).await;
    assert!(text(&raised, 0).contains("max"), "{raised:?}");
    let unknown = rmcp::model::CallToolRequestParams::new("set_policy");
    assert!(scene.assistant.call_tool(unknown).await.is_err());
    assert_eq!(scene.seller.seen().len(), 0);
}

#[tokio::test]
async fn a_wallet_without_a_policy_pays_nothing() {
    let scene = scene(None).await;
    let refused = call(&scene.assistant, "fetch", json!({ "url": scene.seller.url("/v1/forecast").as_str() })).await;
    assert_eq!(facts(&refused)["rule"], "no-policy");
    assert_eq!(scene.seller.presentations(), 0);
    let free = call(&scene.assistant, "fetch", json!({ "url": scene.seller.url("/free").as_str() })).await;
    assert_eq!((text(&free, 0), &facts(&free)["outcome"]), ("free", &json!("free")));
}
