//! What a wallet has on the chains of this home, for an assistant that asks.

use std::sync::Arc;

use alloy_primitives::Address;
use async_trait::async_trait;
use farthing_mcp::{Held, OnChains};
use farthing_protocol::Timestamp;
use farthing_rail_evm::buyer::Purse;
use farthing_wallet::WalletName;

use crate::commands::home::Home;
use crate::failure::{Failure, OrFail};
use crate::{chains, clock};

/// An account, and the chains that it is looked for on.
struct Account {
    address: Address,
    /// Name and number of each chain.
    chains: Vec<(String, u64)>,
    purse: Arc<Purse>,
}

/// The account of a wallet; `None` where it has none, or no chain is known.
pub(super) fn of(home: &Home, wallet: &WalletName) -> Result<Option<Arc<dyn OnChains>>, Failure> {
    let summary = home.wallets()?.show(wallet).map_err(|error| Failure::new(error.to_string()))?;
    let Some(address) = summary.address else { return Ok(None) };
    let known = chains::load(&home.directory()?)?;
    let chains: Vec<_> = known.iter().map(|(name, chain)| (name.to_owned(), chain.id)).collect();
    if chains.is_empty() {
        return Ok(None);
    }
    let (address, purse) = (address.parse().or_fail("the wallet's address is none")?, chains::purse(&known)?);
    Ok(Some(Arc::new(Account { address, chains, purse })))
}

#[async_trait]
impl OnChains for Account {
    fn address(&self) -> String {
        self.address.to_checksum(None)
    }

    fn chains(&self) -> Vec<String> {
        self.chains.iter().map(|(name, _)| name.clone()).collect()
    }

    async fn holdings(&self, chain: &str) -> Result<Vec<Held>, String> {
        let known = self.chains.iter().find(|(name, _)| name == chain);
        let (_, id) = known.ok_or_else(|| format!("there is no chain {chain}"))?;
        let held = self.purse.holdings(*id, self.address).await.map_err(|error| error.to_string())?;
        let held = held.iter().map(|held| Held {
            asset: held.asset.code().to_owned(),
            amount: held.amount.to_decimal(held.asset.decimals()),
        });
        Ok(held.collect())
    }

    fn now(&self) -> Timestamp {
        clock::now()
    }
}
