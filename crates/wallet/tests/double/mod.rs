//! A seller to test buyers against: real sockets, real challenges and signatures, and whatever
//! behaviour a test asks for. It stands in for a gateway and is none.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use farthing_money::Amount;
use farthing_protocol::{
    Binder, BindingSecret, BodyDigest, ChallengeId, ChallengeTemplate, ChargeRequest, Credential, EncodedObject,
    IntentName, JsonObject, MethodName, Problem, ProblemType, Realm, Receipt, Timestamp,
};
use farthing_rail::{Method as _, Presented};
use farthing_rail_balance::Balance;
use farthing_wallet::client::Settings;
use farthing_wallet::{Ambient, PassphraseSource, PayingClient, Wallet, WalletName, Wallets};

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

/// What the seller does with the next credential it is shown.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Takes the money and stays silent for longer than any test waits.
    TakeAndStaySilent,
    /// Takes the money and drops the connection before the answer.
    TakeAndHangUp,
    /// Takes the money and answers with this status.
    TakeAndAnswer(u16),
    /// Takes nothing and answers with this status.
    Answer(u16),
    /// Takes nothing and says why, with a fresh challenge.
    Refuse(ProblemType),
    /// Takes nothing and answers 402 without a reason.
    RefuseSilently,
    /// Takes nothing and sends the client elsewhere.
    Redirect(String),
}

/// One way to pay, in the words of a challenge; `{origin}` is replaced.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) amount: &'static str,
    pub(crate) currency: &'static str,
    pub(crate) issuer: &'static str,
    pub(crate) expires: &'static str,
    pub(crate) digest_of: Option<&'static [u8]>,
    /// The whole request, as JSON, of a method that this seller only takes signatures of and checks nothing in.
    pub(crate) request: Option<&'static str>,
}

impl Default for Asked {
    fn default() -> Self {
        let (method, amount, currency) = ("balance", "1000", "usd.6");
        let (issuer, expires) = ("{origin}", "2026-11-21T12:05:00Z");
        Self { method, amount, currency, issuer, expires, digest_of: None, request: None }
    }
}

/// One request as the seller saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Default)]
struct Record {
    script: VecDeque<Act>,
    seen: Vec<Seen>,
    /// How often each challenge was presented, and which were charged.
    presented: BTreeMap<ChallengeId, u32>,
    charged: BTreeMap<ChallengeId, u32>,
    issued: u64,
}

#[derive(Clone)]
pub(crate) struct Seller {
    pub(crate) origin: String,
    offers: Arc<Vec<Asked>>,
    record: Arc<Mutex<Record>>,
    binder: Arc<Binder>,
}

impl Seller {
    pub(crate) async fn start() -> Self {
        Self::offering(vec![Asked::default()]).await
    }

