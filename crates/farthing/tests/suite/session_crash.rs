//! `kill -9` of the gateway at every step of a session: its wallet goes on with whoever comes back, and in the end
//! the chain, the books and the wallet agree, with no more delivered than signed for, and no more than deposited.
#![cfg(feature = "failpoints")]

use crate::support;

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use farthing_devnet::{Devnet, EVM_ESCROW, Options, Source};
use farthing_gateway::failpoint::SESSION_STEPS;
use serde_json::Value;
use support::FARTHING;
use support::seller::Seller;
use support::upstream::Upstream;
use tokio::process::Command;

const PRICE: u64 = 1_000;
/// More than one deposit covers, so that the wallet has to add to it.
const REQUESTS: u64 = 4;
/// Who is paid, and settles.
const SELLER: usize = 3;
/// What a deposit in the books, and its collection, never reaches.
const ESCROW_ONLY: [&str; 6] =
    ["before-deposit", "after-deposit", "after-deposited", "before-collect", "after-collect", "after-collected"];

/// A way to pay by sessions.
struct Rail {
    method: &'static str,
    table: String,
    /// Where the deposits are; nothing where they are in the seller's books.
    chain: Option<Devnet>,
    key: String,
}

/// An agent's wallet, the same for every crash.
struct Agent {
    home: tempfile::TempDir,
}

impl Agent {
    async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", self.home.path()).env("FARTHING_PASSPHRASE", "open sesame");
        command.stdin(Stdio::null()).output().await.unwrap()
    }

    async fn must(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Its sessions with one seller.
    async fn sessions(&self, seller: &str) -> Vec<Value> {
        let listed = self.must(&["sessions", "list", "--all", "--json"]).await;
        let mut listed: Vec<Value> = serde_json::from_slice(&listed).unwrap();
        listed.retain(|session| session["origin"].as_str().unwrap().trim_end_matches('/') == seller);
        listed
    }
}

/// The gateway of one crash, and whoever comes back in its place.
struct Street<'a> {
    directory: &'a Path,
    config: String,
    rail: &'a Rail,
    seller: Seller,
    has_crashed: bool,
}

