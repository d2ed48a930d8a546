//! A seller that speaks x402 and does whatever a test says: a double, it takes no money. What pays is the
//! product's own payer, with a note of all that it signs; of `upto` it is a double too.

#![allow(dead_code, reason = "each test file uses a part of it")]

mod payer;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farthing_dialects::x402::{PaymentPayload, Settled};
use farthing_protocol::Timestamp;
use farthing_wallet::client::Settings;
use farthing_wallet::{Ambient, Outcome, PassphraseSource, PayingClient, Wallet, WalletName, Wallets};
use serde_json::{Value, json};

use payer::{Ink, Inked, Noted};

pub(crate) const USDC: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
pub(crate) const SELLER: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
pub(crate) const TRANSACTION: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

/// One request as the seller saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    /// The payment that it carries by x402, as it stands in its header.
    pub(crate) fn header(&self) -> Option<&str> {
        let field = ["payment-signature", "x-payment"].into_iter().find_map(|name| self.headers.get(name));
        field.map(|value| value.to_str().unwrap())
    }

    pub(crate) fn payment(&self) -> Option<PaymentPayload> {
        self.header().map(|header| PaymentPayload::from_header(header.as_bytes()).unwrap())
    }

    /// Whether it carries anything that could be money.
    pub(crate) fn has_credential(&self) -> bool {
        let fields = ["payment-signature", "x-payment", "authorization", "payment-authorization"];
        fields.iter().any(|name| self.headers.contains_key(*name))
    }
}

type Answer = dyn Fn(&Shop, &Seen) -> Response<Body> + Send + Sync;

