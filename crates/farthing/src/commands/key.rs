//! `farthing key`: the keys of a wallet.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::home::WhichWallet;
use crate::failure::Failure;
use crate::terminal;

/// The keys of a wallet.
#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make a fresh key the one that pays. Balances stay with the old key.
    #[command(after_help = "Example:\n  farthing key create --wallet agent")]
    Create(WhichWallet),
    /// The wallet's keys, the one in use first.
    #[command(after_help = "Example:\n  farthing key list --wallet agent --json")]
    List(WhichWallet),
    /// Destroy a key that is no longer in use.
    #[command(after_help = "Example:\n  farthing key revoke --wallet agent did:key:z6Mk...")]
    Revoke(Revoke),
}

#[derive(Args)]
pub(crate) struct Revoke {
    /// The key's public name.
    did: String,
    #[command(flatten)]
    which: WhichWallet,
}

impl Key {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(which) => {
                let key = which.home.wallets()?.create_key(&which.wallet, &which.home.passphrase()?);
                terminal::say(&key.map_err(|error| Failure::new(error.to_string()))?.did);
            }
            Self::List(which) => list(&which)?,
            Self::Revoke(Revoke { did, which }) => {
                let revoked = which.home.wallets()?.revoke_key(&which.wallet, &did);
                revoked.map_err(|error| Failure::new(error.to_string()))?;
                terminal::say(&format!("{did} is destroyed"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(which: &WhichWallet) -> Result<(), Failure> {
    let keys = which.home.wallets()?.keys(&which.wallet).map_err(|error| Failure::new(error.to_string()))?;
    if which.json {
        let listed =
            keys.iter().map(|key| json!({ "did": key.did, "created_at": key.created_at, "in_use": key.in_use }));
        terminal::say_json(&listed.collect::<Value>());
        return Ok(());
    }
    for key in keys {
        terminal::say(&format!("{}  {}{}", key.did, key.created_at, if key.in_use { "  in use" } else { "" }));
    }
    Ok(())
}
