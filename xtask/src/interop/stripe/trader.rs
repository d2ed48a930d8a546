use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::json;
use tempfile::TempDir;

use super::double::{AGENT, Double, PROFILE, SELLER};
use crate::commands::{Run as _, cargo, program};
use crate::gateway::Gateway;
use crate::interop::peer::Purchase;
use crate::interop::service::Service;
use crate::interop::shop;
use crate::{tools, workspace};

/// The card that always pays.
const CARD: &str = "pm_card_visa";

/// Somebody who takes cards.
pub(super) enum Seller {
    Own {
        gateway: Gateway,
        /// Where its key is; it goes with the gateway.
        _key: TempDir,
    },
    Sdk(Service),
}

/// Somebody who has one.
pub(super) enum Buyer {
    Own { binary: PathBuf, home: TempDir },
    Sdk { name: &'static str, command: Vec<OsString> },
}

/// Ours and one on each SDK, listening.
pub(super) fn sellers(binary: &Path, double: &Double) -> anyhow::Result<Vec<Seller>> {
    let secrets = tempfile::tempdir()?;
    let key = private_file(secrets.path(), SELLER)?;
    let (upstream, api, key) = (shop::open()?, double.url(), key.display());
    let route = |offer: &str, more: &str| {
        format!(
            "[[route]]\nmatch = \"GET /{offer}\"\nupstream = \"http://127.0.0.1:{upstream}\"\nprice = \"5 USD\"\n\
             accept = [\"stripe/charge\"]\n{more}\n"
        )
    };
    let rail = format!(
        "[rails.stripe]\nasset = \"USD\"\nnetwork_id = \"{PROFILE}\"\nsecret_key = {{ file = \"{key}\" }}\n\
         api_base = \"{api}\"\n\n{}{}",
        route("charge", ""),
        route("referenced", "reference = \"order-7\"\n"),
    );
    let mut sellers = vec![Seller::Own { gateway: Gateway::start(&[], binary, &rail)?, _key: secrets }];
    let mppx = program("node", [tools::mppx()?.join("stripe-seller.js")]);
    let pympp = program(tools::python("pympp")?, ["interop/pympp/stripe_seller.py"]);
    let mpp_rs = Command::new(mpp_rs()?.join("stripe-seller"));
    for (name, command) in [("mppx", mppx), ("pympp", pympp), ("mpp-rs", mpp_rs)] {
        let terms = json!({
            "api": double.url(), "seller": SELLER, "profile": PROFILE, "realm": "127.0.0.1",
            "secret": "a secret of these tests, 32 bytes or more",
        });
        let mut seller = Service::told(name, command, terms)?;
        seller.wait_until("/charge", 402)?;
        sellers.push(Seller::Sdk(seller));
    }
    Ok(sellers)
}

/// Our wallet and one on each SDK, with a card each.
pub(super) fn buyers(binary: &Path, double: &Double) -> anyhow::Result<Vec<Buyer>> {
    let home = tempfile::tempdir()?;
    let key = private_file(home.path(), AGENT)?;
    let own = Buyer::Own { binary: binary.to_owned(), home };
    own.farthing(&["wallet", "create", "agent"])?.output_text()?;
    own.farthing(&["policy", "set", "--total", "100 USD", "--per-payment", "10 USD"])?.output_text()?;
    let card = ["--payment-method", CARD, "--api-base", double.url(), "--key-file"];
    let mut fund = own.farthing(&["wallet", "fund", "agent", "--stripe"])?;
    fund.args(card).arg(&key).output_text()?;
    let sdk = |name, command| Buyer::Sdk { name, command };
    let mppx = vec!["node".into(), tools::mppx()?.join("stripe-buyer.js").into()];
    let python = workspace::root().join("interop/pympp/stripe_buyer.py");
    let pympp = vec![tools::python("pympp")?.into(), python.into()];
    Ok(vec![own, sdk("mppx", mppx), sdk("pympp", pympp), sdk("mpp-rs", vec![mpp_rs()?.join("stripe-buyer").into()])])
}

impl Seller {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Own { .. } => "farthing",
            Self::Sdk(seller) => seller.name,
        }
    }

    pub(super) fn url(&self, offer: &str) -> String {
        match self {
            Self::Own { gateway, .. } => gateway.url(&format!("/{offer}")),
            Self::Sdk(seller) => seller.url(&format!("/{offer}")),
        }
    }

    /// Stops it; ours must have books that add up.
    pub(super) fn stop(self, binary: &Path) -> anyhow::Result<()> {
        match self {
            Self::Own { gateway, .. } => gateway.stop_and_verify(binary),
            Self::Sdk(_) => Ok(()),
        }
    }
}

impl Buyer {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Own { .. } => "farthing",
            Self::Sdk { name, .. } => name,
        }
    }

    /// Fetches and pays.
    pub(super) fn buy(&self, url: &str, double: &Double) -> anyhow::Result<Purchase> {
        match self {
            Self::Own { home, .. } => {
                let receipt = home.path().join("receipt.json");
                // There is none yet before the first purchase.
                let _ = std::fs::remove_file(&receipt);
                let output = self.farthing(&["pay", "--receipt"])?.arg(&receipt).arg(url).output()?;
                if !output.status.success() {
                    bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
                }
                let receipt = std::fs::read(&receipt).ok().map(|kept| serde_json::from_slice(&kept)).transpose()?;
                Ok(Purchase { status: 200, body: String::from_utf8(output.stdout)?, receipt })
            }
            Self::Sdk { name, command } => {
                let (first, rest) = command.split_first().context("a peer without a program")?;
                let answer = program(first, rest).args([url, double.url(), AGENT, CARD]).output_text()?;
                serde_json::from_str(&answer).with_context(|| format!("{name} answered {answer:?}"))
            }
        }
    }

    fn farthing(&self, words: &[&str]) -> anyhow::Result<Command> {
        let Self::Own { binary, home } = self else { bail!("{} is not ours", self.name()) };
        let mut command = Command::new(binary);
        command.args(words).env("FARTHING_HOME", home.path());
        Ok(command)
    }
}

/// A file that only its owner can read.
fn private_file(folder: &Path, text: &str) -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let file = folder.join("key");
    std::fs::write(&file, text)?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Builds the programs on `mpp` that trade by card and names the folder they are in.
fn mpp_rs() -> anyhow::Result<PathBuf> {
    let folder = workspace::target()?.join("interop");
    cargo(["build", "--quiet", "--locked", "--manifest-path", "interop/mpp-rs/Cargo.toml", "--features", "stripe"])
        .args(["--bin", "stripe-buyer", "--bin", "stripe-seller", "--target-dir"])
        .arg(&folder)
        .run()?;
    Ok(folder.join("debug"))
}
