//! `farthing approvals webhook`: who is told of what waits.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_wallet::Ambient;
use farthing_wallet::approvals::webhook::{Webhook as Kept, WebhookSecret};
use serde_json::json;

use super::super::home::Home;
use crate::failure::{Failure, OrFail};
use crate::{clock, terminal};

/// Who is told of what waits, and may answer.
#[derive(Subcommand)]
pub(crate) enum Webhook {
    /// Send questions there, signed in the form of Standard Webhooks.
    #[command(after_help = "Examples:\n  farthing approvals webhook set https://hooks.example.com/farthing\n  \
        farthing approvals webhook set https://hooks.example.com/farthing --secret-file secret\n\n\
        The secret signs questions and answers: whoever has it can allow payments. It is printed once, when it is\n\
        made, and kept in a file that only you can read.")]
    Set(Set),
    /// Where questions are sent.
    #[command(after_help = "Example:\n  farthing approvals webhook show")]
    Show(Which),
    /// Send nothing any more. What it allowed and is not paid yet is not allowed any more.
    #[command(after_help = "Example:\n  farthing approvals webhook remove")]
    Remove(Which),
}

#[derive(Args)]
pub(crate) struct Set {
    /// Where; https, or this machine.
    url: String,
    /// A file with a secret that the receiver has already, whsec_...; otherwise one is made.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
}

#[derive(Args)]
pub(crate) struct Which {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

impl Webhook {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Set(set) => set.run()?,
            Self::Show(which) => which.show()?,
            Self::Remove(which) => {
                let removed = Kept::remove(which.home.wallets()?.home());
                removed.or_fail("the webhook is still there")?;
                terminal::note("farthing: nobody is told any more");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Set {
    fn run(self) -> Result<(), Failure> {
        let given = match &self.secret_file {
            None => None,
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| Failure::wrong_use(error.to_string()))?;
                Some(text.trim().parse().map_err(|error| Failure::wrong_use(format!("{error}")))?)
            }
        };
        let is_new = given.is_none();
        let secret = match given {
            Some(secret) => secret,
            None => WebhookSecret::generate(&Ambient::new(clock::now)).or_fail("no secret can be made")?,
        };
        let webhook = Kept::new(&self.url, secret).map_err(|error| Failure::wrong_use(error.to_string()))?;
        let wallets = self.which.home.wallets()?;
        let webhook = match wallets.owner().or_fail("the owner cannot be read")? {
            None => webhook,
            Some(_) => {
                let key = wallets.owner_key(&self.which.home.owner_passphrase()?);
                match key.or_fail("the webhook is signed by the owner")? {
                    Some(key) => webhook.signed(&key),
                    None => webhook,
                }
            }
        };
        webhook.keep(wallets.home()).or_fail("the webhook cannot be kept")?;
        let secret = webhook.secret.reveal();
        match (is_new, self.which.json) {
            (true, true) => terminal::say_json(&json!({ "url": webhook.url.as_str(), "secret": *secret })),
            (false, true) => terminal::say_json(&json!({ "url": webhook.url.as_str() })),
            (true, false) => {
                terminal::note("farthing: give this secret to the receiver; it is not shown again");
                terminal::say(&secret);
            }
            (false, false) => terminal::note("farthing: questions are sent there"),
        }
        Ok(())
    }
}

impl Which {
    fn show(&self) -> Result<(), Failure> {
        let webhook = Kept::of(self.home.wallets()?.home()).or_fail("the webhook cannot be read")?;
        let url = webhook.as_ref().map(|webhook| webhook.url.as_str());
        if self.json {
            terminal::say_json(&json!({ "url": url }));
        } else {
            terminal::say(url.unwrap_or("nobody is told"));
        }
        Ok(())
    }
}
