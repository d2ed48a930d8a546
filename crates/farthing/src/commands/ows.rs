//! Vaults of the Open Wallet Standard: where one is, and what is in it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use farthing_ows::{OwsVault, PolicyFile};
use serde_json::{Value, json};

use crate::failure::{Failure, OrFail};
use crate::{environment, terminal};

/// Where a vault is.
#[derive(Args)]
pub(crate) struct Vault {
    /// A vault of the Open Wallet Standard; default ~/.ows.
    #[arg(long)]
    vault: Option<PathBuf>,
}

impl Vault {
    /// The vault.
    pub(crate) fn open(&self) -> Result<OwsVault, Failure> {
        let default = || environment::variable("HOME").map(|home| PathBuf::from(home).join(".ows"));
        let root = self.vault.clone().or_else(default);
        let root = root.ok_or_else(|| Failure::wrong_use("there is no home directory; name the vault with --vault"))?;
        Ok(OwsVault::at(&root))
    }
}

/// Prints the wallets of a vault.
pub(crate) fn list_wallets(vault: &OwsVault, as_json: bool) -> Result<(), Failure> {
    let wallets = vault.wallets().or_fail("the vault")?;
    let listed = wallets.iter().map(|wallet| {
        let accounts: Vec<&str> = wallet.accounts.iter().map(|account| account.account_id.as_str()).collect();
        json!({ "id": wallet.id, "name": wallet.name, "created_at": wallet.created_at, "accounts": accounts })
    });
    print(listed, &["id", "name", "created_at"], as_json);
    Ok(())
}

/// Prints the keys of a vault.
pub(crate) fn list_keys(vault: &OwsVault, as_json: bool) -> Result<(), Failure> {
    let keys = vault.keys().or_fail("the vault")?;
    let listed = keys.iter().map(|key| {
        json!({
            "id": key.id, "name": key.name, "created_at": key.created_at, "expires_at": key.expires_at,
            "wallet_ids": key.wallet_ids, "policy_ids": key.policy_ids,
        })
    });
    print(listed, &["id", "name", "policy_ids"], as_json);
    Ok(())
}

/// Which policies to list.
#[derive(Args)]
pub(crate) struct Policies {
    #[command(flatten)]
    vault: Vault,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Policies {
    /// Prints the policies of a vault, and which of their rules are not understood.
    pub(crate) fn list(self) -> Result<ExitCode, Failure> {
        let policies = self.vault.open()?.policies().or_fail("the vault")?;
        let listed = policies.iter().map(|policy| {
            let mut members = policy.members().clone();
            members.insert("not_understood".into(), policy.not_understood().into());
            Value::Object(members)
        });
        print(listed, &["id", "name", "not_understood"], self.json);
        Ok(ExitCode::SUCCESS)
    }
}

/// A policy that is to go into a vault.
#[derive(Args)]
pub(crate) struct NewPolicy {
    #[command(flatten)]
    vault: Vault,
    /// The policy, as JSON.
    #[arg(long)]
    file: PathBuf,
}

impl NewPolicy {
    /// Puts it there, if all of it is understood.
    pub(crate) fn create(self) -> Result<ExitCode, Failure> {
        let shown = self.file.display().to_string();
        let policy = PolicyFile::from_json(&std::fs::read(&self.file).or_fail(&shown)?).or_fail(&shown)?;
        if let Some(rule) = policy.not_understood().first() {
            return Err(Failure::new(format!("{shown}: the rule {rule} is not understood, so it would allow nothing")));
        }
        let path = self.vault.open()?.add_policy(&policy).or_fail(&shown)?;
        terminal::say(&path.display().to_string());
        Ok(ExitCode::SUCCESS)
    }
}

fn print(listed: impl Iterator<Item = Value>, columns: &[&str], as_json: bool) {
    if as_json {
        terminal::say_json(&listed.collect());
        return;
    }
    for each in listed {
        let text = |column: &&str| match each.get(*column) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) if list.is_empty() => "-".to_owned(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            _ => "-".to_owned(),
        };
        terminal::say(&columns.iter().map(text).collect::<Vec<_>>().join("  "));
    }
}
