//! `farthing pay` at sellers of x402: our own gateway on a chain that poses as Base Sepolia, and one that
//! does not keep its word (a double).

use crate::support;

use std::path::Path;
use std::process::{Command, Output};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farthing_devnet::{Devnet, Options, Source};
use farthing_keys::private_file;
use serde_json::{Value, json};
use support::FARTHING;
use support::seller::Seller;
use support::upstream::Upstream;

const POLICY: [&str; 6] = ["policy", "set", "--total", "1 USD", "--per-payment", "0.01 USD"];

/// A chain, and a wallet with an account that has money on it.
struct Buyer {
    devnet: Devnet,
    home: tempfile::TempDir,
}

impl Buyer {
    async fn new() -> Self {
        let devnet = Devnet::start(Options::base_sepolia(Source::of_this_process().unwrap())).await.unwrap();
        let buyer = Self { devnet, home: tempfile::tempdir().unwrap() };
        let chains = format!("[chain.devnet]\nchain = 84532\nrpc = \"{}\"\n", buyer.devnet.rpc());
        private_file::private_directory(&buyer.farthing_home()).unwrap();
        private_file::create(&buyer.farthing_home().join("chains.toml"), chains.as_bytes()).unwrap();
        let key = buyer.home.path().join("agent.key");
        private_file::create(&key, buyer.devnet.accounts()[2].publicly_known_key.to_string().as_bytes()).unwrap();
        buyer.farthing(&["wallet", "create", "agent", "--key-file", key.to_str().unwrap()]).await;
        buyer.farthing(&POLICY).await;
        buyer
    }

    fn farthing_home(&self) -> std::path::PathBuf {
        self.home.path().join("home")
    }

