//! What every test has: an upstream, a buyer, a rail with a memory of its own, and books on a server.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use crate::support::FARTHING;
use crate::support::buyer::Buyer;
use crate::support::seller::{Seller, config};
use crate::support::upstream::Upstream;

/// What a request costs, in millionths.
pub const PRICE: u64 = 1_000;

pub struct Stage {
    pub upstream: Upstream,
    pub buyer: Buyer,
    pub address: String,
    pub config: String,
    folder: tempfile::TempDir,
}

impl Stage {
    /// With a rail that settles.
    pub async fn at(address: String) -> Self {
        Self::with_rail(address, "settle").await
    }

    /// With a rail that does this to each payment. Its memory is one file, whichever gateway asks.
    pub async fn with_rail(address: String, behaviour: &str) -> Self {
        let (folder, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
        let memory = folder.path().join("takings.txt");
        let rail = format!("[rails.simulated]\nscript = [\"{behaviour}\"]\nmemory = \"{}\"\n", memory.display());
        let config = config(&upstream.url(), &rail).replace("sqlite:farthing.db", &address);
        Self { upstream, buyer: Buyer::new(), address, config, folder }
    }

    /// Starts a gateway, or starts it again, in the folder of this name.
    pub fn start(&self, name: &str, environment: &[(&str, &str)]) -> Seller {
        let own = self.folder(name);
        Seller::start(&own, &self.config, environment)
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        let own = self.folder.path().join(name);
        std::fs::create_dir_all(&own).unwrap();
        own
    }

    /// How often the rail took money, by its own memory.
    pub fn takings(&self) -> u64 {
        u64::try_from(self.taken().len()).unwrap()
    }

    /// For which payments the rail took money, by its own memory: twice for one is twice in the list.
    pub fn taken(&self) -> Vec<String> {
        let memory = std::fs::read_to_string(self.folder.path().join("takings.txt")).unwrap_or_default();
        let lines = memory.lines().filter(|line| !line.starts_with("refund"));
        lines.map(|line| line.split_once(' ').unwrap().0.to_owned()).collect()
    }

    /// What was charged over all payments, in millionths.
    pub fn charged(&self) -> u64 {
        let statement = books("statement", &self.address);
        let totals = statement["totals"].as_array().unwrap();
        totals.iter().map(|total| total["gross"].as_str().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// The books are sound, and charged this number of payments.
    pub fn assert_sound(&self, payments: u64) {
        books("verify", &self.address);
        assert_eq!(self.charged(), payments * PRICE);
    }

    /// A gateway's answer once the outcome is known: until then the same credential is to be sent again.
    pub async fn settled(&self, url: &str, credential: &str) -> u16 {
        for _ in 0..1_200 {
            if let Ok(answer) = self.buyer.get(url, credential).send().await
                && !matches!(answer.status().as_u16(), 503 | 409)
            {
                return answer.status().as_u16();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the outcome stays unknown");
    }
}

/// `farthing books WHAT` at an address.
pub fn ask_books(what: &str, address: &str) -> Output {
    Command::new(FARTHING).args(["books", what, "--json", "--data", address]).output().unwrap()
}

pub fn books(what: &str, address: &str) -> Value {
    let output = ask_books(what, address);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).unwrap()
}

/// Waits until a payment of this gateway's books stands so.
pub async fn until_a_payment_is(seller: &Seller, state: &str) {
    let url = format!("{}/admin/payments", seller.admin);
    for _ in 0..2_000 {
        let payments = reqwest::get(&url).await.unwrap().text().await.unwrap();
        if payments.contains(&format!("\"{state}\"")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no payment is ever {state}");
}
