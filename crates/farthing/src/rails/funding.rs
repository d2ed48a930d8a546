//! The accounts elsewhere that fund balances.

use std::path::Path;
use std::sync::Arc;

use farthing_gateway::Config;
use farthing_gateway::config::{FundingFactory, RailContext, Source};
use farthing_rail::FundingAccount;
use farthing_rail_bank::BankRail;
use toml::Table;

use crate::failure::Failure;

/// The method of a bank account. It takes no payment by itself: it funds balances.
pub(super) const BANK: &str = "bank";

/// Builds the account of a `[rails.NAME]` table whose method is one.
pub(crate) fn fundings() -> FundingFactory {
    Arc::new(|method, table, context: &RailContext<'_>| account(method, context.name, table, context.directory))
}

/// The accounts of a configuration, for a command that works without a gateway.
pub(crate) fn funding_accounts(config: &Config) -> Result<Vec<Arc<dyn FundingAccount>>, Failure> {
    let directory = match &config.source {
        Source::File { path, .. } => path.parent().unwrap_or(Path::new(".")),
        Source::Fixed => Path::new("."),
    };
    let mut accounts = Vec::new();
    for rail in &config.rails {
        let built = account(&rail.method, &rail.name, &rail.table, directory);
        accounts.extend(built.map_err(|reason| Failure::wrong_use(format!("[rails.{}]: {reason}", rail.name)))?);
    }
    Ok(accounts)
}

fn account(
    method: &str,
    name: &str,
    table: &Table,
    directory: &Path,
) -> Result<Option<Arc<dyn FundingAccount>>, String> {
    if method != BANK {
        return Ok(None);
    }
    let rail = BankRail::from_table(name, table, directory).map_err(|error| error.to_string())?;
    Ok(Some(Arc::new(rail)))
}
