//! W-16: every secret that a buyer's flows use, at trace level, is searched for wherever it could have leaked: logs,
//! output, files, arguments of processes, the books of the seller. The program itself, killed once while it pays.

use crate::support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use farthing_keys::private_file;
use serde_json::{Value, json};
use support::FARTHING;
use support::between::Between;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

const PASSPHRASE: &str = "this passphrase of a wallet is searched for everywhere";
const KEY: &str = "8f2a559490d5ab32ddb6d1b1b3c8e0bbd4ad1e4f6d0bcb6d1d3f1c7c5b0a9e71";
/// What a caller puts into an address, a header and a body.
const QUERY: &str = "query-secret-5d1c";
const COOKIE: &str = "cookie-secret-77aa";
const BODY: &str = "body-secret-e0f1";
/// The member of a payment by which whoever has it has the money.
const SIGNED: &str = "signature";

/// What was seen, and where it must not be.
#[derive(Default)]
struct Search {
    secrets: BTreeSet<String>,
    places: Vec<(String, Vec<u8>)>,
}

impl Search {
    /// What a request paid with: its text, and the signatures in it in the forms in which they are printed.
    fn add_payment(&mut self, headers: &HeaderMap) {
        for name in ["authorization", "payment-authorization", "payment-signature", "x-payment"] {
            let Some(value) = headers.get(name) else { continue };
            let text = value.to_str().unwrap().trim_start_matches("Payment ");
            self.secrets.insert(text.to_owned());
            let decoded = URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text)).unwrap();
            self.add_signed(&serde_json::from_slice(&decoded).unwrap());
        }
    }

    fn add_signed(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let text = member.as_str().filter(|_| name == SIGNED);
                    self.secrets.extend(text.map(|text| text.trim_start_matches("0x").to_owned()));
                    self.add_signed(member);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.add_signed(value)),
            _ => {}
        }
    }

    fn look_at(&mut self, place: &str, bytes: impl Into<Vec<u8>>) {
        self.places.push((place.to_owned(), bytes.into()));
    }

    fn look_under(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => self.look_under(&path),
                false => self.look_at(&path.display().to_string(), std::fs::read(&path).unwrap()),
            }
        }
    }

    fn finds(&self, text: &str) -> bool {
        self.places.iter().any(|(_, bytes)| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    fn finds_nothing(&self) {
        assert!(self.secrets.iter().all(|secret| secret.len() > 12));
        for secret in &self.secrets {
            for (place, bytes) in &self.places {
                let found = bytes.windows(secret.len()).any(|window| window.eq_ignore_ascii_case(secret.as_bytes()));
                assert!(!found, "a secret is in {place}: {}...", &secret[..12]);
            }
        }
    }
}

struct Agent {
    folder: tempfile::TempDir,
}

impl Agent {
    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(FARTHING);
        command.args(words).env("FARTHING_HOME", self.home()).env("FARTHING_PASSPHRASE", PASSPHRASE);
        command.env("RUST_LOG", "trace").stdin(Stdio::null());
        command
    }

    /// Runs it to its end; what it printed and logged is looked at, whatever it ended in.
    async fn run(&self, search: &mut Search, words: &[&str]) -> String {
        let mut command = self.command(words);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        search.look_at(&format!("the output of {words:?}"), output.stdout.clone());
        search.look_at(&format!("the log of {words:?}"), output.stderr);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// A seller of x402 that takes no payment, and never answers one at `/silent`.
async fn shop(seen: std::sync::Arc<std::sync::Mutex<Vec<HeaderMap>>>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let list = json!({
        "x402Version": 2, "error": "pay", "resource": { "url": format!("{origin}/report") },
        "accepts": [{
            "scheme": "exact", "network": "eip155:84532", "amount": "1000", "maxTimeoutSeconds": 60,
            "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C", "extra": { "name": "USDC", "version": "2" },
        }],
    });
    let router = Router::new().fallback(move |uri: axum::http::Uri, headers: HeaderMap| {
        let (seen, list) = (seen.clone(), STANDARD.encode(list.to_string()));
        async move {
            if !headers.contains_key("payment-signature") {
                return (axum::http::StatusCode::PAYMENT_REQUIRED, [("payment-required", list)], "{}").into_response();
            }
            seen.lock().unwrap().push(headers);
            if uri.path() == "/silent" {
                std::future::pending::<()>().await;
            }
            (axum::http::StatusCode::NOT_FOUND, "no").into_response()
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

#[tokio::test(flavor = "multi_thread")]
async fn w_16_no_secret_of_any_flow_of_a_buyer_is_found_anywhere() {
    let (agent, between, upstream) =
        (Agent { folder: tempfile::tempdir().unwrap() }, Between::start().await, Upstream::start().await);
    let shop_folder = tempfile::tempdir().unwrap();
    let sessions = "[[route]]\nmatch = \"* /metered/{*rest}\"\nupstream = \"UPSTREAM\"\nprice = \"0.001 USD\"\n\
        accept = [\"balance/session\"]\n[route.session]\ndeposit = \"0.005 USD\"\n";
    let known_as = format!("[gateway]\npublic_url = \"{}\"\n", between.origin);
    let config = config(&upstream.url(), HONEST_RAIL).replace("[gateway]\n", &known_as);
    let seller = Seller::start(shop_folder.path(), &(config + &sessions.replace("UPSTREAM", &upstream.url())), &[]);
    between.lead_to(&seller.listen);
    let mut search = Search::default();
    search.secrets.extend([PASSPHRASE, KEY].map(str::to_owned));

    // Outside the folder that is searched: whoever has it has its key.
    let elsewhere = tempfile::tempdir().unwrap();
    let key = elsewhere.path().join("agent.key");
    private_file::create(&key, KEY.as_bytes()).unwrap();
    agent.run(&mut search, &["wallet", "create", "agent", "--key-file", key.to_str().unwrap()]).await;
    let shown = agent.run(&mut search, &["wallet", "show", "agent", "--json"]).await;
    let did = serde_json::from_str::<Value>(&shown).unwrap()["did"].as_str().unwrap().to_owned();
    seller.grant(&did, "1 USD").await;
    agent.run(&mut search, &["policy", "set", "--total", "1 USD", "--per-payment", "0.01 USD"]).await;
    let chains = "[chain.here]\nchain = 84532\nrpc = \"http://127.0.0.1:9/node-key-9b2e\"\n";
    private_file::create(&agent.home().join("chains.toml"), chains.as_bytes()).unwrap();

    let url = |path: &str| format!("{}{path}", between.origin);
    let (bought, metered) = (url(&format!("/paid/a?token={QUERY}")), url("/metered/a"));
    let (cookie, body) = (format!("cookie: {COOKIE}"), format!("{{\"word\":\"{BODY}\"}}"));
    agent.run(&mut search, &["pay", "--dry-run", &url("/paid/a")]).await;
    agent.run(&mut search, &["pay", "-H", &cookie, "-d", &body, &bought]).await;
    upstream.fail_next(20);
    agent.run(&mut search, &["pay", &url("/paid/failing")]).await;
    upstream.fail_next(0);
    for words in [["pay", &metered], ["pay", &metered], ["sessions", "list"], ["key", "create"], ["key", "list"]] {
        agent.run(&mut search, &words).await;
    }
    agent.run(&mut search, &["sessions", "close", "--all"]).await;
    agent.run(&mut search, &["wallet", "export", "agent"]).await;
    let said = search.places.iter().map(|(place, text)| format!("{place}: {}", String::from_utf8_lossy(text)));
    assert!(upstream.hits() >= 4, "the flows did not pay: {}", said.collect::<String>());

    let signed = std::sync::Arc::default();
    let x402 = shop(std::sync::Arc::clone(&signed)).await;
    agent.run(&mut search, &["pay", &format!("{x402}/report")]).await;
    agent.run(&mut search, &["wallet", "settle", "agent"]).await;
    killed_while_it_pays(&agent, &mut search, &format!("{x402}/silent"), &signed).await;

    let payments = between.requests().into_iter().chain(signed.lock().unwrap().clone());
    payments.for_each(|headers| search.add_payment(&headers));
    let receipts = between.answers().into_iter().filter_map(|headers| headers.get("payment-receipt").cloned());
    search.secrets.extend(receipts.map(|receipt| receipt.to_str().unwrap().to_owned()));
    search.look_under(&agent.home());
    search.look_under(shop_folder.path());
    search.look_at("the gateway's log", seller.log());
    search.look_at(
        "the gateway's metrics",
        reqwest::get(format!("{}/metrics", seller.admin)).await.unwrap().bytes().await.unwrap(),
    );
    // The owner's own file, which only the owner can read.
    search.places.retain(|(place, _)| !place.ends_with("chains.toml"));
    search.secrets.insert("node-key-9b2e".to_owned());
    assert!(search.secrets.len() > 12 && search.finds(&did), "a name that is no secret is where it belongs");
    search.finds_nothing();
    // What a caller puts into a request is the seller's to keep, and comes back with the goods.
    let (seller_s, bought) = (shop_folder.path().display().to_string(), "the output of [\"pay\"");
    search.places.retain(|(place, _)| !place.starts_with(&seller_s) && !place.starts_with(bought));
    search.secrets = [QUERY, COOKIE, BODY].map(str::to_owned).into();
    search.finds_nothing();
}

/// Kills it while a payment is out and no answer has come, and looks at what others could see of it until then.
async fn killed_while_it_pays(
    agent: &Agent,
    search: &mut Search,
    url: &str,
    signed: &std::sync::Mutex<Vec<HeaderMap>>,
) {
    let before = signed.lock().unwrap().len();
    let mut child = agent.command(&["pay", url]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while signed.lock().unwrap().len() == before {
        assert!(child.try_wait().unwrap().is_none(), "it ended without paying");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    search.look_at("the arguments of a process", std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap());
    search.look_at("what ps says", std::fs::read(format!("/proc/{}/stat", child.id())).unwrap());
    child.kill().unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    search.look_at("the log of what was killed", output.stderr);
}
