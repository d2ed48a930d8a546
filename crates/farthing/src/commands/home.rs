//! Where a buyer's state lives, and what opens it.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use farthing_wallet::{PassphraseSource, PayingClient, Token, Wallet, WalletName, Wallets};
use secrecy::SecretString;

use super::{card, password};
use crate::failure::{Failure, OrFail};
use crate::{environment, terminal};

/// The wallet that is meant where none is named.
const DEFAULT_WALLET: &str = "agent";

/// Where the wallets are, and what opens them.
#[derive(Args, Clone)]
pub(crate) struct Home {
    /// The directory of the wallets; default ~/.farthing.
    #[arg(long = "home", env = "FARTHING_HOME", global = true)]
    directory: Option<PathBuf>,
    /// A file whose first line opens the vault. Otherwise FARTHING_PASSPHRASE, the key file beside the
    /// vault, or a question on the terminal.
    #[arg(long, global = true)]
    passphrase_file: Option<PathBuf>,
    /// A file whose first line opens the owner's key, where that has a passphrase of its own. Otherwise
    /// FARTHING_OWNER_PASSPHRASE.
    #[arg(long, global = true)]
    owner_passphrase_file: Option<PathBuf>,
}

/// One wallet, and how to print what is asked about it.
#[derive(Args)]
pub(crate) struct WhichWallet {
    /// The wallet.
    #[arg(long, default_value = "agent")]
    pub(crate) wallet: WalletName,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) home: Home,
}

impl Home {
    /// What opens the owner's key: its own passphrase, where it has one, or the one of the vault.
    pub(crate) fn owner_passphrase(&self) -> Result<PassphraseSource, Failure> {
        match self.owners_own() {
            Some(source) => Ok(source),
            None => self.passphrase(),
        }
    }

    /// What will open the owner's key and nothing else: a person types it twice.
    pub(crate) fn new_owner_passphrase(&self) -> Result<PassphraseSource, Failure> {
        if let Some(own) = self.owners_own() {
            return Ok(own);
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::wrong_use(
                "there is no new passphrase; give --owner-passphrase-file or FARTHING_OWNER_PASSPHRASE",
            ));
        }
        let typed = ask("New passphrase of the owner: ")?;
        if ask("Once more: ")? != typed {
            return Err(Failure::new("the two passphrases differ; nothing was changed"));
        }
        Ok(PassphraseSource::Given(SecretString::from(typed)))
    }

    fn owners_own(&self) -> Option<PassphraseSource> {
        if let Some(file) = &self.owner_passphrase_file {
            return Some(PassphraseSource::File(file.clone()));
        }
        let given = environment::variable("FARTHING_OWNER_PASSPHRASE")?;
        Some(PassphraseSource::Given(SecretString::from(given)))
    }

    /// The directory.
    pub(crate) fn directory(&self) -> Result<PathBuf, Failure> {
        let default = || environment::variable("HOME").map(|home| PathBuf::from(home).join(".farthing"));
        let directory = self.directory.clone().or_else(default);
        directory.ok_or_else(|| Failure::wrong_use("there is no home directory; set FARTHING_HOME"))
    }

    /// The wallets in it.
    pub(crate) fn wallets(&self) -> Result<Wallets, Failure> {
        let wallets = farthing_rails::wallets(&self.directory()?);
        let wallets = wallets.map_err(|error| Failure::new(error.to_string()))?.reached_with(password::add);
        Ok(match self.owners_own() {
            Some(source) => wallets.owned_through(source),
            None => wallets,
        })
    }

    /// What opens an existing vault.
    pub(crate) fn passphrase(&self) -> Result<PassphraseSource, Failure> {
        self.source("Passphrase: ", None)
    }

    /// What will open a vault that is about to be made: a person types it twice.
    pub(crate) fn new_passphrase(&self) -> Result<PassphraseSource, Failure> {
        self.source("New passphrase: ", Some("Once more: "))
    }

    /// A client that pays out of a wallet, or with the card in FARTHING_CARD.
    pub(crate) async fn client(&self, name: &WalletName) -> Result<PayingClient, Failure> {
        match card::presented()? {
            Some(token) => self.client_of_card(name, token).await,
            None => self.client_with(name, self.passphrase()?).await,
        }
    }

    /// A client that pays with a card.
    async fn client_of_card(&self, name: &WalletName, token: Token) -> Result<PayingClient, Failure> {
        let wallet = self.wallets()?.open_card(token).map_err(|error| Failure::new(error.to_string()))?;
        // Nobody who names no wallet means that one.
        if name != wallet.name() && name.as_str() != DEFAULT_WALLET {
            let sentence =
                format!("the card in FARTHING_CARD is of {}, not of {name}; leave --wallet out", wallet.name());
            return Err(Failure::wrong_use(sentence));
        }
        self.client_of(wallet).await
    }

    /// The same, with what opens the vault at hand.
    pub(crate) async fn client_with(
        &self,
        name: &WalletName,
        passphrase: PassphraseSource,
    ) -> Result<PayingClient, Failure> {
        if let Some(token) = card::presented()? {
            return self.client_of_card(name, token).await;
        }
        let wallets = self.wallets()?;
        let wallet = wallets.open(name, passphrase).map_err(|error| Failure::new(error.to_string()))?;
        self.client_of(wallet).await
    }

    /// A client that pays out of a wallet that is open.
    pub(crate) async fn client_of(&self, wallet: Wallet) -> Result<PayingClient, Failure> {
        let client = farthing_rails::client_of(&self.wallets()?, wallet).await;
        client.map_err(|error| Failure::new(error.to_string()))
    }

    fn source(&self, question: &str, again: Option<&str>) -> Result<PassphraseSource, Failure> {
        if let Some(file) = &self.passphrase_file {
            return Ok(PassphraseSource::File(file.clone()));
        }
        if let Some(given) = environment::variable("FARTHING_PASSPHRASE") {
            return Ok(PassphraseSource::Given(SecretString::from(given)));
        }
        let directory = self.directory()?;
        if directory.join("vault.key").exists() || !std::io::stdin().is_terminal() {
            if let Some(warning) = PassphraseSource::KeyFile.warning(&directory).filter(|_| again.is_some()) {
                terminal::note(&format!("note: {warning}"));
            }
            return Ok(PassphraseSource::KeyFile);
        }
        let typed = ask(question)?;
        if let Some(again) = again
            && ask(again)? != typed
        {
            return Err(Failure::new("the two passphrases differ; nothing was made"));
        }
        Ok(PassphraseSource::Given(SecretString::from(typed)))
    }
}

fn ask(question: &str) -> Result<String, Failure> {
    rpassword::prompt_password(question).or_fail("the passphrase cannot be read from the terminal")
}