    pub(crate) async fn offering(offers: Vec<Asked>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let binder = Arc::new(Binder::new(BindingSecret::new(&[9; 32]).unwrap(), None));
        let seller = Self { origin, offers: Arc::new(offers), record: Arc::default(), binder };
        let router = Router::new().fallback(serve).with_state(seller.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        seller
    }

    /// What to do with the next credentials, in order; then they are accepted.
    pub(crate) fn will(&self, acts: impl IntoIterator<Item = Act>) {
        self.record.lock().unwrap().script.extend(acts);
    }

    pub(crate) fn url(&self, path: &str) -> reqwest::Url {
        format!("{}{path}", self.origin).parse().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::Request {
        reqwest::Request::new(reqwest::Method::GET, self.url(path))
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.record.lock().unwrap().seen.clone()
    }

    /// How many requests carried a credential.
    pub(crate) fn presentations(&self) -> u32 {
        self.record.lock().unwrap().presented.values().sum()
    }

    /// How many different credentials were ever seen: each is money the wallet signed away.
    pub(crate) fn credentials(&self) -> usize {
        self.record.lock().unwrap().presented.len()
    }

    /// How many payments were taken.
    pub(crate) fn charges(&self) -> usize {
        self.record.lock().unwrap().charged.len()
    }

    /// The balances that it keeps, in any currency that it asked for.
    fn balance(&self, currency: &str) -> Balance {
        Balance::new(farthing_rail_balance::asset_of(currency).unwrap(), &self.origin).unwrap()
    }

    fn challenge(&self, asked: &Asked) -> String {
        let mut details = JsonObject::new();
        details.insert("issuer".into(), asked.issuer.replace("{origin}", &self.origin).into());
        let mut request = JsonObject::new();
        request.insert("amount".into(), asked.amount.into());
        request.insert("currency".into(), asked.currency.into());
        request.insert("methodDetails".into(), details.into());
        if let Some(whole) = asked.request {
            request = serde_json::from_str(whole).unwrap();
        }
        let (realm, method) = (Realm::new("seller.test").unwrap(), MethodName::read(asked.method).unwrap());
        let (intent, request) = (IntentName::new("charge").unwrap(), EncodedObject::encode(&request).unwrap());
        let template = ChallengeTemplate::new(&realm, &method, &intent, &request, Some("free of charge")).unwrap();
        let mut record = self.record.lock().unwrap();
        record.issued += 1;
        let mut opaque = JsonObject::new();
        opaque.insert("n".into(), record.issued.to_string().into());
        let opaque = EncodedObject::encode(&opaque).unwrap();
        let digest = asked.digest_of.map(BodyDigest::of);
        let mut header = String::new();
        template.issue(&self.binder, asked.expires, digest.as_ref(), opaque.as_str(), &mut header);
        header
    }

    fn ask(&self, problem: Option<ProblemType>) -> Response<Body> {
        let mut response = Response::builder().status(402).header("cache-control", "no-store");
        for asked in self.offers.iter() {
            response = response.header("www-authenticate", self.challenge(asked));
        }
        let body = problem.map(|problem| Problem::new(problem, "as the test asked").to_json());
        response.body(body.unwrap_or_default().into()).unwrap()
    }

    async fn present(&self, credential: &Credential) -> Response<Body> {
        let id = credential.challenge().id().clone();
        self.binder.verify(credential.challenge()).expect("the challenge is echoed as issued");
        if credential.challenge().method().as_str() == "balance" {
            let request = ChargeRequest::from_object(&credential.challenge().request().decode().unwrap()).unwrap();
            let presented = Presented { credential, request: &request, now: now() };
            let proof = self.balance(&request.currency).verify(&presented).unwrap();
            assert!(proof.amount > Amount::ZERO);
        }
        let act = {
            let mut record = self.record.lock().unwrap();
            *record.presented.entry(id.clone()).or_default() += 1;
            record.script.pop_front()
        };
        let take = || *self.record.lock().unwrap().charged.entry(id.clone()).or_default() += 1;
        let plain =
            |status: u16| Response::builder().status(status).header("retry-after", "0").body(Body::from("no")).unwrap();
        match act {
            None => {
                take();
                let (method, timestamp) = (credential.challenge().method().clone(), now());
                let (external_id, extra) = (None, JsonObject::new());
                let reference = "transfer-1".to_owned();
                let receipt =
                    Receipt { method, reference, timestamp, challenge_id: Some(id.clone()), external_id, extra };
                let response = Response::builder().header("payment-receipt", receipt.to_header());
                response.header("cache-control", "private").body(Body::from("goods")).unwrap()
            }
            Some(Act::TakeAndStaySilent) => {
                take();
                tokio::time::sleep(Duration::from_secs(120)).await;
                plain(500)
            }
            Some(Act::TakeAndHangUp) => {
                take();
                // The connection ends with its task, whatever the machine's speed.
                panic!("the seller hangs up, as the test asked");
            }
            Some(Act::TakeAndAnswer(status)) => {
                take();
                plain(status)
            }
            Some(Act::Answer(status)) => plain(status),
            Some(Act::Refuse(problem)) => self.ask(Some(problem)),
            Some(Act::RefuseSilently) => self.ask(None),
            Some(Act::Redirect(to)) => {
                Response::builder().status(307).header("location", to).body(Body::empty()).unwrap()
            }
        }
    }
}

async fn serve(
    State(seller): State<Seller>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let seen = Seen { line: format!("{method} {uri}"), headers: headers.clone(), body };
    seller.record.lock().unwrap().seen.push(seen);
    let lines = headers.get_all("authorization").iter().map(|value| value.as_bytes());
    if let Some(credential) = Credential::from_lines(lines).unwrap() {
        return seller.present(&credential).await;
    }
    match uri.path().strip_prefix("/redirect-to/") {
        Some(target) => {
            let target = format!("http://{target}/arrived");
            Response::builder().status(StatusCode::FOUND).header("location", target).body(Body::empty()).unwrap()
        }
        None if uri.path() == "/free" => Response::new(Body::from("free")),
        None => seller.ask(None),
    }
}

pub(crate) const AGENT: &str = "agent";

pub(crate) fn wallets(home: &Path) -> Wallets {
    Wallets::at(home, Ambient::new(now)).unwrap()
}

/// A new wallet with this policy.
pub(crate) fn create(home: &Path, policy: Option<&str>) {
    let name: WalletName = AGENT.parse().unwrap();
    let wallets = wallets(home);
    wallets.create(&name, &PassphraseSource::KeyFile).unwrap();
    if let Some(policy) = policy {
        wallets.set_policy(&name, &policy.parse().unwrap(), &PassphraseSource::KeyFile).unwrap();
    }
}

/// The wallet as a program opens it.
pub(crate) fn open(home: &Path) -> Wallet {
    wallets(home).open(&AGENT.parse().unwrap(), PassphraseSource::KeyFile).unwrap()
}

/// The same at another time.
pub(crate) fn open_at(home: &Path, time: &'static str) -> Wallet {
    let wallets = Wallets::at(home, Ambient::new(move || Timestamp::parse(time).unwrap())).unwrap();
    wallets.open(&AGENT.parse().unwrap(), PassphraseSource::KeyFile).unwrap()
}

/// A client that waits a long time for a busy machine, but hardly between two attempts.
pub(crate) fn client(home: &Path) -> PayingClient {
    client_with(home, Duration::from_secs(60))
}

/// A client that takes this long a silence for a lost answer.
pub(crate) fn client_with(home: &Path, silence: Duration) -> PayingClient {
    let wallet = open(home);
    let payer = farthing_rail_balance::BalancePayer::new(wallet.signer());
    let (rounds, attempts, longest_wait) = (3, 3, Duration::from_millis(5));
    let settings = Settings { rounds, attempts, longest_wait, silence, ..Settings::default() };
    PayingClient::with_settings(wallet, vec![Arc::new(payer)], settings).unwrap()
}

/// Spent and reserved in total, in millionths.
pub(crate) async fn counted(wallet: &Wallet) -> (u64, u64) {
    let key = farthing_books::budget::BudgetKey(format!("{AGENT}/total"));
    let counter = wallet.budgets().budget(&key).await.unwrap();
    counter.map_or((0, 0), |counter| (counter.spent, counter.reserved))
}
