//! A gateway process.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::FARTHING;

pub struct Seller {
    pub listen: String,
    pub admin: String,
    directory: PathBuf,
    child: Child,
    log: Arc<Mutex<String>>,
}

/// A configuration with prepaid balances and the simulated rail, before one upstream.
pub fn config(upstream: &str, extra: &str) -> String {
    format!(
        r#"
[gateway]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
realm = "test.example"
secret = "a secret for tests that is long enough to bind"
store = "sqlite:farthing.db"
development = true

[rails.balance]
asset = "USD"

{extra}

[[route]]
match = "* /free/{{*rest}}"
upstream = "{upstream}"
free = true

[[route]]
match = "* /simulated/{{*rest}}"
upstream = "{upstream}"
price = "0.001 USD"
accept = ["simulated/charge"]

[[route]]
match = "* /paid/{{*rest}}"
upstream = "{upstream}"
price = "0.001 USD"
accept = ["balance/charge"]
"#
    )
}

pub const HONEST_RAIL: &str = "[rails.simulated]\nscript = [\"settle\"]\nmemory = \"takings.txt\"\n";

impl Seller {
    /// Starts a gateway in a directory that may hold the books of an earlier one.
    pub fn start(directory: &Path, config: &str, environment: &[(&str, &str)]) -> Self {
        let file = directory.join("farthing.toml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(FARTHING)
            .args(["gateway", "--json", "--config"])
            .arg(&file)
            .current_dir(directory)
            .env("RUST_LOG", "trace")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let mut stderr = child.stderr.take().unwrap();
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read) = stderr.read(&mut buffer) {
                if read == 0 {
                    break;
                }
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the gateway did not start: {line} {}", log.lock().unwrap()));
        Self {
            listen: format!("http://{}", ready["listen"].as_str().unwrap()),
            admin: format!("http://{}", ready["admin"].as_str().unwrap()),
            directory: directory.to_owned(),
            child,
            log,
        }
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Everything it wrote to standard error so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it has died by itself.
    pub fn wait_for_death(&mut self) -> ExitStatus {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(since.elapsed() < Duration::from_secs(20), "the gateway is still alive: {}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub async fn grant(&self, payer: &str, amount: &str) {
        let answer = reqwest::Client::new()
            .post(format!("{}/admin/balance/grant", self.admin))
            .json(&serde_json::json!({ "payer": payer, "amount": amount }))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// `books verify`, beside the running gateway or after it.
    pub fn verify_books(&self) -> serde_json::Value {
        let output =
            Command::new(FARTHING).args(["books", "verify", "--json", "--data"]).arg(&self.directory).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&text).unwrap()
    }

    /// `books statement`.
    pub fn statement(&self) -> serde_json::Value {
        let output = Command::new(FARTHING)
            .args(["books", "statement", "--json", "--data"])
            .arg(&self.directory)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What was charged over all payments, in millionths.
    pub fn charged(&self) -> u64 {
        let statement = self.statement();
        let totals = statement["totals"].as_array().unwrap();
        totals.iter().map(|total| total["gross"].as_str().unwrap().parse::<u64>().unwrap()).sum()
    }
}

impl Drop for Seller {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
