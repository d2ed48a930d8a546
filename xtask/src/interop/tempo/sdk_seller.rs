use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::chain::{Chains, TEMPO_CHAIN, TEMPO_TOKENS};
use super::offer::Offer;
use super::seller::Parties;
use crate::commands::program;
use crate::gateway::free_address;
use crate::interop::peer;
use crate::tools;

/// How long a seller may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that sells on an official SDK; it ends when dropped.
pub(super) struct SdkSeller {
    pub(super) name: &'static str,
    address: String,
    process: Child,
}

/// One seller on each SDK, listening.
pub(super) fn all(chains: &Chains, parties: &Parties<'_>) -> anyhow::Result<Vec<SdkSeller>> {
    let mppx = program("node", [tools::mppx()?.join("seller.js")]);
    let pympp = program(tools::pympp()?, ["interop/pympp/seller.py"]);
    let mpp_rs = Command::new(peer::build_mpp_rs()?.join("tempo-seller"));
    let mut sellers = Vec::new();
    for (name, command) in [("mppx", mppx), ("pympp", pympp), ("mpp-rs", mpp_rs)] {
        sellers.push(SdkSeller::start(name, command, chains, parties)?);
    }
    for seller in &mut sellers {
        seller.wait_until_it_sells()?;
    }
    Ok(sellers)
}

impl SdkSeller {
    fn start(name: &'static str, mut command: Command, chains: &Chains, parties: &Parties<'_>) -> anyhow::Result<Self> {
        let address = free_address()?;
        let terms = json!({
            "listen": address, "rpc": chains.shim(), "chain": TEMPO_CHAIN, "currency": TEMPO_TOKENS.first(),
            "realm": "127.0.0.1", "secret": "a secret of these tests, 32 bytes or more",
            "recipient": parties.recipient, "second": parties.second, "sponsor": parties.sponsor_key,
            "evm": chains.asset(),
        });
        let process = command
            .arg(terms.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start the seller on {name}"))?;
        Ok(Self { name, address, process })
    }

    pub(super) fn url(&self, offer: Offer) -> String {
        format!("http://{}{}", self.address, offer.path())
    }

    fn wait_until_it_sells(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            match ureq::get(self.url(Offer::Pull)).call() {
                Err(ureq::Error::StatusCode(402)) => return Ok(()),
                answer if started.elapsed() > PATIENCE => bail!("the seller on {} answers {answer:?}", self.name),
                _ => {}
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the seller on {} ended at once ({status})", self.name);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for SdkSeller {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
