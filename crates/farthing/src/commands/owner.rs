//! `farthing owner`: the key that signs what wallets may spend.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::home::Home;
use crate::failure::Failure;
use crate::terminal;

/// The key that signs policies.
#[derive(Subcommand)]
pub(crate) enum Owner {
    /// Who owns the wallets here, and what keeps agents from changing their own limits.
    #[command(after_help = "Example:\n  farthing owner show")]
    Show(Show),
    /// Put the owner's key under a passphrase of its own, so that who can pay cannot change limits.
    #[command(
        after_help = "Example:\n  farthing owner protect --owner-passphrase-file ~/owner-passphrase\n\nThe new passphrase comes from --owner-passphrase-file, FARTHING_OWNER_PASSPHRASE or the terminal; the one that\nopens the key now is the wallets', or --old-passphrase-file."
    )]
    Protect(Protect),
}

#[derive(Args)]
pub(crate) struct Show {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

#[derive(Args)]
pub(crate) struct Protect {
    /// A file whose first line opens the owner's key now, if the wallets' passphrase does not.
    #[arg(long)]
    old_passphrase_file: Option<std::path::PathBuf>,
    #[command(flatten)]
    home: Home,
}

impl Owner {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Show(show) => show.run(),
            Self::Protect(protect) => protect.run(),
        }
    }
}

impl Show {
    fn run(&self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        let refused = |error: farthing_wallet::WalletsError| Failure::new(error.to_string());
        let Some(owner) = wallets.owner().map_err(refused)? else {
            if self.json {
                terminal::say_json(&serde_json::Value::Null);
            } else {
                terminal::say("nobody yet: the first farthing wallet create makes an owner");
            }
            return Ok(ExitCode::SUCCESS);
        };
        let shared = wallets.opens_owner(&self.home.passphrase()?).map_err(refused)?;
        if self.json {
            terminal::say_json(&json!({ "public_key": owner.to_hex(), "protected": !shared }));
            return Ok(ExitCode::SUCCESS);
        }
        terminal::say(&format!("the owner's key is {}", owner.to_hex()));
        terminal::say(if shared {
            "what opens the wallets opens the owner's key, too: whoever can pay can change the limits; \
             to separate them, run: farthing owner protect"
        } else {
            "the owner's key has a passphrase of its own: who can pay cannot change the limits"
        });
        Ok(ExitCode::SUCCESS)
    }
}

impl Protect {
    fn run(&self) -> Result<ExitCode, Failure> {
        let old = match &self.old_passphrase_file {
            Some(file) => farthing_wallet::PassphraseSource::File(file.clone()),
            None => self.home.passphrase()?,
        };
        let new = self.home.new_owner_passphrase()?;
        let owner = self.home.wallets()?.protect_owner(&old, &new).map_err(|error| Failure::new(error.to_string()))?;
        terminal::say(&format!(
            "the owner's key {} opens with the new passphrase only; keep that where no agent reads",
            owner.to_hex()
        ));
        Ok(ExitCode::SUCCESS)
    }
}
