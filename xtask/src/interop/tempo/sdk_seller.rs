use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::chain::{Account, Chains, TEMPO_CHAIN, TEMPO_TOKENS};
use super::offer::Offer;
use super::seller::{RECIPIENT, SECOND};
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

/// One seller on each SDK, listening, each with the next sponsor.
pub(super) fn all<'a>(
    chains: &Chains,
    mut sponsors: impl Iterator<Item = anyhow::Result<&'a Account>>,
) -> anyhow::Result<Vec<(SdkSeller, &'a Account)>> {
    let mppx = program("node", [tools::mppx()?.join("seller.js")]);
    let pympp = program(tools::pympp()?, ["interop/pympp/seller.py"]);
    let mpp_rs = Command::new(peer::build_mpp_rs()?.join("tempo-seller"));
    let mut sellers = Vec::new();
    for (name, command) in [("mppx", mppx), ("pympp", pympp), ("mpp-rs", mpp_rs)] {
        let sponsor = sponsors.next().context("a sponsor for each")??;
        sellers.push((SdkSeller::start(name, command, chains, sponsor)?, sponsor));
    }
    for (seller, _) in &mut sellers {
        seller.wait_until_it_sells()?;
    }
    Ok(sellers)
}

impl SdkSeller {
    fn start(name: &'static str, mut command: Command, chains: &Chains, sponsor: &Account) -> anyhow::Result<Self> {
        let address = free_address()?;
        let terms = json!({
            "listen": address, "rpc": chains.shim(), "chain": TEMPO_CHAIN, "currency": TEMPO_TOKENS.first(),
            "realm": "127.0.0.1", "secret": "a secret of these tests, 32 bytes or more",
            "recipient": RECIPIENT, "second": SECOND, "sponsor": sponsor.key,
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
