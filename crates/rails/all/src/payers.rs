//! The buyer's halves of every method.

use std::sync::Arc;

use farthing_keys::{Ambient, VaultAccount, VaultSigner};
use farthing_rail::simulated::SimulatedPayer;
use farthing_rail::{Payer, RecoverableSigner, SessionPayer};
use farthing_rail_balance::{BalancePayer, BalanceSessionPayer, TopUpPayer};
use farthing_rail_evm::Account;
use farthing_rail_evm::buyer::{Chains, Delegation, Funds, Purse};
use farthing_rail_evm::evm::EvmPayer;
use farthing_rail_evm::rpc::EndpointsError;
use farthing_rail_evm::session::{EvmSessionPayer, Randomness, TempoSessionPayer};
use farthing_rail_evm::tempo::{GrantError, PayingKey, TempoPayer};
use farthing_rail_evm::usdc::UsdcPayer;
use farthing_rail_evm::x402::X402Payer;

use crate::now;

/// Why a method could not be made ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayersError {
    /// A node of a chain cannot be asked.
    #[error("a chain cannot be asked: {0}")]
    Nodes(#[from] EndpointsError),
    /// What another account lets the wallet spend is for another key.
    #[error(transparent)]
    Grant(#[from] GrantError),
}

/// What pays on chains: an account and the chains its owner knows.
#[derive(Debug)]
pub struct OnChains {
    /// The wallet's account.
    pub account: Arc<VaultAccount>,
    /// The chains, and the nodes to ask.
    pub chains: Chains,
    /// What another account on Tempo lets this one's key spend; it then pays there and nowhere else.
    pub delegation: Option<Delegation>,
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
    fn reached(&self) -> Result<Option<Reached>, PayersError> {
        if self.chains.iter().next().is_none() {
            return Ok(None);
        }
        let account = Account::new(Arc::clone(&self.account) as Arc<dyn RecoverableSigner>);
        let funds = Purse::new(&self.chains, &reqwest::Client::new())?;
        let key = match &self.delegation {
            Some(delegation) => delegation.clone().paying_key(account.clone())?,
            None => PayingKey::Own(account.clone()),
        };
        Ok(Some(Reached { account, key, chains: self.chains.clone(), funds: Arc::new(funds) }))
    }
}

/// The buyer's halves that a wallet's keys can sign for; those of chains only where the wallet has an
/// account and its owner has named a chain.
pub async fn payers(
    signer: Arc<VaultSigner>,
    on_chains: Option<&OnChains>,
) -> Result<Vec<Arc<dyn Payer>>, PayersError> {
    let mut payers: Vec<Arc<dyn Payer>> =
        vec![Arc::new(BalancePayer::new(Arc::clone(&signer) as _)), Arc::new(SimulatedPayer)];
    payers.push(Arc::new(TopUpPayer::over(Arc::new(SimulatedPayer), signer)));
    if let Some(Reached { account, key, chains, funds }) = on_chains.map(OnChains::reached).transpose()?.flatten() {
        let clock = || Arc::new(now);
        let tempo = TempoPayer::new(key, Arc::new(chains.tokens()), clock());
        payers.push(Arc::new(tempo.with_funds(Arc::clone(&funds)).prepared().await));
        payers.push(Arc::new(EvmPayer::new(account.clone(), &chains, clock()).with_funds(Arc::clone(&funds))));
        payers.push(Arc::new(UsdcPayer::new(account.clone(), &chains, clock()).with_funds(Arc::clone(&funds))));
        payers.push(Arc::new(X402Payer::exact(account.clone(), &chains, clock()).with_funds(Arc::clone(&funds))));
        payers.push(Arc::new(X402Payer::upto(account, &chains, clock()).with_funds(funds)));
    }
    Ok(payers)
}

/// The same for sessions, in the order in which they are chosen where nothing else decides.
pub async fn session_payers(
    signer: Arc<VaultSigner>,
    on_chains: Option<&OnChains>,
) -> Result<Vec<Arc<dyn SessionPayer>>, PayersError> {
    let mut payers: Vec<Arc<dyn SessionPayer>> = vec![Arc::new(BalanceSessionPayer::new(signer))];
    if let Some(Reached { account, key, chains, funds }) = on_chains.map(OnChains::reached).transpose()?.flatten() {
        let clock = || Arc::new(now);
        let random: Randomness = Arc::new(|| Ambient::new(now).random().ok());
        let tempo = TempoSessionPayer::new(key, &chains, clock(), Arc::clone(&random));
        payers.push(Arc::new(tempo.with_funds(Arc::clone(&funds)).prepared().await));
        payers.push(Arc::new(EvmSessionPayer::new(account, &chains, clock(), random).with_funds(funds)));
    }
    Ok(payers)
}
