//! Tools of other servers, paid for through the bridge, against a shop's double, with real budgets on disk.

use crate::double;
use crate::shop;
use crate::support;

use std::path::{Path, PathBuf};

use double::counted;
use farthing_mcp::Bridges;
use farthing_protocol::ProblemType;
use farthing_wallet::Wallet;
use rmcp::model::ProgressNotificationParam;
use rmcp::service::{NotificationContext, RunningService};
use rmcp::{ClientHandler, RoleClient};
use serde_json::json;
use shop::{Act, INJECTED, Shop};
use support::{call, text};
use tempfile::TempDir;

const POLICY: &str = "total = \"0.003 USD\"\nper_payment = \"0.001 USD\"";

struct Scene {
    shop: Shop,
    assistant: RunningService<RoleClient, ()>,
    wallet: Wallet,
    home: PathBuf,
    _directory: TempDir,
}

async fn connect(home: &Path, shop: &Shop) -> (RunningService<RoleClient, ()>, Wallet) {
    let client = double::client(home);
    let wallet = client.wallet().clone();
    let place = format!("weather={}/mcp", shop.origin).parse().unwrap();
    let bridges = Bridges::new(vec![place], &client).unwrap();
    let server = support::server(home, client).bridging(bridges);
    (support::connect(server, ()).await, wallet)
}

async fn scene_at(shop: Shop) -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    double::create(&home, Some(POLICY));
    let (assistant, wallet) = connect(&home, &shop).await;
    Scene { shop, assistant, wallet, home, _directory: directory }
}

async fn scene() -> Scene {
    scene_at(Shop::start().await).await
}

#[tokio::test]
async fn a_paid_tool_of_another_server_is_paid_until_the_limit() {
    let scene = scene().await;
    let tools = scene.assistant.list_all_tools().await.unwrap();
    let forecast = tools.iter().find(|tool| tool.name == "weather_forecast").unwrap();
    let annotations = forecast.annotations.as_ref().unwrap();
    assert_eq!(
        (annotations.read_only_hint, annotations.idempotent_hint),
        (Some(false), Some(false)),
        "it may cost money"
    );
    for city in ["bern", "oslo", "rome"] {
        let result = call(&scene.assistant, "weather_forecast", json!({ "city": city })).await;
        assert!(text(&result, 0).starts_with("sunny"), "{result:?}");
        assert!(text(&result, 1).contains("\"paid\":\"0.001 USD\"") && text(&result, 1).contains("transfer-7"));
    }
    let stopped = call(&scene.assistant, "weather_forecast", json!({ "city": "lima" })).await;
    assert_eq!(stopped.is_error, Some(true));
    assert!(text(&stopped, 0).contains("limit"), "{stopped:?}");
    assert_eq!((scene.shop.charges(), counted(&scene.wallet).await), (3, (3000, 0)));
    let kept = scene.wallet.budgets().reservations("agent", 1).await.unwrap().remove(0);
    assert_eq!(
        (kept.reservation.origin, kept.reservation.request),
        (scene.shop.origin.clone(), "POST /mcp/tool/forecast".into())
    );
}

#[tokio::test]
async fn a_free_tool_is_called_once_and_costs_nothing() {
    let scene = scene().await;
    let result = call(&scene.assistant, "weather_greeting", json!({})).await;
    assert_eq!((text(&result, 0), result.content.len()), ("hello", 1));
    assert_eq!(scene.shop.calls(), ["greeting"]);
    assert_eq!(counted(&scene.wallet).await, (0, 0));
}

#[tokio::test]
async fn w_32_a_paid_tool_whose_answer_was_lost_is_not_paid_twice() {
    let scene = scene().await;
    scene.shop.will([Act::TakeAndFail]);
    let failed = call(&scene.assistant, "weather_forecast", json!({ "city": "bern", "day": 1 })).await;
    assert_eq!(failed.is_error, Some(true));
    assert_eq!(counted(&scene.wallet).await, (0, 1000), "it stays counted");
    let again = call(&scene.assistant, "weather_forecast", json!({ "day": 1, "city": "bern" })).await;
    assert!(text(&again, 0).starts_with("sunny"), "{again:?}");
    assert_eq!((scene.shop.credentials(), scene.shop.presentations()), (1, 2), "the same credential twice");
    assert_eq!(counted(&scene.wallet).await, (1000, 0));
}

#[tokio::test]
async fn w_32_parallel_calls_of_a_paid_tool_stay_within_the_limit() {
    let scene = scene().await;
    let calls = (0..20).map(|day| {
        let assistant = &scene.assistant;
        async move { call(assistant, "weather_forecast", json!({ "day": day })).await }
    });
    let results = futures_util::future::join_all(calls).await;
    let paid = results.iter().filter(|result| text(result, 0).starts_with("sunny")).count();
    assert_eq!((paid, scene.shop.charges(), scene.shop.credentials()), (3, 3, 3));
    assert_eq!(counted(&scene.wallet).await, (3000, 0));
}

