//! `farthing devnet`: the chain it promises, and nothing left of it afterwards.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code, the helpers of tests included")]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::FARTHING;

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

#[test]
fn what_it_writes_is_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let devnet = Running::start(&["--write", directory.path().to_str().unwrap()]);
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert_eq!(read("gateway.toml"), devnet.text("/gateway"));
    assert_eq!(read("home/chains.toml"), devnet.text("/chains"));
    assert_eq!(read("agent.key"), devnet.text("/accounts/2/publicly_known_key"));
    assert!(Path::new(directory.path()).join("home").is_dir());
}
