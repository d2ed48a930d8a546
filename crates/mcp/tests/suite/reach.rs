//! Where a model's requests go: to public addresses and to what the owner listed, by whatever name or redirect.

use crate::double;
use crate::support;

use axum::Router;
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use double::{Seller, counted};
use rmcp::RoleClient;
use rmcp::model::CallToolResult;
use rmcp::service::RunningService;
use serde_json::{Value, json};
use support::{call, facts, text};
use tempfile::TempDir;

const POLICY: &str = "total = \"0.002 USD\"\nper_payment = \"0.001 USD\"";

struct Scene {
    seller: Seller,
    assistant: RunningService<RoleClient, ()>,
    wallet: farthing_wallet::Wallet,
    _home: TempDir,
}

/// An assistant whose wallet lists what is made of the seller's address.
async fn scene(listed: impl Fn(&Seller) -> Vec<String>) -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    double::create(&home, Some(POLICY));
    let (seller, client) = (Seller::start().await, double::client(&home));
    let wallet = client.wallet().clone();
    let listed = listed(&seller);
    let listed: Vec<_> = listed.iter().map(String::as_str).collect();
    let assistant = support::connect(support::server_listing(&home, client, &listed), ()).await;
    Scene { seller, assistant, wallet, _home: directory }
}

fn authority(seller: &Seller) -> String {
    seller.origin.strip_prefix("http://").unwrap().to_owned()
}

impl Scene {
    async fn fetch(&self, url: &str) -> CallToolResult {
        call(&self.assistant, "fetch", json!({ "url": url })).await
    }

    async fn refuses(&self, url: &str) {
        let refused = self.fetch(url).await;
        assert_eq!((refused.is_error, &facts(&refused)["outcome"]), (Some(true), &json!("refused")), "{url}");
        assert!(text(&refused, 0).contains("--allow-private"), "{url}: {refused:?}");
        let preview = call(&self.assistant, "preview", json!({ "url": url })).await;
        assert_eq!(preview.is_error, Some(true), "{url}");
        assert!(text(&preview, 0).contains("--allow-private"), "{url}: {preview:?}");
    }
}

/// A server that sends everybody elsewhere.
async fn elsewhere(to: String) -> String {
    let answer = move |_: Uri| {
        let to = to.clone();
        async move { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response() }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

#[tokio::test]
async fn w_14_a_model_reaches_nothing_private_in_any_spelling_or_by_name() {
    let scene = scene(|_| Vec::new()).await;
    let (_, port) = scene.seller.origin.rsplit_once(':').unwrap();
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0"] {
        scene.refuses(&format!("http://{host}:{port}/v1/forecast")).await;
    }
    for url in ["http://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "http://[fe80::1]/"] {
        scene.refuses(url).await;
    }
    assert_eq!(scene.seller.seen().len(), 0);
    assert_eq!(counted(&scene.wallet).await, (0, 0));
}

#[tokio::test]
async fn w_14_what_the_owner_listed_is_paid_and_its_neighbour_is_not_reached() {
    let scene = scene(|seller| vec![authority(seller)]).await;
    let neighbour = Seller::start().await;
    scene.refuses(neighbour.url("/v1/forecast").as_str()).await;
    assert_eq!(neighbour.seen().len(), 0);
    let paid = scene.fetch(scene.seller.url("/v1/forecast").as_str()).await;
    assert_eq!(facts(&paid)["outcome"], Value::from("paid"));
    assert_eq!((scene.seller.charges(), counted(&scene.wallet).await), (1, (1000, 0)));
}

#[tokio::test]
async fn w_14_a_redirect_leads_to_nothing_private() {
    let inner = Seller::start().await;
    let gate = elsewhere(inner.url("/v1/forecast").to_string()).await;
    let named = elsewhere(format!("http://localhost:{}/", inner.origin.rsplit_once(':').unwrap().1)).await;
    let scene = scene(|_| vec![gate.clone(), named.clone()]).await;
    for gate in [&gate, &named] {
        scene.refuses(&format!("http://{gate}/")).await;
    }
    assert_eq!(inner.seen().len(), 0);
}
