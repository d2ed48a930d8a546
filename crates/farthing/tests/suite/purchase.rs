//! A whole purchase from a script: the commands of the README over real processes.

use crate::support;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use support::FARTHING;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

struct Agent<'a> {
    home: &'a Path,
    environment: Vec<(&'static str, &'static str)>,
}

/// A seller, its upstream, and a home for one agent's wallet.
struct Street {
    upstream: Upstream,
    seller: Seller,
    home: tempfile::TempDir,
    _directory: tempfile::TempDir,
}

impl Street {
    async fn open() -> Self {
        let (directory, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let upstream = Upstream::start().await;
        let seller = Seller::start(directory.path(), &config(&upstream.url(), HONEST_RAIL), &[("RUST_LOG", "warn")]);
        Self { upstream, seller, home, _directory: directory }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.seller.listen)
    }

    /// An agent with a balance of a dollar and no policy.
    async fn agent(&self) -> Agent<'_> {
        let agent = Agent { home: self.home.path(), environment: vec![] };
        agent.must(&["wallet", "create", "agent"]);
        self.seller.grant(&agent.did(), "1 USD").await;
        agent
    }

    /// One that may spend so much in total.
    async fn agent_with(&self, total: &str) -> Agent<'_> {
        let agent = self.agent().await;
        self.allow(&agent, total);
        agent
    }

    fn allow(&self, agent: &Agent<'_>, total: &str) {
        let limits = ["--total", total, "--per-payment", "0.01 USD", "--origin", &self.seller.listen];
        agent.must(&[&["policy", "set", "--wallet", "agent"], limits.as_slice()].concat());
    }
}

impl Agent<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(FARTHING);
        command
            .args(arguments)
            .env("FARTHING_HOME", self.home)
            .env("FARTHING_PASSPHRASE", "correct horse battery staple");
        command.envs(self.environment.iter().copied());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn must(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn did(&self) -> String {
        let shown: serde_json::Value =
            serde_json::from_str(&self.must(&["wallet", "show", "agent", "--json"])).unwrap();
        shown["did"].as_str().unwrap().to_owned()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_pays_until_its_limit_stops_it() {
    let street = Street::open().await;
    let agent = street.agent().await;
    let url = street.url("/paid/page");
    let without_policy = agent.run(&["pay", "--wallet", "agent", &url]);
    assert_eq!(code(&without_policy), 3, "{}", said(&without_policy));

    street.allow(&agent, "0.003 USD");
    for _ in 0..3 {
        let paid = agent.run(&["pay", "--wallet", "agent", &url]);
        assert_eq!(code(&paid), 0, "{}", said(&paid));
        assert_eq!(String::from_utf8_lossy(&paid.stdout), "content of /paid/page");
    }
    let stopped = agent.run(&["pay", "--wallet", "agent", &url]);
    assert_eq!(code(&stopped), 3, "{}", said(&stopped));
    assert!(said(&stopped).contains("total"), "{}", said(&stopped));

    assert_eq!((street.upstream.hits(), street.seller.charged()), (3, 3000));
    street.seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_processes_at_once_stay_under_a_cap_of_ten() {
    let street = Street::open().await;
    let agent = street.agent_with("0.01 USD").await;
    let url = street.url("/paid/page");
    let start = |_| {
        let mut command = agent.command(&["pay", "--wallet", "agent", &url]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..20).map(start).collect();
    let outputs: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let paid = outputs.iter().filter(|output| code(output) == 0).count();
    let stopped = outputs.iter().filter(|output| code(output) == 3).count();
    assert_eq!((paid, stopped), (10, 10), "{:?}", outputs.iter().map(said).collect::<Vec<_>>());
    assert_eq!((street.upstream.hits(), street.seller.charged()), (10, 10_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_end_has_its_exit_code() {
    let street = Street::open().await;
    let agent = street.agent_with("1 USD").await;
    let pay = |more: &[&str]| agent.run(&[&["pay", "--wallet", "agent"], more].concat());
    let ends = [
        (pay(&[&street.url("/free/page")]), 0),
        (pay(&["--max", "0.0001 USD", &street.url("/paid/page")]), 3),
        (pay(&["not a url"]), 2),
        (pay(&[&street.url("/nowhere")]), 22),
        (pay(&["--dry-run", &street.url("/paid/page")]), 0),
    ];
    for (output, exit) in ends {
        assert_eq!(code(&output), exit, "{}", said(&output));
    }
    assert_eq!(street.upstream.hits(), 1, "only the free page was fetched");

    let stranger = agent.run(&["pay", "--wallet", "nobody", &street.url("/paid/page")]);
    assert_eq!(code(&stranger), 1);
    assert!(said(&stranger).contains("farthing wallet create nobody"), "{}", said(&stranger));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_wallet_pays_nothing_until_it_is_thawed() {
    let street = Street::open().await;
    let agent = street.agent_with("1 USD").await;
    let url = street.url("/paid/page");
    agent.must(&["wallet", "freeze", "agent"]);
    let frozen = agent.run(&["pay", "--wallet", "agent", &url]);
    assert_eq!(code(&frozen), 3, "{}", said(&frozen));
    assert_eq!(street.upstream.hits(), 0);
    agent.must(&["wallet", "thaw", "agent"]);
    assert_eq!(code(&agent.run(&["pay", "--wallet", "agent", &url])), 0);
}

/// {"amount":"1000","currency":"usd.6"}, as base64url.
const FOREIGN_REQUEST: &str = "eyJhbW91bnQiOiIxMDAwIiwiY3VycmVuY3kiOiJ1c2QuNiJ9";

#[tokio::test(flavor = "multi_thread")]
async fn fifty_offers_that_cannot_be_paid_are_one_short_sentence() {
    let street = Street::open().await;
    let agent = street.agent_with("1 USD").await;
    let mut offers = HeaderMap::new();
    for number in 0..50 {
        let method = char::from(b'a' + number % 26);
        let offer = format!(
            "Payment id=\"{number}\", realm=\"x\", method=\"{method}\", intent=\"charge\", \
             request=\"{FOREIGN_REQUEST}\", expires=\"2099-01-01T00:00:00Z\""
        );
        offers.append("www-authenticate", offer.parse().unwrap());
    }
    let router = Router::new().fallback(move || async move { (StatusCode::PAYMENT_REQUIRED, offers) });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let output = agent.run(&["pay", "--wallet", "agent", &url]);
    assert_eq!(code(&output), 4, "{}", said(&output));
    assert!(said(&output).len() < 1000, "{}", said(&output));
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_killed_at_any_step_never_pays_beyond_its_cap() {
    let steps = ["wallet-after-reserve", "wallet-after-sign", "wallet-after-send", "wallet-before-confirm"];
    for step in steps {
        let street = Street::open().await;
        let agent = street.agent_with("0.003 USD").await;
        let url = street.url("/paid/page");
        for _ in 0..2 {
            let doomed = Agent { home: street.home.path(), environment: vec![("FARTHING_FAILPOINT", step)] };
            assert!(!doomed.run(&["pay", "--wallet", "agent", &url]).status.success(), "{step}");
        }
        for _ in 0..6 {
            agent.run(&["pay", "--wallet", "agent", &url]);
        }
        assert!(street.seller.charged() <= 3000, "{step}: {}", street.seller.charged());
        street.seller.verify_books();
    }
}
