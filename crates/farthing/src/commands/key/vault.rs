//! Keys of vaults of the Open Wallet Standard: tokens that sign what policies allow.

use std::path::PathBuf;

use clap::Args;
use farthing_keys::{ApiKeyFile, Token};
use farthing_ows::OwsVault;
use farthing_wallet::Ambient;
use secrecy::SecretSlice;
use serde_json::json;

use super::say;
use crate::commands::home::Home;
use crate::failure::{Failure, OrFail};
use crate::{clock, environment, terminal};

/// A key for a wallet of a vault, in place of a wallet's own.
#[derive(Args)]
pub(crate) struct Made {
    /// Make a key of this vault of the Open Wallet Standard instead: a token that signs what policies allow.
    #[arg(long, conflicts_with_all = ["wallet", "kind"], requires_all = ["of", "policies"])]
    vault: Option<PathBuf>,
    /// A wallet of the vault that it signs with, by name or id; repeat for several.
    #[arg(long, requires = "vault")]
    of: Vec<String>,
    /// A policy of the vault, by id; repeat for several. All must allow what is signed.
    #[arg(long = "policy", value_name = "ID", requires = "vault")]
    policies: Vec<String>,
    /// What to call it.
    #[arg(long, requires = "vault", default_value = "agent")]
    name: String,
    /// For how long it signs, such as 30d.
    #[arg(long, requires = "vault")]
    expires: Option<super::delegated::Lasting>,
}

impl Made {
    /// Makes the key and prints its token, which is kept nowhere; `false` when no vault was named.
    pub(super) fn run(&self, home: &Home, as_json: bool) -> Result<bool, Failure> {
        let Some(vault) = self.vault.as_deref().map(OwsVault::at) else { return Ok(false) };
        let passphrase = match environment::variable("OWS_PASSPHRASE") {
            Some(token) if token.starts_with(Token::PREFIX) => {
                return Err(Failure::wrong_use("a token makes no keys; set OWS_PASSPHRASE to the owner's passphrase"));
            }
            Some(passphrase) => SecretSlice::from(passphrase.into_bytes()),
            None => home.passphrase()?.read(&home.directory()?).or_fail("the passphrase")?,
        };
        for policy in &self.policies {
            let policy = vault.policy(policy).map_err(say)?;
            if let Some(rule) = policy.not_understood().first() {
                return Err(Failure::new(format!(
                    "the policy {} has the rule {rule}, which is not understood, so it would allow nothing",
                    policy.id
                )));
            }
        }
        let wallets = self.of.iter().map(|wallet| vault.wallet(wallet)).collect::<Result<Vec<_>, _>>().map_err(say)?;
        let opened: Vec<_> = wallets.iter().map(|wallet| (wallet, &passphrase)).collect();
        let ambient = Ambient::new(clock::now);
        let end = self.expires.map(|lasting| clock::now().after(lasting.0));
        let (token, key) = ApiKeyFile::create(&ambient, &self.name, &opened, &self.policies, end).map_err(say)?;
        vault.add_key(&key).map_err(say)?;
        if as_json {
            terminal::say_json(&json!({ "id": key.id, "name": key.name, "token": token.expose() }));
        } else {
            terminal::say(token.expose());
            terminal::note(
                "note: the token is shown once; whoever has it, and can read the vault, signs within its policies",
            );
        }
        Ok(true)
    }
}
