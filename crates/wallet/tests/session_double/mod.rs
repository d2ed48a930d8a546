//! A seller of sessions to test buyers against: real sockets, challenges and signatures, its accounts in
//! memory, and whatever lie a test asks for. It stands in for a gateway and is none.

#![allow(dead_code, reason = "each test file uses a part of it")]

mod accounts;
pub(crate) mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use farthing_money::Amount;
use farthing_protocol::{
    Binder, BindingSecret, ChallengeTemplate, ChargeRequest, Credential, EncodedObject, IntentName, JsonObject,
    MethodName, Problem, ProblemType, Realm, Receipt,
};
use farthing_rail::{Method as _, Presented, SessionAction, SessionMethod as _, SessionOrder};
use farthing_rail_balance::{Balance, BalanceSession, BalanceSessionPayer, asset_of};
use farthing_wallet::client::Settings;
use farthing_wallet::sessions::KeptSession;
use farthing_wallet::{PayingClient, Wallet};

pub(crate) use accounts::{Accounts, Channel};

use crate::double::{now, open};

/// What the seller does with the next session credential it is shown, after it has checked it.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Takes it, serves, and drops the connection before the answer.
    TakeAndHangUp,
    /// Takes it, and says this of the session in the receipt.
    ReceiptSays { channel: Option<&'static str>, accepted: u128, spent: u128 },
    /// Takes it and sends no receipt.
    NoReceipt,
    /// Takes nothing and answers with this status and problem.
    Refuse(ProblemType),
    /// Takes nothing and answers with this status.
    Answer(u16),
    /// Takes nothing, and says this in a fresh challenge's snapshot.
    Claim { problem: ProblemType, channel: Option<&'static str>, deposit: u128, spent: u128, required: u128 },
    /// Takes the voucher and draws nothing.
    Free,
    /// Takes nothing and sends the client elsewhere.
    Redirect(String),
}

#[derive(Default)]
pub(crate) struct Record {
    pub(crate) script: VecDeque<Act>,
    pub(crate) accounts: Accounts,
    /// Every credential that was shown, as `open 1000`, `voucher 2000`, in order.
    pub(crate) shown: Vec<String>,
    /// Where to, each time.
    pub(crate) paths: Vec<String>,
    answered: BTreeMap<(String, String), (u16, Option<String>, String)>,
    issued: u64,
    pub(crate) unpaid: u32,
    /// What a unit costs from now on, where it is not what the terms say; challenges of another price are over.
    pub(crate) raised_to: Option<(&'static str, u128)>,
}

impl Record {
    pub(crate) fn forget_answers(&mut self) {
        self.answered.clear();
    }
}

#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) origin: String,
    pub(crate) record: Arc<Mutex<Record>>,
    pub(crate) terms: Terms,
    binder: Arc<Binder>,
}

/// What is offered.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) unit: &'static str,
    pub(crate) deposit: &'static str,
    pub(crate) least_delta: Option<&'static str>,
    pub(crate) charge: Option<&'static str>,
}

pub(crate) const UNIT: u128 = 1000;

impl Default for Terms {
    fn default() -> Self {
        Self { unit: "0.001 USD", deposit: "0.01 USD", least_delta: None, charge: None }
    }
}

impl Shop {
    pub(crate) async fn start() -> Self {
        Self::offering(Terms::default()).await
    }

    pub(crate) async fn offering(terms: Terms) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let binder = Arc::new(Binder::new(BindingSecret::new(&[9; 32]).unwrap(), None));
        let shop = Self { origin, record: Arc::default(), terms, binder };
        let router = Router::new().fallback(serve).with_state(shop.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        shop
    }

    pub(crate) fn will(&self, acts: impl IntoIterator<Item = Act>) {
        self.record.lock().unwrap().script.extend(acts);
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::Request {
        reqwest::Request::new(reqwest::Method::GET, format!("{}{path}", self.origin).parse().unwrap())
    }

    /// The only channel.
    pub(crate) fn channel(&self) -> Channel {
        let channels = self.channels();
        assert_eq!(channels.len(), 1, "{channels:?}");
        channels[0].clone()
    }

    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.record.lock().unwrap().accounts.channels.values().cloned().collect()
    }

    pub(crate) fn shown(&self) -> Vec<String> {
        self.record.lock().unwrap().shown.clone()
    }

    pub(crate) fn balance(&self) -> Balance {
        Balance::new(asset_of("usd.6").unwrap(), &self.origin).unwrap()
    }

    pub(crate) fn method(&self) -> BalanceSession {
        BalanceSession::on(&self.balance()).unwrap()
    }

