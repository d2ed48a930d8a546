//! What a facilitator settles on chains.

use std::sync::Arc;

use farthing_dialects::x402::Network;
use farthing_facilitator::{ChainContext, ChainFactory, Kind};
use farthing_keys::{Surroundings, recoverable_from_table};
use farthing_rail::{Capture, Licence};
use farthing_rail_evm::{Place, Seller};
use toml::Table;

use crate::{clock, environment};

/// Builds what a `[chains.NAME]` table names.
pub(crate) fn chains() -> ChainFactory {
    let seller = Seller::new(Arc::new(clock::now));
    Arc::new(move |table, context| kinds(&seller, table, context))
}

fn kinds(seller: &Seller, table: &Table, context: &ChainContext<'_>) -> Result<Vec<Kind>, String> {
    let around = Surroundings { variable: &environment::variable, directory: context.directory };
    let keys = |value: &toml::Value| recoverable_from_table(value, &around);
    let secrets = |table: &Table, name: &str| around.secret(table, name);
    // A facilitator's books are in a file, which one process has.
    let licence = Licence::always();
    let place = Place { data: context.data, keys: &keys, secrets: &secrets, licence: &licence };
    let chain = seller.facilitated(context.name, table, &place)?;
    let (network, signer) = (Network::evm(chain.chain), chain.signer.to_checksum(None));
    let kind = |settler: Arc<dyn farthing_rail::Settler>| {
        // Payers of an open amount sign who may submit it.
        let is_open = settler.terms().capture == Capture::Actual;
        let named = is_open.then(|| ("facilitatorAddress".to_owned(), signer.as_str().into()));
        let (network, extra, signers) = (network.clone(), named.into_iter().collect(), vec![signer.clone()]);
        Kind { network, settler, extra, signers }
    };
    Ok(chain.schemes.into_iter().map(kind).collect())
}