    async fn farthing(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", self.farthing_home());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    /// What it comes to in total: spent and reserved.
    async fn counted(&self) -> (String, String) {
        let shown = self.farthing(&["wallet", "show", "agent", "--json"]).await;
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let total = shown["accounts"].as_array().unwrap_or_else(|| panic!("{shown}"));
        let total = total.iter().find(|account| account["budget"] == "total").unwrap();
        let text = |member: &str| total[member].as_str().unwrap().to_owned();
        (text("spent"), text("reserved"))
    }
}

/// A gateway in this folder that sells a page for a tenth of a cent.
fn seller(folder: &Path, devnet: &Devnet, upstream: &str, accept: &str) -> Seller {
    let account = &devnet.accounts()[1];
    private_file::create(&folder.join("seller.key"), account.publicly_known_key.to_string().as_bytes()).unwrap();
    let config = format!(
        r#"
[gateway]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
store = "sqlite:farthing.db"
development = true

[rails.base]
method = "evm"
rpc = "{}"
chain = 84532
recipient = "{}"
asset = "USDC"
signer = {{ key = {{ file = "seller.key" }} }}

[[route]]
match = "* /{{*path}}"
upstream = "{upstream}"
price = "0.001 USD"
accept = [{accept}]
"#,
        devnet.rpc(),
        account.address,
    );
    Seller::start(folder, &config, &[])
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_ours_is_examined_explained_and_paid_by_x402() {
    let (buyer, upstream, folder) = (Buyer::new().await, Upstream::start().await, tempfile::tempdir().unwrap());
    let seller = seller(folder.path(), &buyer.devnet, &upstream.url(), "\"x402/exact\"");
    let url = format!("{}/report?of=me", seller.listen);

    let checked = buyer.farthing(&["check", &url]).await;
    let (text, lines) = (said(&checked), said(&checked));
    assert!(checked.status.success(), "{text}");
    assert!(
        lines.lines().any(|line| line.contains("facilitator") && line.contains("unsigned payment is refused")),
        "{text}"
    );
    assert!(!text.contains("weak"), "{text}");

    let explained = buyer.farthing(&["pay", "--dry-run", &url]).await;
    let text = said(&explained);
    assert!(text.contains("x402/exact on eip155:84532, by x402 version 2"), "{text}");
    assert_eq!(upstream.hits(), 0, "neither pays");

    let paid = buyer.farthing(&["pay", "-d", "{\"city\":\"Bern\"}", &url]).await;
    let text = said(&paid);
    assert!(paid.status.success() && text.contains("paid 0.001 USD"), "{text}");
    assert!(text.contains("reference 0x"), "{text}");
    assert_eq!((upstream.hits(), buyer.counted().await), (1, ("0.001 USD".into(), "0 USD".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_the_seller_does_not_read_before_it_is_paid_is_paid_for_all_the_same() {
    let (buyer, upstream, folder) = (Buyer::new().await, Upstream::start().await, tempfile::tempdir().unwrap());
    let seller = seller(folder.path(), &buyer.devnet, &upstream.url(), "\"x402/exact\"");
    let body = folder.path().join("large");
    std::fs::write(&body, vec![b'a'; 3 * 1024 * 1024]).unwrap();
    let body = format!("@{}", body.display());
    let paid = buyer.farthing(&["pay", "-d", &body, &format!("{}/report", seller.listen)]).await;
    assert!(paid.status.success(), "{}", said(&paid));
    assert_eq!(upstream.hits(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_both_protocols_at_one_price_the_challenge_is_paid() {
    let (buyer, upstream, folder) = (Buyer::new().await, Upstream::start().await, tempfile::tempdir().unwrap());
    let seller = seller(folder.path(), &buyer.devnet, &upstream.url(), "\"evm/charge\", \"x402/exact\"");
    let checked = buyer.farthing(&["check", &seller.listen]).await;
    let text = said(&checked);
    let weak = text.lines().filter(|line| line.starts_with("weak"));
    assert!(checked.status.success() && weak.into_iter().all(|line| line.contains("no OpenAPI document")), "{text}");
    assert!(text.contains("every request gets its own challenge") && text.contains("PAYMENT-REQUIRED"), "{text}");
    let explained = buyer.farthing(&["pay", "--dry-run", "--json", &seller.listen]).await;
    let explained: Value = serde_json::from_slice(&explained.stdout).unwrap();
    let offers = explained["offers"].as_array().unwrap().iter();
    let protocols: Vec<_> = offers.map(|offer| offer["protocol"].as_str().unwrap()).collect();
    assert_eq!(protocols, ["Payment", "x402 version 2"]);
    let paid = buyer.farthing(&["pay", &seller.listen]).await;
    assert!(paid.status.success(), "{}", said(&paid));
}

/// A double: delivers, and says that it took nothing.
async fn liar() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let url = format!("{origin}/report");
    let list = json!({
        "x402Version": 2, "resource": {"url": url},
        "accepts": [{
            "scheme": "exact", "network": "eip155:84532", "amount": "1000",
            "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "maxTimeoutSeconds": 60,
            "extra": {"name": "USDC", "version": "2"},
        }],
    });
    let denied = json!({"success": false, "errorReason": "settle_\u{1b}[2Jtimeout", "transaction": "", "network": ""});
    let router = Router::new().fallback(move |headers: HeaderMap| {
        let (list, denied) = (STANDARD.encode(list.to_string()), STANDARD.encode(denied.to_string()));
        async move {
            match headers.contains_key("payment-signature") {
                true => ([("payment-response", denied)], "goods").into_response(),
                false => (StatusCode::PAYMENT_REQUIRED, [("payment-required", list)], "{}").into_response(),
            }
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_and_said_not_to_be_paid_ends_with_a_code_of_its_own_and_stays_counted() {
    let (buyer, url) = (Buyer::new().await, liar().await);
    let output = buyer.farthing(&["pay", &url]).await;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(7), "{text}");
    assert_eq!(output.stdout, b"goods");
    assert!(text.contains("it is not known whether 0.001 USD was paid"), "{text}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains('\u{1b}'), "{text:?}");
    assert_eq!(buyer.counted().await, ("0 USD".into(), "0.001 USD".into()));
}
