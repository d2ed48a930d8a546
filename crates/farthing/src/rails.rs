//! The one place that knows which payment methods there are.

mod facilitated;
mod simulated;

pub(crate) use facilitated::chains as facilitated_chains;

use std::sync::Arc;

use farthing_gateway::config::{RailContext, RailFactory, SignerFactory};
use farthing_keys::{Ambient, Surroundings, VaultAccount, VaultSigner, recoverable_from_table};
use farthing_rail::{Acceptor, Deposits, Payer, RecoverableSigner, SessionPayer};
use farthing_rail_balance::{Balance, BalancePayer, BalanceSession, BalanceSessionPayer};
use farthing_rail_evm::buyer::{Chains, Delegation, Funds, Purse};
use farthing_rail_evm::evm::EvmPayer;
use farthing_rail_evm::session::{EvmSessionPayer, Randomness, TempoSessionPayer};
use farthing_rail_evm::tempo::{PayingKey, TempoPayer};
use farthing_rail_evm::usdc::UsdcPayer;
use farthing_rail_evm::x402::X402Payer;
use farthing_rail_evm::{Account, Place, Seller};
use toml::Table;

use crate::{clock, environment};

/// Builds the seller's half of a method from its `[rails.NAME]` table. One factory is made for each
/// process: what signers share on a chain outlives every reload.
pub(crate) fn acceptors() -> RailFactory {
    let chains = Seller::new(Arc::new(clock::now));
    Arc::new(move |method, table, context| match method {
        "balance" => {
            let issuer = context.public_url.unwrap_or(context.realm.as_str());
            let balance = Balance::from_table(table, issuer).map_err(|error| error.to_string())?;
            let session = BalanceSession::on(&balance).map_err(|error| error.to_string())?;
            let session = Acceptor::Session(Arc::new(session), Deposits::InBooks);
            Ok(vec![Acceptor::Prepaid(Arc::new(balance)), session])
        }
        "simulated" => simulated::rail(table, context).map(|rail| vec![Acceptor::External(Arc::new(rail))]),
        method if farthing_rail_evm::METHODS.contains(&method) => on_chains(&chains, method, table, context),
        unknown => {
            let methods = farthing_rail_evm::METHODS.join(", ");
            Err(format!("there is no rail \"{unknown}\"; the rails are balance, {methods} and simulated"))
        }
    })
}

fn on_chains(chains: &Seller, method: &str, table: &Table, context: &RailContext<'_>) -> Result<Vec<Acceptor>, String> {
    let around = Surroundings { variable: &environment::variable, directory: context.directory };
    let keys = |value: &toml::Value| recoverable_from_table(value, &around);
    let secrets = |table: &Table, name: &str| around.secret(table, name);
    chains.acceptors(method, context.name, table, &Place { data: context.data, keys: &keys, secrets: &secrets })
}

/// Finds the keys that `[gateway]` names, in the same words as those of `[rails.NAME]` tables.
pub(crate) fn signers() -> SignerFactory {
    Arc::new(|value, directory| {
        recoverable_from_table(value, &Surroundings { variable: &environment::variable, directory })
    })
}

/// What pays on chains: an account and the chains its owner knows.
pub(crate) struct OnChains {
    pub(crate) account: Arc<VaultAccount>,
    pub(crate) chains: Chains,
    /// What another account on Tempo lets this one's key spend; it then pays there and nowhere else.
    pub(crate) delegation: Option<Delegation>,
}

/// The same, with nodes to ask.
struct Reached {
    account: Account,
    key: PayingKey,
    chains: Chains,
    funds: Arc<dyn Funds>,
}

impl OnChains {
    /// Nothing where the owner has named no chain.
    fn reached(&self) -> Result<Option<Reached>, String> {
        if self.chains.iter().next().is_none() {
            return Ok(None);
        }
        let account = Account::new(Arc::clone(&self.account) as Arc<dyn RecoverableSigner>);
        let funds = Purse::new(&self.chains, &reqwest::Client::new()).map_err(|error| error.to_string())?;
        let key = match &self.delegation {
            Some(delegation) => delegation.clone().paying_key(account.clone()).map_err(|error| error.to_string())?,
            None => PayingKey::Own(account.clone()),
        };
        Ok(Some(Reached { account, key, chains: self.chains.clone(), funds: Arc::new(funds) }))
    }
}

/// The buyer's halves that a wallet's keys can sign for; those of chains only where the wallet has an
/// account and its owner has named a chain.
pub(crate) async fn payers(
    signer: Arc<VaultSigner>,
    on_chains: Option<&OnChains>,
) -> Result<Vec<Arc<dyn Payer>>, String> {
    let mut payers: Vec<Arc<dyn Payer>> =
        vec![Arc::new(BalancePayer::new(signer)), Arc::new(farthing_rail::simulated::SimulatedPayer)];
    if let Some(Reached { account, key, chains, funds }) = on_chains.map(OnChains::reached).transpose()?.flatten() {
        let now = || Arc::new(clock::now);
        let tempo = TempoPayer::new(key, Arc::new(chains.tokens()), now());
        payers.push(Arc::new(tempo.with_funds(Arc::clone(&funds)).prepared().await));
        payers.push(Arc::new(EvmPayer::new(account.clone(), &chains, now()).with_funds(Arc::clone(&funds))));
        payers.push(Arc::new(UsdcPayer::new(account.clone(), &chains, now()).with_funds(Arc::clone(&funds))));
        payers.push(Arc::new(X402Payer::exact(account.clone(), &chains, now()).with_funds(Arc::clone(&funds))));
        payers.push(Arc::new(X402Payer::upto(account, &chains, now()).with_funds(funds)));
    }
    Ok(payers)
}

/// The same for sessions, in the order in which they are chosen where nothing else decides.
pub(crate) async fn session_payers(
    signer: Arc<VaultSigner>,
    on_chains: Option<&OnChains>,
) -> Result<Vec<Arc<dyn SessionPayer>>, String> {
    let mut payers: Vec<Arc<dyn SessionPayer>> = vec![Arc::new(BalanceSessionPayer::new(signer))];
    if let Some(Reached { account, key, chains, funds }) = on_chains.map(OnChains::reached).transpose()?.flatten() {
        let now = || Arc::new(clock::now);
        let random: Randomness = Arc::new(|| Ambient::new(clock::now).random().ok());
        let tempo = TempoSessionPayer::new(key, &chains, now(), Arc::clone(&random));
        payers.push(Arc::new(tempo.with_funds(Arc::clone(&funds)).prepared().await));
        payers.push(Arc::new(EvmSessionPayer::new(account, &chains, now(), random).with_funds(funds)));
    }
    Ok(payers)
}