/// A server with one answer to everything.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) origin: String,
    answer: Arc<Answer>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Shop {
    pub(crate) async fn start(answer: impl Fn(&Shop, &Seen) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let shop = Self { origin, answer: Arc::new(answer), seen: Arc::default() };
        let serving = shop.clone();
        let router = Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (shop, seen) = (serving.clone(), Seen { method, uri, headers, body });
            async move {
                shop.seen.lock().unwrap().push(seen.clone());
                (shop.answer)(&shop, &seen)
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        shop
    }

    /// One that demands this list, and takes whatever is paid for it.
    pub(crate) async fn honest(list: impl Fn(&str) -> Value + Send + Sync + 'static) -> Self {
        Self::start(move |shop, seen| match seen.payment() {
            Some(payment) => goods(&took(&payment)),
            None => demand(&list(&shop.origin)),
        })
        .await
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::Request {
        reqwest::Request::new(reqwest::Method::GET, format!("{}{path}", self.origin).parse().unwrap())
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The payments that were shown here, each as often as it was.
    pub(crate) fn headers(&self) -> Vec<String> {
        self.seen().iter().filter_map(|seen| seen.header().map(str::to_owned)).collect()
    }

    /// How many requests carried anything that could be money.
    pub(crate) fn credentials(&self) -> usize {
        self.seen().iter().filter(|seen| seen.has_credential()).count()
    }
}

/// One entry of a list of version 2.
pub(crate) fn entry(amount: &str) -> Value {
    json!({
        "scheme": "exact", "network": "eip155:84532", "amount": amount, "asset": USDC, "payTo": SELLER,
        "maxTimeoutSeconds": 60, "extra": {"name": "USDC", "version": "2"},
    })
}

/// A list of version 2 for what is at this origin.
pub(crate) fn list(origin: &str, accepts: Vec<Value>) -> Value {
    json!({
        "x402Version": 2, "error": "PAYMENT-SIGNATURE header is required", "accepts": accepts,
        "resource": {"url": format!("{origin}/report"), "description": "a report"},
    })
}

/// One entry of version 1.
pub(crate) fn old_entry(origin: &str, amount: &str) -> Value {
    json!({
        "scheme": "exact", "network": "base-sepolia", "maxAmountRequired": amount, "asset": USDC, "payTo": SELLER,
        "maxTimeoutSeconds": 60, "extra": {"name": "USDC", "version": "2"},
        "resource": format!("{origin}/report"), "description": "a report", "mimeType": "application/json",
    })
}

pub(crate) fn encoded(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

/// A 402 of version 2, with a body that says nothing.
pub(crate) fn demand(list: &Value) -> Response<Body> {
    Response::builder().status(402).header("payment-required", encoded(list)).body("{}".into()).unwrap()
}

/// A 402 of version 1.
pub(crate) fn old_demand(accepts: Vec<Value>) -> Response<Body> {
    let body = json!({"x402Version": 1, "error": "X-PAYMENT header is required", "accepts": accepts});
    let response = Response::builder().status(402).header("content-type", "application/json");
    response.body(body.to_string().into()).unwrap()
}

/// What an honest seller says of a payment.
pub(crate) fn took(payment: &PaymentPayload) -> Settled {
    let payer = payment.payload["authorization"]["from"].as_str().map(str::to_owned);
    let reference = format!("eip155:84532/tx/{TRANSACTION}");
    Settled::paid(&reference, payment.network(), payer.as_deref(), None).in_version(payment.version)
}

/// What was asked for, with what is said of the payment in the header of version 2.
pub(crate) fn goods(settled: &Settled) -> Response<Body> {
    Response::builder().header("payment-response", settled.to_header()).body("goods".into()).unwrap()
}

pub(crate) fn plain(status: u16) -> Response<Body> {
    Response::builder().status(status).header("retry-after", "0").body("no".into()).unwrap()
}

pub(crate) fn redirect(to: &str) -> Response<Body> {
    Response::builder().status(307).header("location", to).body(Body::empty()).unwrap()
}

/// A wallet with a policy, a client that pays out of it, and what that signs.
pub(crate) struct Buyer {
    pub(crate) client: PayingClient,
    pub(crate) inked: Inked,
    home: tempfile::TempDir,
}

impl Buyer {
    pub(crate) fn new(policy: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        create(home.path(), policy);
        let (client, inked) = client(home.path());
        Self { client, inked, home }
    }

    /// As the next process opens the wallet: what was signed is forgotten, what the chain says is not.
    pub(crate) fn reopened(self) -> Self {
        self.reopened_at(now())
    }

    /// The same, some time later.
    pub(crate) fn reopened_at(self, now: Timestamp) -> Self {
        let (client, inked) = client_at(self.home.path(), now);
        inked.say(self.inked.chain());
        drop(self.client);
        Self { client, inked, home: self.home }
    }

    pub(crate) async fn pay(&self, shop: &Shop) -> Outcome {
        self.client.pay(shop.get("/report"), None).await.unwrap()
    }

    /// Spent and reserved in total, in millionths.
    pub(crate) async fn counted(&self) -> (u64, u64) {
        counted(self.client.wallet()).await
    }
}

/// A new wallet with this policy.
pub(crate) fn create(home: &Path, policy: &str) {
    let (name, wallets): (WalletName, _) = ("agent".parse().unwrap(), wallets(home, now()));
    wallets.create(&name, &PassphraseSource::KeyFile).unwrap();
    wallets.set_policy(&name, &policy.parse().unwrap(), &PassphraseSource::KeyFile).unwrap();
}

/// A client that waits a long time for a busy machine, but hardly between two attempts.
pub(crate) fn client(home: &Path) -> (PayingClient, Inked) {
    client_at(home, now())
}

fn client_at(home: &Path, now: Timestamp) -> (PayingClient, Inked) {
    let wallet = wallets(home, now).open(&"agent".parse().unwrap(), PassphraseSource::KeyFile).unwrap();
    let inked = Inked::default();
    let account = wallet.account().unwrap();
    let balance = farthing_rail_balance::BalancePayer::new(wallet.signer());
    let (attempts, longest_wait, silence) = (3, Duration::from_millis(5), Duration::from_secs(60));
    let settings = Settings { attempts, longest_wait, silence, ..Settings::default() };
    let payers: Vec<Arc<dyn farthing_rail::Payer>> =
        vec![Arc::new(balance), Arc::new(Noted::exact(account, now, &inked)), Arc::new(Ink::upto(&inked))];
    (PayingClient::with_settings(wallet, payers, settings).unwrap(), inked)
}

fn wallets(home: &Path, now: Timestamp) -> Wallets {
    Wallets::at(home, Ambient::new(move || now)).unwrap()
}

/// Spent and reserved in total, in millionths.
pub(crate) async fn counted(wallet: &Wallet) -> (u64, u64) {
    let key = farthing_books::budget::BudgetKey("agent/total".to_owned());
    let counter = wallet.budgets().budget(&key).await.unwrap();
    counter.map_or((0, 0), |counter| (counter.spent, counter.reserved))
}

/// Asserts that nothing was paid and gives the reasons.
pub(crate) fn reasons(outcome: Outcome) -> String {
    match outcome {
        Outcome::NoOffer { reasons } => reasons.join("; "),
        Outcome::Refused { sentence, .. } => sentence,
        other => panic!("{other:?}"),
    }
}
