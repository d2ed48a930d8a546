use std::path::Path;

use super::chain::Chains;
use super::offer::Offer;
use super::own_seller;
use super::sdk_seller::{self, SdkSeller};
use crate::gateway::Gateway;

/// Where the money goes, and whose key sponsors and settles.
pub(super) struct Parties<'a> {
    pub(super) recipient: &'a str,
    pub(super) second: &'a str,
    pub(super) sponsor_key: &'a str,
}

/// Somebody who sells every [`Offer`].
pub(super) enum Seller {
    Own(Gateway),
    Sdk(SdkSeller),
}

/// Ours and one on each SDK, listening.
pub(super) fn all(binary: &Path, folder: &Path, chains: &Chains, parties: &Parties<'_>) -> anyhow::Result<Vec<Seller>> {
    let mut sellers = vec![Seller::Own(own_seller::start(binary, folder, chains, parties)?)];
    sellers.extend(sdk_seller::all(chains, parties)?.into_iter().map(Seller::Sdk));
    Ok(sellers)
}

impl Seller {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Own(_) => "farthing",
            Self::Sdk(seller) => seller.name,
        }
    }

    /// Where it sells this.
    pub(super) fn url(&self, offer: Offer) -> String {
        match self {
            Self::Own(gateway) => gateway.url(offer.path()),
            Self::Sdk(seller) => seller.url(offer),
        }
    }

    /// Stops it; ours must have books that add up.
    pub(super) fn stop(self, binary: &Path) -> anyhow::Result<()> {
        match self {
            Self::Own(gateway) => gateway.stop_and_verify(binary),
            Self::Sdk(_) => Ok(()),
        }
    }
}
