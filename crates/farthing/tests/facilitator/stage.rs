//! A facilitator process, its chain, and what stands between them.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use alloy_primitives::{Address, U256};
use farthing_devnet::{ACCOUNTS, DevelopmentAccount, Devnet, Options, Source};
use farthing_testing_rpc::faults::Faults;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const FARTHING: &str = env!("CARGO_BIN_EXE_farthing");
/// Who pays for gas.
pub(crate) const SIGNER: DevelopmentAccount = ACCOUNTS[1];
pub(crate) const PAYER: DevelopmentAccount = ACCOUNTS[2];
pub(crate) const PAYEE: Address = ACCOUNTS[3].address;

/// Everything that a test needs.
pub(crate) struct Stage {
    pub(crate) chain: Devnet,
    /// The node as the facilitator sees it.
    pub(crate) node: Faults,
    pub(crate) folder: TempDir,
    config: String,
    process: Option<Process>,
    client: reqwest::Client,
}

struct Process {
    child: Child,
    url: String,
    admin: String,
    log: Arc<Mutex<String>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Stage {
    /// With these lines beside what every chain's table has.
    pub(crate) async fn new(lines: &str) -> Self {
        Self::on(Options::base_sepolia(Source::of_this_process().unwrap()), lines).await
    }

    pub(crate) async fn on(options: Options, lines: &str) -> Self {
        let chain = Devnet::start(options).await.unwrap();
        let node = Faults::in_front_of(chain.rpc()).await.unwrap();
        let config = format!(
            "[facilitator]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\n[chains.base-sepolia]\nrpc = \"{}\"\n\
             chain = 84532\nconfirmations = 1\nsigner = {{ key = {{ env = \"SIGNER_KEY\" }} }}\n{lines}\n",
            node.url(),
        );
        let mut stage = Self {
            chain,
            node,
            folder: tempfile::tempdir().unwrap(),
            config,
            process: None,
            client: reqwest::Client::new(),
        };
        stage.start();
        stage
    }

    /// Starts the process, over what an earlier one left.
    pub(crate) fn start(&mut self) {
        self.process = Some(Process::start(self.folder.path(), &self.config));
    }

    /// Ends the process without a word.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    pub(crate) fn url(&self) -> &str {
        &self.process.as_ref().unwrap().url
    }

    pub(crate) fn log(&self) -> String {
        self.process.as_ref().unwrap().log.lock().unwrap().clone()
    }

    pub(crate) async fn post(&self, path: &str, request: &Value) -> Told {
        let sent = self.client.post(format!("{}{path}", self.url())).json(request).send().await.unwrap();
        Told { status: sent.status().as_u16(), body: sent.json().await.unwrap() }
    }

    /// The same under a name: sent again, it is told what it was told, or would have been.
    pub(crate) async fn post_under(&self, name: &str, path: &str, request: &Value) -> Told {
        let url = format!("{}{path}", self.url());
        let sent = self.client.post(url).header("idempotency-key", name).json(request).send().await.unwrap();
        Told { status: sent.status().as_u16(), body: sent.json().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Told {
        let sent = self.client.get(format!("{}{path}", self.url())).send().await.unwrap();
        Told { status: sent.status().as_u16(), body: sent.json().await.unwrap() }
    }

    pub(crate) async fn operators(&self, path: &str) -> String {
        let url = format!("{}{path}", self.process.as_ref().unwrap().admin);
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }

    /// What makes the chain move: transactions of the signer, money of payer and payee.
    pub(crate) async fn state(&self) -> (u64, U256, U256) {
        let has = |account| async move { self.chain.balance(account).await.unwrap() };
        (self.sent().await, has(PAYER.address).await, has(PAYEE).await)
    }

    /// How many transactions the signer has sent, mined or waiting.
    pub(crate) async fn sent(&self) -> u64 {
        let asked = json!([SIGNER.address, "pending"]);
        let count = self.chain.node().request::<U256>("eth_getTransactionCount", asked).await.unwrap();
        count.to()
    }

    pub(crate) async fn gas_money(&self) -> U256 {
        self.chain.node().request("eth_getBalance", json!([SIGNER.address, "latest"])).await.unwrap()
    }

    /// The time of the newest block.
    pub(crate) async fn time(&self) -> u64 {
        let block: Value = self.chain.node().request("eth_getBlockByNumber", json!(["latest", false])).await.unwrap();
        u64::from_str_radix(block["timestamp"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
    }

    /// Posts to `/verify` and straight to `/settle`: neither takes it, with this code, and the chain does not
    /// move.
    pub(crate) async fn refuses(&self, what: &str, request: &Value, code: &str) {
        let before = self.state().await;
        for (path, reason) in [("/verify", "invalidReason"), ("/settle", "errorReason")] {
            let told = self.post(path, request).await;
            assert!(matches!(told.status, 200 | 400), "{what} {path} {told:?}");
            assert!(told.body["isValid"] != true && told.body["success"] != true, "{what} {path} {told:?}");
            assert_eq!(told.body[reason], code, "{what} {path} {told:?}");
        }
        assert_eq!(self.state().await, before, "{what}: the chain moved");
    }

    /// Verifies and settles; the transaction.
    pub(crate) async fn settles(&self, request: &Value) -> String {
        let verified = self.post("/verify", request).await;
        assert_eq!(verified.body["isValid"], true, "{verified:?} {}", self.log());
        let settled = self.post("/settle", request).await;
        assert_eq!(settled.body["success"], true, "{settled:?} {}", self.log());
        settled.body["transaction"].as_str().unwrap().to_owned()
    }
}

impl Process {
    fn start(folder: &Path, config: &str) -> Self {
        let file = folder.join("facilitator.toml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(FARTHING)
            .args(["facilitator", "--json", "--config"])
            .arg(&file)
            .current_dir(folder)
            .env("RUST_LOG", "debug")
            .env("SIGNER_KEY", SIGNER.publicly_known_key.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let mut stderr = child.stderr.take().unwrap();
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the facilitator did not start: {line} {}", log.lock().unwrap()));
        let url = |name: &str| format!("http://{}", ready[name].as_str().unwrap());
        Self { url: url("listen"), admin: url("admin"), child, log }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