impl Street<'_> {
    fn environment(&self) -> [(&str, &str); 1] {
        [("SELLER_KEY", &self.rail.key)]
    }

    /// Starts the gateway again if it has died.
    fn go_on(&mut self, step: &str) {
        if self.seller.is_alive() {
            return;
        }
        assert!(!self.has_crashed, "{step}: it dies once");
        self.has_crashed = true;
        self.seller = Seller::start(self.directory, &self.config, &self.environment());
    }

    /// The operator closes what is open.
    async fn close(&self) {
        for session in self.sessions().await {
            let place = format!("{}/admin/sessions/{}/close", self.seller.admin, session["id"].as_str().unwrap());
            reqwest::Client::new().post(place).send().await.unwrap();
        }
    }

    async fn sessions(&self) -> Vec<Value> {
        let answer = reqwest::get(format!("{}/admin/sessions", self.seller.admin)).await.unwrap();
        answer.json::<Value>().await.unwrap()["sessions"].as_array().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepaid_session_survives_a_crash_at_every_step() {
    let table = "[rails.balance]\nasset = \"USD\"\n".to_owned();
    let steps: Vec<&str> = every_step().filter(|step| !ESCROW_ONLY.contains(step)).collect();
    at_every_step(Rail { method: "balance", table, chain: None, key: String::new() }, &steps).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_on_a_chain_survives_a_crash_while_it_opens() {
    on_a_chain(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_on_a_chain_survives_a_crash_at_work() {
    on_a_chain(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_on_a_chain_survives_a_crash_when_it_is_added_to_or_closed() {
    on_a_chain(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_on_a_chain_survives_a_crash_in_collecting() {
    on_a_chain(3).await;
}

/// In so many parts, so that none takes long.
const PARTS: usize = 4;

fn every_step() -> impl Iterator<Item = &'static str> {
    SESSION_STEPS.iter().copied().chain(["before-upstream", "after-upstream"])
}

async fn on_a_chain(part: usize) {
    let steps: Vec<&str> = every_step().collect();
    let steps = steps.chunks(steps.len().div_ceil(PARTS)).nth(part).unwrap();
    let chain = Devnet::start(Options::evm(31_337, Source::of_this_process().unwrap()).with_sessions()).await.unwrap();
    // The keeper collects what one request costs, so that it is in every crash, too.
    let table = format!(
        "[rails.evm]\nrpc = \"{}\"\nchain = 31337\nrecipient = \"{}\"\nescrow = \"{EVM_ESCROW}\"\n\
         asset = {{ contract = \"{}\", code = \"USDC\", decimals = 6, currency = \"USD\", \
         domain = {{ name = \"Test USDC\", version = \"1\" }} }}\nsigner = {{ key = {{ env = \"SELLER_KEY\" }} }}\n\
         [rails.evm.sessions]\nsettle = {{ amount = \"0.001 USD\" }}\n",
        chain.rpc(),
        chain.accounts()[SELLER].address,
        chain.token()
    );
    let key = chain.accounts()[SELLER].publicly_known_key.to_string();
    at_every_step(Rail { method: "evm", table, chain: Some(chain), key }, steps).await;
}

async fn at_every_step(rail: Rail, steps: &[&str]) {
    let agent = Agent { home: tempfile::tempdir().unwrap() };
    agent.must(&["wallet", "create", "agent"]).await;
    if let Some(chain) = &rail.chain {
        let token = format!("{}:USDC:6:USD:Test USDC:1", chain.token());
        let escrow = EVM_ESCROW.to_string();
        let known = ["--chain", "31337", "--rpc", chain.rpc(), "--escrow", &escrow, "--token", &token];
        let words = [&["wallet", "chain", "add", "devnet"], &known[..], &["--native-price", "1 USD"]].concat();
        agent.must(&words).await;
        agent.must(&["wallet", "fund", "agent", "--from-devnet", "5 USD"]).await;
    }
    agent.must(&["policy", "set", "--total", "2 USD", "--per-payment", "0.5 USD"]).await;
    for step in steps {
        crash_and_go_on(&rail, &agent, step).await;
    }
}

async fn crash_and_go_on(rail: &Rail, agent: &Agent, step: &str) {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    // The wallet knows a seller by its address, which outlives the crash.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "[gateway]\nlisten = \"127.0.0.1:{port}\"\nadmin = \"127.0.0.1:0\"\nrealm = \"test.example\"\n\
         secret = \"a secret for tests that is long enough to bind\"\nstore = \"sqlite:farthing.db\"\n\
         development = true\n{}[[route]]\nmatch = \"GET /{{*path}}\"\nupstream = \"{}\"\nprice = \"0.001 USD\"\n\
         accept = [\"{}/session\"]\n[route.session]\ndeposit = \"0.002 USD\"\n",
        rail.table,
        upstream.url(),
        rail.method
    );
    let environment = [("FARTHING_FAILPOINT", step), ("SELLER_KEY", rail.key.as_str())];
    let seller = Seller::start(directory.path(), &config, &environment);
    let shown: Value = serde_json::from_slice(&agent.must(&["wallet", "show", "agent", "--json"]).await).unwrap();
    if rail.chain.is_none() {
        seller.grant(shown["did"].as_str().unwrap(), "1 USD").await;
    }
    let had = received(rail).await;
    let mut street = Street { directory: directory.path(), config, rail, seller, has_crashed: false };

    let shop = street.seller.listen.clone();
    let mut bought = 0;
    while bought < REQUESTS && buy(&mut street, agent, &format!("{shop}/{bought}"), step).await {
        bought += 1;
    }
    close(&mut street, agent, &shop, step, bought < REQUESTS).await;
    assert!(street.has_crashed, "{step}: nothing passes here");
    let figures = Figures { bought, hits: upstream.hits(), moved: received(rail).await - had };
    judge(&street, agent, &shop, step, &figures).await;
}

/// What came of it for everybody but the books.
struct Figures {
    /// Answers that the agent has.
    bought: u64,
    /// Requests that reached the upstream.
    hits: u64,
    /// What the escrow paid out.
    moved: u64,
}

/// Buys, from whoever comes back, until there is an answer; whether there is one.
async fn buy(street: &mut Street<'_>, agent: &Agent, url: &str, step: &str) -> bool {
    let mut said = String::new();
    for _ in 0..150 {
        street.go_on(step);
        let output = agent.run(&["pay", url]).await;
        if output.status.success() {
            assert!(output.stdout.starts_with(b"content of /"), "{step}: {output:?}");
            return true;
        }
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        // Claimed, and not put in before the end of the process, whatever else it ended in: the rail says that it is not
        // there, and the wallet, whose signature is out, signs nothing more until that has run out.
        let is_refused = street.has_crashed && said.contains("402");
        if is_refused && street.rail.chain.is_some() {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{step}: nothing was bought: {said}")
}

/// Closes every session, until both sides say that it has ended; the seller does, if a wallet is in doubt.
async fn close(street: &mut Street<'_>, agent: &Agent, shop: &str, step: &str, is_in_doubt: bool) {
    let mut seen = (Vec::new(), Vec::new());
    for _ in 0..300 {
        street.go_on(step);
        if is_in_doubt {
            street.close().await;
        } else {
            agent.run(&["sessions", "close", "--all"]).await;
        }
        for session in agent.sessions(shop).await {
            if let Some(channel) = session["channel"].as_str().filter(|_| session["state"] != "closed") {
                agent.run(&["sessions", "sync", channel]).await;
            }
        }
        street.go_on(step);
        seen = (agent.sessions(shop).await, street.sessions().await);
        let is_over = |session: &Value| ["closed", "refused"].contains(&session["state"].as_str().unwrap());
        if seen.1.iter().all(is_over) && (is_in_doubt || seen.0.iter().all(is_over)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{step}: not closed: {seen:?}")
}

async fn judge(street: &Street<'_>, agent: &Agent, shop: &str, step: &str, figures: &Figures) {
    let number = |session: &Value, name: &str| session[name].as_str().unwrap().parse::<u64>().unwrap();
    let (kept, mut spent, mut collected) = (agent.sessions(shop).await, 0, 0);
    for session in street.sessions().await {
        let (delivered, accepted, deposit) =
            (number(&session, "spent"), number(&session, "accepted"), number(&session, "deposit"));
        assert!(delivered <= accepted && accepted <= deposit || session["state"] == "refused", "{step}: {session}");
        (spent, collected) = (spent + delivered, collected + number(&session, "collected"));
        let ours = kept.iter().find(|ours| ours["channel"] == session["channel"]);
        let ours = ours.unwrap_or_else(|| panic!("{step}: the wallet forgot {session}"));
        let (signed, deposited) = (number(ours, "signed"), number(ours, "deposit"));
        assert!(delivered <= signed && signed <= deposited, "{step}: {ours}");
    }
    // What went out in its last moment is charged to nobody, and nothing beside it is given away.
    let Figures { bought, hits, moved } = *figures;
    assert!(
        spent <= hits * PRICE && spent >= bought.saturating_sub(1) * PRICE,
        "{step}: {spent} of {bought} in {hits}"
    );
    if street.rail.chain.is_some() {
        assert_eq!(moved, collected, "{step}: the chain says otherwise than the books");
        assert!(moved >= spent, "{step}: {moved} was collected of {spent}");
    }
    street.seller.verify_books();
}

/// What the escrow has paid out to the seller.
async fn received(rail: &Rail) -> u64 {
    let Some(chain) = &rail.chain else { return 0 };
    // A development account holds 2^64 - 1 of everything, and 64 bits are enough for the difference.
    chain.balance(chain.accounts()[SELLER].address).await.unwrap().wrapping_to::<u64>()
}