    /// A fresh challenge of the session, with this for a snapshot.
    fn session_challenge(&self, snapshot: Option<serde_json::Value>) -> String {
        let order = SessionOrder {
            price: self.price().0.parse().unwrap(),
            unit: "request".into(),
            suggested_deposit: self.terms.deposit.parse().unwrap(),
            least_delta: self.terms.least_delta.map(|delta| delta.parse().unwrap()),
            description: None,
        };
        let mut request = self.method().session_request(&order).unwrap();
        if let Some(snapshot) = snapshot {
            request["methodDetails"]["sessionSnapshot"] = snapshot;
        }
        self.challenge("session", &request)
    }

    /// What a shop of these terms at another origin offers.
    pub(crate) fn offer_of(&self, origin: &str) -> String {
        Self { origin: origin.to_owned(), ..self.clone() }.session_challenge(None)
    }

    fn price(&self) -> (&'static str, u128) {
        self.record.lock().unwrap().raised_to.unwrap_or((self.terms.unit, UNIT))
    }

    fn is_over(&self, credential: &Credential) -> bool {
        let request = ChargeRequest::from_object(&credential.challenge().request().decode().unwrap()).unwrap();
        self.record.lock().unwrap().raised_to.is_some_and(|(_, price)| request.amount.units() != price)
    }

    fn charge_challenge(&self, amount: &str) -> String {
        let request = serde_json::json!({
            "amount": amount, "currency": "usd.6", "methodDetails": { "issuer": self.origin }
        });
        self.challenge("charge", request.as_object().unwrap())
    }

    fn challenge(&self, intent: &str, request: &JsonObject) -> String {
        let (realm, method) = (Realm::new("seller.test").unwrap(), MethodName::read("balance").unwrap());
        let (intent, request) = (IntentName::new(intent).unwrap(), EncodedObject::encode(request).unwrap());
        let template = ChallengeTemplate::new(&realm, &method, &intent, &request, None).unwrap();
        let mut record = self.record.lock().unwrap();
        record.issued += 1;
        let mut opaque = JsonObject::new();
        opaque.insert("n".into(), record.issued.to_string().into());
        let opaque = EncodedObject::encode(&opaque).unwrap();
        let mut header = String::new();
        template.issue(&self.binder, "2026-11-21T12:05:00Z", None, opaque.as_str(), &mut header);
        header
    }

    fn ask(&self, problem: Option<ProblemType>, snapshot: Option<serde_json::Value>) -> Response<Body> {
        let status = problem.map_or(402, |problem| problem.status());
        let mut response = Response::builder().status(status).header("cache-control", "no-store");
        response = response.header("www-authenticate", self.session_challenge(snapshot));
        if let Some(amount) = self.terms.charge {
            response = response.header("www-authenticate", self.charge_challenge(amount));
        }
        let body = problem.map(|problem| Problem::new(problem, "as the test asked").to_json());
        response.body(body.unwrap_or_default().into()).unwrap()
    }

    fn snapshot(channel: &Channel, price: u128) -> serde_json::Value {
        serde_json::json!({
            "channelId": channel.id, "deposit": channel.deposit.to_string(),
            "acceptedCumulative": channel.accepted.to_string(), "spent": channel.spent.to_string(),
            "requiredCumulative": (channel.spent + price).to_string(),
        })
    }

    pub(crate) fn receipt(&self, credential: &Credential, id: &str, accepted: u128, spent: u128) -> Receipt {
        let extra = serde_json::json!({
            "intent": "session", "channelId": id, "acceptedCumulative": accepted.to_string(),
            "spent": spent.to_string(),
        });
        Receipt {
            method: credential.challenge().method().clone(),
            reference: id.to_owned(),
            timestamp: now(),
            challenge_id: Some(credential.challenge().id().clone()),
            external_id: None,
            extra: extra.as_object().unwrap().clone(),
        }
    }

    /// What a credential asks for, its signatures checked.
    pub(crate) fn read(&self, credential: &Credential) -> SessionAction {
        self.binder.verify(credential.challenge()).expect("the challenge is echoed as issued");
        let request = ChargeRequest::from_object(&credential.challenge().request().decode().unwrap()).unwrap();
        let action = self.method().read(&Presented { credential, request: &request, now: now() }).unwrap();
        let (what, total) = match &action {
            SessionAction::Open(opening) => ("open", opening.voucher.cumulative),
            SessionAction::TopUp(addition) => ("topUp", addition.deposit),
            SessionAction::Voucher(voucher) => ("voucher", voucher.cumulative),
            SessionAction::Close(voucher) => ("close", voucher.cumulative),
        };
        self.record.lock().unwrap().shown.push(format!("{what} {total}"));
        action
    }

