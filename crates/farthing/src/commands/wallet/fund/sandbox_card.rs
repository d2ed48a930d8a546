//! `farthing wallet fund --sandbox-card`: a card that does not exist, for development.

use std::process::ExitCode;

use clap::Args;
use farthing_rail_card::METHOD;
use farthing_wallet::WalletName;
use serde_json::json;

use crate::commands::home::Home;
use crate::failure::Failure;
use crate::terminal;

/// A sandbox's card, or none.
#[derive(Args)]
pub(crate) struct SandboxCard {
    /// For development: pay card/charge on this machine with tokens that stand for no card and move no money.
    #[arg(long, conflicts_with = "stripe")]
    sandbox_card: bool,
    /// Forget it.
    #[arg(long, conflicts_with = "sandbox_card")]
    no_sandbox_card: bool,
}

impl SandboxCard {
    /// Whether it is meant.
    pub(super) fn is_meant(&self) -> bool {
        self.sandbox_card || self.no_sandbox_card
    }

    pub(super) fn keep(&self, name: &WalletName, home: &Home, as_json: bool) -> Result<ExitCode, Failure> {
        let say = |error: farthing_wallet::WalletsError| Failure::new(error.to_string());
        let wallets = home.wallets()?;
        if self.sandbox_card {
            wallets.open(name, home.passphrase()?).map_err(say)?.keep_funding(METHOD, b"sandbox").map_err(say)?;
        } else {
            wallets.remove_funding(name, METHOD).map_err(say)?;
        }
        if as_json {
            terminal::say_json(&json!({ "wallet": name.as_str(), "sandboxCard": self.sandbox_card }));
        } else if self.sandbox_card {
            terminal::say(&format!("{name} has a SANDBOX card: it pays sandboxes on this machine, and no money moves"));
        } else {
            terminal::say(&format!("{name} has no sandbox card any more"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
