//! Taking wallets in, and handing them out.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use farthing_keys::{KeyFile, Token};
use farthing_ows::OwsVault;
use farthing_wallet::WalletName;
use secrecy::SecretSlice;

use super::sharing::Sharing;
use super::{Home, say, say_names};
use crate::failure::{Failure, OrFail};
use crate::{environment, terminal};

#[derive(Args)]
pub(crate) struct Export {
    /// The wallet.
    name: WalletName,
    /// Leave out what only this software writes.
    #[arg(long)]
    ows: bool,
    /// Put it into this vault of the Open Wallet Standard.
    #[arg(long)]
    vault: Option<PathBuf>,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Import {
    /// What to call it here.
    name: WalletName,
    /// The exported file.
    #[arg(required_unless_present_any = ["ows", "vault"])]
    file: Option<PathBuf>,
    /// A wallet file of the Open Wallet Standard.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "vault"])]
    ows: Option<PathBuf>,
    /// A vault of the Open Wallet Standard.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "file")]
    vault: Option<PathBuf>,
    /// Which wallet of the vault, by name or id; default the name that it gets here.
    #[arg(long, requires = "vault")]
    from: Option<String>,
    #[command(flatten)]
    sharing: Sharing,
    #[command(flatten)]
    home: Home,
}

impl Export {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let file = self.home.wallets()?.export(&self.name).map_err(say)?;
        if !self.ows && self.vault.is_none() {
            terminal::say(String::from_utf8_lossy(&file).trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        let file = KeyFile::from_json(&file).map_err(say)?.for_other_software();
        match self.vault {
            Some(vault) => {
                let path = OwsVault::at(&vault).add_wallet(&file).map_err(say)?;
                terminal::say(&path.display().to_string());
            }
            None => terminal::say(String::from_utf8_lossy(&file.to_json().map_err(say)?).trim_end()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let json = match (&self.vault, self.file.as_ref().or(self.ows.as_ref())) {
            (Some(vault), _) => {
                let from = self.from.as_deref().unwrap_or(self.name.as_str());
                let wallet = OwsVault::at(vault).wallet(from).map_err(say)?;
                wallet.to_json().map_err(say)?
            }
            (None, Some(file)) => {
                std::fs::read(file).map_err(|error| Failure::wrong_use(format!("{}: {error}", file.display())))?
            }
            (None, None) => return Err(Failure::wrong_use("name a file, or a vault with --vault")),
        };
        let wallets = self.sharing.among(self.home.wallets()?)?;
        let foreign = KeyFile::from_json(&json).map_err(say)?;
        let elsewhere = environment::variable("OWS_PASSPHRASE").filter(|_| foreign.did().is_err());
        let summary = match elsewhere {
            Some(token) if token.starts_with(Token::PREFIX) => {
                return Err(Failure::wrong_use(
                    "a token signs and takes nothing over; set OWS_PASSPHRASE to the passphrase",
                ));
            }
            Some(passphrase) => {
                let key =
                    foreign.open_account(&SecretSlice::from(passphrase.into_bytes())).or_fail("OWS_PASSPHRASE")?;
                wallets.create_with(&self.name, &self.home.new_passphrase()?, &key).map_err(say)?
            }
            None => wallets.import(&self.name, &json, &self.home.passphrase()?).map_err(say)?,
        };
        say_names(&summary);
        Ok(ExitCode::SUCCESS)
    }
}
