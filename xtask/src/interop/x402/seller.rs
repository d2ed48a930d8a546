use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::chain::Chain;
use super::facilitator::Facilitator;
use super::offer::Offer;
use super::purchase::Way;
use super::{own_seller, sdk};
use crate::gateway::Gateway;
use crate::interop::node::Account;
use crate::interop::service::Service;

/// Who is paid: an address that nobody has a key for, so that all it has was paid to it.
pub(super) const RECIPIENT: &str = "0x5e11e40000000000000000000000000000000402";

/// The columns of the table.
pub(super) const NAMES: [&str; 4] = ["farthing", "@x402/express", "x402-axum", "mppx"];

/// The account of our gateway where somebody else settles x402 for it.
const OWN_ACCOUNT: usize = 5;

/// Somebody who sells what a facilitator settles; it ends when dropped.
pub(super) struct Seller<'a> {
    program: Program,
    facilitator: &'a Facilitator,
}

enum Program {
    Own {
        gateway: Gateway,
        /// Sends what is bought in the words of MPP, and everything where it settles by itself.
        account: Account,
        _folder: TempDir,
    },
    Sdk(Service),
}

/// Ours and, where there is a facilitator, one on each SDK; all listen.
pub(super) fn all<'a>(binary: &Path, chain: &Chain, by: &'a Facilitator) -> anyhow::Result<Vec<Seller<'a>>> {
    let url = by.url();
    let account = if url.is_some() { chain.account(OWN_ACCOUNT)? } else { &by.account };
    let folder = tempfile::tempdir()?;
    let gateway = own_seller::start(binary, folder.path(), chain, account, by)?;
    let mut programs = vec![Program::Own { gateway, account: account.clone(), _folder: folder }];
    if let Some(url) = url {
        programs.extend(sdks(chain, &url)?.into_iter().map(Program::Sdk));
    }
    Ok(programs.into_iter().map(|program| Seller { program, facilitator: by }).collect())
}

fn sdks(chain: &Chain, facilitator: &str) -> anyhow::Result<Vec<Service>> {
    let commands = [
        ("@x402/express", sdk::typescript("seller.js")?),
        ("x402-axum", sdk::rust("seller")?),
        ("mppx", sdk::mppx("x402-seller.js")?),
    ];
    let mut sellers = Vec::new();
    for (name, command) in commands {
        let terms = json!({
            "facilitator": facilitator, "recipient": RECIPIENT,
            "realm": "127.0.0.1", "secret": "a secret of these tests, 32 bytes or more", "evm": chain.asset(),
        });
        sellers.push(Service::told(name, command, terms)?);
    }
    for seller in &mut sellers {
        seller.wait_until(Offer::Exact.path(seller.name), 402)?;
    }
    Ok(sellers)
}

impl Seller<'_> {
    pub(super) fn name(&self) -> &'static str {
        match &self.program {
            Program::Own { .. } => "farthing",
            Program::Sdk(seller) => seller.name,
        }
    }

    /// The address that sends what is bought like this.
    pub(super) fn settled_by(&self, way: Way) -> &str {
        match &self.program {
            Program::Own { account, .. } if way == Way::Mpp => &account.address,
            _ => &self.facilitator.account.address,
        }
    }

    pub(super) fn url(&self, offer: Offer) -> String {
        let path = offer.path(self.name());
        match &self.program {
            Program::Own { gateway, .. } => gateway.url(path),
            Program::Sdk(seller) => seller.url(path),
        }
    }

    /// Stops it; ours must have books that add up.
    pub(super) fn stop(self, binary: &Path) -> anyhow::Result<()> {
        match self.program {
            Program::Own { gateway, .. } => gateway.stop_and_verify(binary),
            Program::Sdk(_) => Ok(()),
        }
    }
}