#[tokio::test]
async fn w_32_a_refused_payment_is_given_back_and_made_anew() {
    let scene = scene().await;
    scene.shop.will([Act::Refuse(ProblemType::VerificationFailed)]);
    let result = call(&scene.assistant, "weather_forecast", json!({})).await;
    assert!(text(&result, 0).starts_with("sunny"), "{result:?}");
    assert_eq!((scene.shop.credentials(), scene.shop.charges()), (2, 1));
    assert_eq!(counted(&scene.wallet).await, (1000, 0));
}

#[tokio::test]
async fn w_04_what_a_tool_says_of_prices_stays_text() {
    let scene = scene().await;
    let result = call(&scene.assistant, "weather_forecast", json!({})).await;
    assert!(text(&result, 0).contains(INJECTED), "it is handed on as content");
    assert_eq!(counted(&scene.wallet).await, (1000, 0), "and decides nothing");
    let dear = scene_at(Shop::asking("5000000").await).await;
    let refused = call(&dear.assistant, "weather_forecast", json!({})).await;
    assert_eq!(refused.is_error, Some(true));
    assert!(!text(&refused, 0).contains("attacker"), "{refused:?}");
    assert_eq!((dear.shop.credentials(), counted(&dear.wallet).await), (0, (0, 0)));
}

#[tokio::test]
async fn j_12_an_address_in_a_text_is_not_asked() {
    let scene = scene().await;
    let refused = call(&scene.assistant, "weather_atxp", json!({})).await;
    assert_eq!(refused.is_error, Some(true));
    assert!(text(&refused, 0).contains("ATXP"), "{refused:?}");
    assert!(!format!("{refused:?}").contains("attacker.example"), "{refused:?}");
    assert_eq!(counted(&scene.wallet).await, (0, 0));
}

#[tokio::test]
async fn another_process_sends_the_same_credential_again() {
    let scene = scene().await;
    scene.shop.will([Act::TakeAndFail]);
    call(&scene.assistant, "weather_forecast", json!({ "city": "bern" })).await;
    let credentials = scene.shop.credentials();
    scene.assistant.cancel().await.unwrap();
    // The shop demands the echo whole, and a fresh process knows only what binds: it asks for nothing more.
    let (assistant, wallet) = connect(&scene.home, &scene.shop).await;
    scene.shop.forget_unknown_members();
    let again = call(&assistant, "weather_forecast", json!({ "city": "bern" })).await;
    assert!(text(&again, 0).starts_with("sunny"), "{again:?}");
    assert_eq!((credentials, scene.shop.credentials(), counted(&wallet).await), (1, 1, (1000, 0)));
}

/// An assistant that notes how far its calls are.
#[derive(Clone)]
struct Watching(tokio::sync::mpsc::UnboundedSender<f64>);

impl ClientHandler for Watching {
    async fn on_progress(&self, told: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        self.0.send(told.progress).unwrap();
    }
}

#[tokio::test]
async fn all_that_a_server_says_of_how_far_it_is_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    double::create(&home, Some(POLICY));
    let (shop, client) = (Shop::start().await, double::client(&home));
    let bridges = Bridges::new(vec![format!("weather={}/mcp", shop.origin).parse().unwrap()], &client).unwrap();
    let (steps, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = support::server(&home, client).bridging(bridges);
    let assistant = support::connect(server, Watching(steps)).await;
    for _ in 0..5 {
        call(&assistant, "weather_survey", json!({})).await;
        let mut heard = Vec::new();
        for _ in 0..4 {
            heard.push(told.recv().await.unwrap());
        }
        // The library hands each of them over in a task of its own.
        heard.sort_by(f64::total_cmp);
        assert_eq!(heard, [0.25, 0.5, 0.75, 1.0]);
    }
}

#[tokio::test]
async fn a_server_that_is_away_takes_nothing_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    double::create(&home, Some(POLICY));
    let client = double::client(&home);
    let places =
        ["gone=http://127.0.0.1:9/mcp", "absent=/nonexistent/program --flag"].map(|place| place.parse().unwrap());
    let bridges = Bridges::new(places.to_vec(), &client).unwrap();
    let assistant = support::connect(support::server(&home, client).bridging(bridges), ()).await;
    let tools = assistant.list_all_tools().await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "fetch") && !tools.iter().any(|tool| tool.name.contains('_')));
    for tool in ["gone_x", "absent_x"] {
        assert_eq!(call(&assistant, tool, json!({})).await.is_error, Some(true));
    }
}
