use std::path::Path;

use super::offer::Offer;
use super::own_seller;
use super::sdk_seller;
use crate::gateway::Gateway;
use crate::interop::chains::Chains;
use crate::interop::node::Account;
use crate::interop::service::Service;

/// Who is paid: addresses that nobody has a key for, so that all they have was paid to them.
pub(super) const RECIPIENT: &str = "0x5e11e40000000000000000000000000000000001";
pub(super) const SECOND: &str = "0x5e11e40000000000000000000000000000000002";

/// Somebody who sells every [`Offer`].
pub(super) struct Seller<'a> {
    program: Program,
    /// Pays fees where they are sponsored and sends authorizations. No two sellers have the same: each counts the
    /// account's transactions for itself.
    pub(super) sponsor: &'a Account,
}

enum Program {
    Own(Gateway),
    Sdk(Service),
}

/// Ours and one on each SDK, listening; their sponsors are the chains' accounts from this one on.
pub(super) fn all<'a>(
    binary: &Path,
    folder: &Path,
    chains: &'a Chains,
    first_sponsor: usize,
) -> anyhow::Result<Vec<Seller<'a>>> {
    let sponsor = chains.account(first_sponsor)?;
    let own = Seller { program: Program::Own(own_seller::start(binary, folder, chains, sponsor)?), sponsor };
    let sponsors = (first_sponsor + 1..).map(|index| chains.account(index));
    let mut sellers = vec![own];
    for started in sdk_seller::all(chains, sponsors)? {
        let (seller, sponsor) = started;
        sellers.push(Seller { program: Program::Sdk(seller), sponsor });
    }
    Ok(sellers)
}

impl Seller<'_> {
    pub(super) fn name(&self) -> &'static str {
        match &self.program {
            Program::Own(_) => "farthing",
            Program::Sdk(seller) => seller.name,
        }
    }

    /// Our gateway, if it is this one.
    pub(super) fn gateway(&self) -> Option<&Gateway> {
        match &self.program {
            Program::Own(gateway) => Some(gateway),
            Program::Sdk(_) => None,
        }
    }

    /// Where it sells this.
    pub(super) fn url(&self, offer: Offer) -> String {
        match &self.program {
            Program::Own(gateway) => gateway.url(offer.path()),
            Program::Sdk(seller) => seller.url(offer.path()),
        }
    }

    /// Stops it; ours must have books that add up.
    pub(super) fn stop(self, binary: &Path) -> anyhow::Result<()> {
        match self.program {
            Program::Own(gateway) => gateway.stop_and_verify(binary),
            Program::Sdk(_) => Ok(()),
        }
    }
}
