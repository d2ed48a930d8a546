//! `farthing key`: the keys of a wallet.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_wallet::WalletName;
use serde_json::{Value, json};

use super::home::Home;
use crate::failure::Failure;
use crate::terminal;

/// The keys of a wallet.
#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make a fresh key the one that pays. Balances stay with the old key.
    #[command(after_help = "Example:\n  farthing key create --wallet agent")]
    Create(Which),
    /// The wallet's keys, the one in use first.
    #[command(after_help = "Example:\n  farthing key list --wallet agent --json")]
    List(Which),
    /// Destroy a key that is no longer in use.
    #[command(after_help = "Example:\n  farthing key revoke --wallet agent did:key:z6Mk...")]
    Revoke(Revoke),
}

#[derive(Args)]
pub(crate) struct Which {
    /// The wallet.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Revoke {
    /// The key's public name.
    did: String,
    #[command(flatten)]
    which: Which,
}

impl Key {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(which) => {
                let key = which.home.wallets()?.create_key(&which.wallet, &which.home.passphrase()?);
                terminal::say(&key.map_err(|error| Failure::new(error.to_string()))?.did);
            }
            Self::List(which) => which.list()?,
            Self::Revoke(Revoke { did, which }) => {
                let revoked = which.home.wallets()?.revoke_key(&which.wallet, &did);
                revoked.map_err(|error| Failure::new(error.to_string()))?;
                terminal::say(&format!("{did} is destroyed"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Which {
    fn list(&self) -> Result<(), Failure> {
        let keys = self.home.wallets()?.keys(&self.wallet).map_err(|error| Failure::new(error.to_string()))?;
        if self.json {
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
}