    async fn session(&self, credential: &Credential, key: &str, manages: bool) -> Response<Body> {
        let action = self.read(credential);
        let known = (credential.to_header(), key.to_owned());
        let before = self.record.lock().unwrap().answered.get(&known).cloned();
        if let Some((status, receipt, body)) = before {
            return answer(status, receipt, body);
        }
        if self.is_over(credential) {
            return self.ask(Some(ProblemType::InvalidChallenge), None);
        }
        let act = self.record.lock().unwrap().script.pop_front();
        match &act {
            Some(Act::Refuse(problem)) => return self.ask(Some(*problem), None),
            Some(Act::Answer(status)) => return answer(*status, None, "no".into()),
            Some(Act::Redirect(to)) => {
                return Response::builder().status(307).header("location", to).body(Body::empty()).unwrap();
            }
            Some(Act::Claim { problem, channel, deposit, spent, required }) => {
                let id = channel.map_or_else(|| self.channel().id, str::to_owned);
                let snapshot = serde_json::json!({
                    "channelId": id, "deposit": deposit.to_string(), "acceptedCumulative": spent.to_string(),
                    "spent": spent.to_string(), "requiredCumulative": required.to_string(),
                });
                return self.ask(Some(*problem), Some(snapshot));
            }
            _ => {}
        }
        let price = if manages || matches!(act, Some(Act::Free)) { 0 } else { self.price().1 };
        let taken = self.record.lock().unwrap().accounts.take(&action, price);
        let channel = match taken {
            Ok(channel) => channel,
            Err((problem, channel)) => {
                let snapshot = channel.map(|channel| Self::snapshot(&channel, price));
                return self.ask(Some(problem), snapshot);
            }
        };
        let receipt = match &act {
            Some(Act::NoReceipt) => None,
            Some(Act::ReceiptSays { channel: id, accepted, spent }) => {
                Some(self.receipt(credential, id.unwrap_or(&channel.id), *accepted, *spent))
            }
            _ => Some(self.receipt(credential, &channel.id, channel.accepted, channel.spent)),
        };
        let receipt = receipt.map(|receipt| receipt.to_header());
        let (status, body) = if manages { (204, "") } else { (200, "goods") };
        let stored = (status, receipt.clone(), body.to_owned());
        self.record.lock().unwrap().answered.insert(known, stored);
        if matches!(act, Some(Act::TakeAndHangUp)) {
            // The connection ends with its task, whatever the machine's speed.
            panic!("the seller hangs up, as the test asked");
        }
        answer(status, receipt, body.into())
    }
}

fn answer(status: u16, receipt: Option<String>, body: String) -> Response<Body> {
    let mut response = Response::builder().status(status).header("cache-control", "private");
    if let Some(receipt) = receipt {
        response = response.header("payment-receipt", receipt);
    }
    response.body(Body::from(body)).unwrap()
}

async fn serve(State(shop): State<Shop>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let lines = headers.get_all("authorization").iter().map(|value| value.as_bytes());
    let Some(credential) = Credential::from_lines(lines).unwrap() else {
        shop.record.lock().unwrap().unpaid += 1;
        return shop.ask(None, None);
    };
    if credential.challenge().intent().as_str() == "charge" {
        let request = ChargeRequest::from_object(&credential.challenge().request().decode().unwrap()).unwrap();
        shop.balance().verify(&Presented { credential: &credential, request: &request, now: now() }).unwrap();
        shop.record.lock().unwrap().shown.push(format!("charge {}", request.amount));
        return answer(200, None, "goods".into());
    }
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    let manages = method == Method::POST && body.is_empty();
    if !manages && uri.path().starts_with("/stream") {
        return stream::serve(&shop, &credential, uri.path()).await;
    }
    shop.record.lock().unwrap().paths.push(uri.path().to_owned());
    shop.session(&credential, key, manages).await
}

/// A client of the wallet in this home that pays by sessions too.
pub(crate) fn client(home: &Path) -> PayingClient {
    client_with(home, Duration::from_secs(60))
}

/// One that takes this long a silence for a lost answer.
pub(crate) fn client_with(home: &Path, silence: Duration) -> PayingClient {
    client_of(open(home), silence)
}

/// One at another time.
pub(crate) fn client_at(home: &Path, time: &'static str) -> PayingClient {
    client_of(crate::double::open_at(home, time), Duration::from_secs(60))
}

fn client_of(wallet: Wallet, silence: Duration) -> PayingClient {
    let charges = farthing_rail_balance::BalancePayer::new(wallet.signer());
    let sessions = BalanceSessionPayer::new(wallet.signer());
    let (rounds, attempts, longest_wait) = (3, 1, Duration::from_millis(5));
    let settings = Settings { rounds, attempts, longest_wait, silence, ..Settings::default() };
    let client = PayingClient::with_settings(wallet, vec![Arc::new(charges)], settings).unwrap();
    client.with_session_payers(vec![Arc::new(sessions)])
}

/// The newest session of a wallet.
pub(crate) async fn newest(client: &PayingClient) -> KeptSession {
    client.sessions().await.unwrap().remove(0)
}

/// Spent and reserved of the wallet's total.
pub(crate) async fn counted(wallet: &Wallet) -> (u64, u64) {
    crate::double::counted(wallet).await
}

pub(crate) fn units(amount: Amount) -> u128 {
    amount.units()
}
