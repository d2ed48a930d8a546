//! `farthing devnet`: the chain it promises, and nothing left of it afterwards.

use crate::support;

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use farthing_devnet::Source;
use serde_json::{Value, json};
use support::FARTHING;
use support::seller::Seller;
use support::upstream::Upstream;

const PATIENCE: Duration = Duration::from_secs(10);
const SOMEBODY: &str = "0x1111111111111111111111111111111111111111";

struct Running {
    child: Child,
    said: Value,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(FARTHING)
            .args(["devnet", "--port", "0", "--json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, said: serde_json::from_str(&line).unwrap() }
    }

    fn text(&self, pointer: &str) -> &str {
        self.said.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    async fn ask(&self, method: &str, params: Value) -> Option<Value> {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = reqwest::Client::new().post(self.text("/rpc")).json(&call).send().await.ok()?;
        answer.json::<Value>().await.ok().map(|mut answer| answer["result"].take())
    }

    async fn is_gone(&self) -> bool {
        let started = Instant::now();
        while self.ask("eth_chainId", json!([])).await.is_some() {
            if started.elapsed() > PATIENCE {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    async fn balance(&self, of: &str) -> u128 {
        let data = format!("0x70a08231{:0>64}", of.trim_start_matches("0x"));
        let call = json!([{ "to": self.text("/token/address"), "data": data }, "latest"]);
        let answer = self.ask("eth_call", call).await.unwrap();
        u128::from_str_radix(answer.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_tempo_chain_runs_until_it_is_asked_to_stop() {
    let mut devnet = Running::start(&["--fund", SOMEBODY]);
    assert_eq!(devnet.ask("eth_chainId", json!([])).await, Some(json!("0xa5bf")));
    assert_eq!(devnet.balance(SOMEBODY).await, 100_000_000);
    assert_eq!(devnet.said["accounts"].as_array().unwrap().len(), 10);
    assert!(devnet.balance(devnet.text("/accounts/0/address")).await > 1_000_000_000_000);
    let process = devnet.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert!(devnet.child.wait().unwrap().success());
    assert!(devnet.is_gone().await);
}

#[tokio::test]
async fn a_killed_devnet_leaves_no_node_behind() {
    let mut devnet = Running::start(&["--kind", "evm", "--chain-id", "8453"]);
    assert_eq!(devnet.ask("eth_chainId", json!([])).await, Some(json!("0x2105")));
    devnet.child.kill().unwrap();
    assert!(devnet.is_gone().await, "the node outlived the program that started it");
}

#[tokio::test]
async fn base_sepolia_says_where_the_contracts_of_x402_are() {
    let devnet = Running::start(&["--kind", "base-sepolia", "--fund", SOMEBODY]);
    assert_eq!(devnet.ask("eth_chainId", json!([])).await, Some(json!("0x14a34")));
    assert_eq!(devnet.text("/token/address"), "0x036cbd53842c5426634e7929541ec2318f3dcf7e");
    assert_eq!(devnet.balance(SOMEBODY).await, 100_000_000);
    for contract in ["/permit2", "/x402/exact_proxy", "/x402/upto_proxy", "/x402/signature_validator"] {
        let code = devnet.ask("eth_getCode", json!([devnet.text(contract), "latest"])).await.unwrap();
        assert!(code.as_str().unwrap().len() > 2, "{contract}");
    }
}

#[test]
fn a_chain_that_is_gone_is_not_promised_any_longer() {
    let folder = tempfile::tempdir().unwrap();
    let anvil = Source::of_this_process().unwrap().anvil().unwrap();
    let mortal = folder.path().join("anvil");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && exec {0} --version\nexec timeout 3 {0} \"$@\"\n",
        anvil.display()
    );
    std::fs::write(&mortal, script).unwrap();
    std::fs::set_permissions(&mortal, Permissions::from_mode(0o755)).unwrap();
    let output =
        Command::new(FARTHING).args(["devnet", "--port", "0", "--json"]).env("FARTHING_ANVIL", &mortal).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.stdout.is_empty(), "it started first: {said}");
    assert!(!output.status.success() && said.contains("the chain is gone"), "{said}");
}

#[test]
fn a_number_that_belongs_to_the_other_kind_is_refused() {
    let refused = |arguments: &[&str]| {
        let output = Command::new(FARTHING).arg("devnet").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(&["--chain-id", "8453"]);
    assert!(said.contains("--chain-id is for --kind evm"), "{said}");
    let said = refused(&["--kind", "base-sepolia", "--chain-id", "8453"]);
    assert!(said.contains("Base Sepolia is always 84532"), "{said}");
    let said = refused(&["--kind", "evm", "--chain-id", "4217"]);
    assert!(said.contains("chain 4217 is a Tempo chain"), "{said}");
}

/// Starts the gateway that was written and types what was printed. Returns what came on the terminal.
async fn try_it(kind: &str) -> String {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap().to_owned();
    let devnet = Running::start(&["--kind", kind, "--write", &place]);
    let config = std::fs::read_to_string(folder.path().join("gateway.toml")).unwrap();
    assert_eq!(config, devnet.text("/gateway"));
    let config = config.replace("127.0.0.1:4030", "127.0.0.1:0").replace("127.0.0.1:4031", "127.0.0.1:0");
    let seller = Seller::start(folder.path(), &config.replace("http://127.0.0.1:9000", &upstream.url()), &[]);

    let unpaid = reqwest::get(&seller.listen).await.unwrap();
    assert_eq!(unpaid.headers().contains_key("payment-required"), kind == "base-sepolia", "x402 is offered there");

    let typed = devnet.said["try"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
    // The first two lines start what runs here already.
    let typed = typed.skip(2).collect::<Vec<_>>().join("\n").replace("http://127.0.0.1:4030", &seller.listen);
    let programs = Path::new(FARTHING).parent().unwrap().to_str().unwrap().to_owned();
    let typed = format!("PATH={programs}:$PATH\n{typed}");
    let shell = tokio::task::spawn_blocking(move || {
        Command::new("sh").args(["-ec", &typed]).stdin(Stdio::null()).output().unwrap()
    });
    let output = shell.await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said} {}", seller.log());
    assert_eq!(upstream.hits(), 1, "{said}");
    let before = if kind == "tempo" { u128::from(u64::MAX) } else { 1_000_000_000_000 };
    let buyer = devnet.text("/accounts/2/address").to_owned();
    assert_eq!(devnet.balance(&buyer).await, before - 1_000, "the buyer paid the price and nothing else: {said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_prints_buys_a_page_on_tempo() {
    let said = try_it("tempo").await;
    assert!(said.contains("paid 0.001"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_prints_buys_a_page_on_an_evm_chain() {
    let said = try_it("evm").await;
    assert!(said.contains("paid 0.001"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_prints_buys_a_page_on_base_sepolia() {
    let said = try_it("base-sepolia").await;
    assert!(said.contains("paid 0.001"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_writes_settles_for_other_sellers_on_base_sepolia() {
    let folder = tempfile::tempdir().unwrap();
    let devnet = Running::start(&["--kind", "base-sepolia", "--write", folder.path().to_str().unwrap()]);
    let path = folder.path().join("facilitator.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    assert_eq!(config, devnet.text("/facilitator"));
    std::fs::write(&path, config.replace(":4040", ":0").replace(":4041", ":0")).unwrap();
    let mut facilitator = Command::new(FARTHING)
        .args(["facilitator", "--json", "--config"])
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(facilitator.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let facilitator = Running { child: facilitator, said: serde_json::from_str(&line).unwrap() };

    let supported = reqwest::get(format!("http://{}/supported", facilitator.text("/listen"))).await.unwrap();
    let supported: Value = supported.json().await.unwrap();
    let kinds = supported["kinds"].as_array().unwrap();
    let exact = json!({ "x402Version": 2, "scheme": "exact", "network": "eip155:84532" });
    let is_exact = |kind: &Value| ["x402Version", "scheme", "network"].iter().all(|key| kind[key] == exact[key]);
    assert!(kinds.iter().any(is_exact), "{supported}");
    let signer = devnet.text("/accounts/3/address");
    assert!(supported["signers"].to_string().to_lowercase().contains(signer), "{supported}");
}
