//! The one place that knows which payment methods a seller can take; the buyer's are in `farthing_rails`.

mod card;
mod facilitated;
mod funding;
mod simulated;
mod stripe;
mod topping_up;

pub(crate) use facilitated::chains as facilitated_chains;
pub(crate) use funding::{funding_accounts, fundings};

use std::sync::Arc;

use farthing_gateway::config::{RailContext, RailFactory, SignerFactory};
use farthing_keys::{Surroundings, recoverable_from_table};
use farthing_rail::{Acceptor, Deposits};
use farthing_rail_balance::{Balance, BalanceSession};
use farthing_rail_evm::{Place, Seller};
use toml::Table;

use crate::{clock, environment};

/// Builds the seller's half of a method from its `[rails.NAME]` table. One factory is made for each
/// process: what signers share on a chain outlives every reload.
pub(crate) fn acceptors() -> RailFactory {
    let chains = Seller::new(Arc::new(clock::now));
    Arc::new(move |method, table, context| {
        let (table, top_up) = topping_up::amount(table)?;
        let built = build(&chains, method, &table, context)?;
        topping_up::offered(built, top_up, context)
    })
}

fn build(chains: &Seller, method: &str, table: &Table, context: &RailContext<'_>) -> Result<Vec<Acceptor>, String> {
    match method {
        "balance" => {
            let issuer = context.public_url.unwrap_or(context.realm.as_str());
            let balance = Balance::from_table(table, issuer).map_err(|error| error.to_string())?;
            let session = BalanceSession::on(&balance).map_err(|error| error.to_string())?;
            let session = Acceptor::Session(Arc::new(session), Deposits::InBooks);
            Ok(vec![Acceptor::Prepaid(Arc::new(balance)), session])
        }
        "simulated" => simulated::rail(table, context).map(|rail| vec![Acceptor::External(Arc::new(rail))]),
        farthing_rail_stripe::METHOD => stripe::rails(table, context),
        farthing_rail_card::METHOD => card::rail(table, context).map(|rail| vec![Acceptor::External(Arc::new(rail))]),
        // It funds balances and takes no payment by itself.
        funding::BANK => Ok(Vec::new()),
        method if farthing_rail_evm::METHODS.contains(&method) => on_chains(chains, method, table, context),
        unknown => {
            let methods = farthing_rail_evm::METHODS.join(", ");
            Err(format!(
                "there is no rail \"{unknown}\"; the rails are balance, bank, card, stripe, {methods} and simulated"
            ))
        }
    }
}

fn on_chains(chains: &Seller, method: &str, table: &Table, context: &RailContext<'_>) -> Result<Vec<Acceptor>, String> {
    let around = Surroundings { variable: &environment::variable, directory: context.directory };
    let keys = |value: &toml::Value| recoverable_from_table(value, &around);
    let secrets = |table: &Table, name: &str| around.secret(table, name);
    let place = Place { data: context.data, keys: &keys, secrets: &secrets, licence: context.licence };
    chains.acceptors(method, context.name, table, &place)
}

/// Finds the keys that `[gateway]` names, in the same words as those of `[rails.NAME]` tables.
pub(crate) fn signers() -> SignerFactory {
    Arc::new(|value, directory| {
        recoverable_from_table(value, &Surroundings { variable: &environment::variable, directory })
    })
}
