//! `farthing freeze` and `farthing thaw`: stopping signatures at once, in every process.

use std::process::ExitCode;

use clap::Args;
use farthing_wallet::WalletName;

use super::home::Home;
use crate::failure::Failure;
use crate::terminal;

/// What is stopped, or may go on.
#[derive(Args)]
#[group(id = "which", required = true, multiple = false, args = ["all", "wallet"])]
pub(crate) struct Which {
    /// Every wallet of this home, those that are made later included.
    #[arg(long)]
    all: bool,
    /// One wallet.
    #[arg(long)]
    wallet: Option<WalletName>,
}

#[derive(Args)]
pub(crate) struct Freeze {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Thaw {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    home: Home,
}

impl Freeze {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        match &self.which.wallet {
            Some(name) => {
                wallets.freeze(name).map_err(said)?;
                terminal::say(&format!("{name} is frozen and signs nothing"));
            }
            None => {
                wallets.freeze_all().map_err(said)?;
                terminal::say("everything is frozen and nothing is signed");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Thaw {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        match &self.which.wallet {
            Some(name) => {
                wallets.thaw(name).map_err(said)?;
                match wallets.stopped(name) {
                    Some(stopped) => terminal::say(&format!("{name} is not frozen by itself any more, but {stopped}")),
                    None => terminal::say(&format!("{name} signs again, within its policy")),
                }
            }
            None => {
                wallets.thaw_all().map_err(said)?;
                terminal::say("the wallets sign again, within their policies; what was frozen by itself stays frozen");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
