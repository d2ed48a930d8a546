//! `farthing subscriptions`: what a wallet subscribed to, and ending it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_wallet::subscriptions::Subscription;
use serde_json::json;

use super::home::WhichWallet;
use crate::failure::Failure;
use crate::terminal;

/// What sellers collect period after period.
#[derive(Subcommand)]
pub(crate) enum Subscriptions {
    /// What a wallet subscribed to, the newest first.
    #[command(after_help = "Example:\n  farthing subscriptions list --wallet agent --json")]
    List(WhichWallet),
    /// Have one renewed no more. What is paid stays good until the end of its period.
    #[command(after_help = "Example:\n  farthing subscriptions cancel c3ViX3N0cmlwZV8wMQ --wallet agent")]
    Cancel(Cancel),
}

#[derive(Args)]
pub(crate) struct Cancel {
    /// Its id, or how that begins.
    id: String,
    #[command(flatten)]
    which: WhichWallet,
}

impl Subscriptions {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::List(which) => list(&which)?,
            Self::Cancel(cancel) => cancel.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Cancel {
    async fn run(self) -> Result<(), Failure> {
        let WhichWallet { wallet, json, home } = self.which;
        let client = home.client(&wallet).await?;
        let known = client.wallet().subscriptions().map_err(said)?;
        let mut found = known.iter().filter(|known| known.id.starts_with(&self.id));
        let (Some(one), None) = (found.next(), found.next()) else {
            let sentence = format!(
                "no subscription, or more than one, begins with \"{}\"; see: farthing subscriptions list",
                self.id
            );
            return Err(Failure::wrong_use(sentence));
        };
        let ends = client.cancel_subscription(one).await.map_err(said)?.map_err(Failure::new)?;
        match json {
            true => terminal::say_json(&json!({ "id": one.id, "state": "canceled", "ends": ends })),
            false => {
                terminal::say(&format!("the subscription {} at {} ends {ends} and is not renewed", one.id, one.origin));
            }
        }
        Ok(())
    }
}

fn list(which: &WhichWallet) -> Result<(), Failure> {
    let wallets = which.home.wallets()?;
    let wallet = wallets.open(&which.wallet, which.home.passphrase()?).map_err(said)?;
    let known = wallet.subscriptions().map_err(said)?;
    if which.json {
        terminal::say_json(&known.iter().map(|known| json!(known)).collect());
        return Ok(());
    }
    if known.is_empty() {
        terminal::say(&format!("{} subscribed to nothing", which.wallet));
        return Ok(());
    }
    let row = |known: &Subscription| {
        let state = known.ends.as_ref().map_or("renewed".to_owned(), |ends| format!("ends {ends}"));
        vec![known.id.clone(), known.origin.clone(), known.price.clone(), known.period.clone(), state]
    };
    terminal::say_table(
        &["subscription", "seller", "price", "period", "state"],
        2,
        &known.iter().map(row).collect::<Vec<_>>(),
    );
    Ok(())
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
