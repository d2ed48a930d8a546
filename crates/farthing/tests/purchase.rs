//! A whole purchase from a script: the commands of the README over real processes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code, the helpers of tests included")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use support::FARTHING;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

struct Agent<'a> {
    home: &'a Path,
    environment: Vec<(&'static str, &'static str)>,
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

async fn shop(directory: &Path, upstream: &Upstream) -> Seller {
    Seller::start(directory, &config(&upstream.url(), HONEST_RAIL), &[("RUST_LOG", "warn")])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_pays_until_its_limit_stops_it() {
    let (directory, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let upstream = Upstream::start().await;
    let seller = shop(directory.path(), &upstream).await;
    let agent = Agent { home: home.path(), environment: vec![] };
    let url = format!("{}/paid/page", seller.listen);

    agent.must(&["wallet", "create", "agent"]);
    seller.grant(&agent.did(), "1 USD").await;
    let without_policy = agent.run(&["pay", "--wallet", "agent", &url]);
    assert_eq!(code(&without_policy), 3, "{}", said(&without_policy));

    agent.must(&[
        "policy",
        "set",
        "--wallet",
        "agent",
        "--total",
        "0.003 USD",
        "--per-payment",
        "0.01 USD",
        "--origin",
        &seller.listen,
    ]);
    for _ in 0..3 {
        let paid = agent.run(&["pay", "--wallet", "agent", &url]);
        assert_eq!(code(&paid), 0, "{}", said(&paid));
        assert_eq!(String::from_utf8_lossy(&paid.stdout), "content of /paid/page");
    }
    let stopped = agent.run(&["pay", "--wallet", "agent", &url]);
    assert_eq!(code(&stopped), 3, "{}", said(&stopped));
    assert!(said(&stopped).contains("total"), "{}", said(&stopped));

    assert_eq!((upstream.hits(), seller.charged()), (3, 3000));
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_processes_at_once_stay_under_a_cap_of_ten() {
    let (directory, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let upstream = Upstream::start().await;
    let seller = shop(directory.path(), &upstream).await;
    let agent = Agent { home: home.path(), environment: vec![] };
    agent.must(&["wallet", "create", "agent"]);
    seller.grant(&agent.did(), "1 USD").await;
    agent.must(&[
        "policy",
        "set",
        "--wallet",
        "agent",
        "--total",
        "0.01 USD",
        "--per-payment",
        "0.01 USD",
        "--origin",
        &seller.listen,
    ]);

    let url = format!("{}/paid/page", seller.listen);
    let children: Vec<_> = (0..20)
        .map(|_| {
            agent
                .command(&["pay", "--wallet", "agent", &url])
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let outputs: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let paid = outputs.iter().filter(|output| code(output) == 0).count();
    let stopped = outputs.iter().filter(|output| code(output) == 3).count();
    assert_eq!((paid, stopped), (10, 10), "{:?}", outputs.iter().map(said).collect::<Vec<_>>());
    assert_eq!((upstream.hits(), seller.charged()), (10, 10_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_end_has_its_exit_code() {
    let (directory, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let upstream = Upstream::start().await;
    let seller = shop(directory.path(), &upstream).await;
    let agent = Agent { home: home.path(), environment: vec![] };
    agent.must(&["wallet", "create", "agent"]);
    seller.grant(&agent.did(), "1 USD").await;
    agent.must(&[
        "policy",
        "set",
        "--wallet",
        "agent",
        "--total",
        "1 USD",
        "--per-payment",
        "0.01 USD",
        "--origin",
        &seller.listen,
    ]);
    let url = |path: &str| format!("{}{path}", seller.listen);

    let free = agent.run(&["pay", "--wallet", "agent", &url("/free/page")]);
    assert_eq!(code(&free), 0, "{}", said(&free));
    let over_max = agent.run(&["pay", "--wallet", "agent", "--max", "0.0001 USD", &url("/paid/page")]);
    assert_eq!(code(&over_max), 3, "{}", said(&over_max));
    let wrong_use = agent.run(&["pay", "--wallet", "agent", "not a url"]);
    assert_eq!(code(&wrong_use), 2, "{}", said(&wrong_use));
    let missing = agent.run(&["pay", "--wallet", "agent", &url("/nowhere")]);
    assert_eq!(code(&missing), 22, "{}", said(&missing));
    let plain_http = agent.run(&["pay", "--wallet", "agent", "http://192.0.2.1/x", "--max", "1 USD"]);
    assert_ne!(code(&plain_http), 0);
    let dry = agent.run(&["pay", "--wallet", "agent", "--dry-run", &url("/paid/page")]);
    assert_eq!(code(&dry), 0, "{}", said(&dry));
    assert_eq!(upstream.hits(), 1, "only the free page was fetched");
    let stranger = agent.run(&["pay", "--wallet", "nobody", &url("/paid/page")]);
    assert_ne!(code(&stranger), 0);
    assert!(said(&stranger).contains("nobody"), "{}", said(&stranger));
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_killed_at_any_step_never_pays_beyond_its_cap() {
    let steps = ["wallet-after-reserve", "wallet-after-sign", "wallet-after-send", "wallet-before-confirm"];
    for step in steps {
        let (directory, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let upstream = Upstream::start().await;
        let seller = shop(directory.path(), &upstream).await;
        let agent = Agent { home: home.path(), environment: vec![] };
        agent.must(&["wallet", "create", "agent"]);
        seller.grant(&agent.did(), "1 USD").await;
        agent.must(&[
            "policy",
            "set",
            "--wallet",
            "agent",
            "--total",
            "0.003 USD",
            "--per-payment",
            "0.01 USD",
            "--origin",
            &seller.listen,
        ]);
        let url = format!("{}/paid/page", seller.listen);
        for _ in 0..2 {
            let doomed = Agent { home: home.path(), environment: vec![("FARTHING_FAILPOINT", step)] };
            assert!(!doomed.run(&["pay", "--wallet", "agent", &url]).status.success(), "{step}");
        }
        for _ in 0..6 {
            agent.run(&["pay", "--wallet", "agent", &url]);
        }
        assert!(seller.charged() <= 3000, "{step}: {}", seller.charged());
        seller.verify_books();
    }
}
