use std::process::ExitCode;

use clap::Args;
use farthing_wallet::{Ambient, WalletName};
use serde_json::json;

use crate::commands::home::Home;
use crate::failure::Failure;
use crate::{clock, terminal};

/// Make the token by which an agent is known.
#[derive(Args)]
pub(crate) struct Token {
    /// The wallet that whoever has the token pays out of.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    /// End the token, within a second, and make none.
    #[arg(long)]
    revoke: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

impl Token {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
        let wallet = &self.wallet;
        let tokens = super::tokens(&self.home)?;
        if self.revoke {
            tokens.revoke(wallet).map_err(|error| failed(&error))?;
            terminal::note(&format!("the token of {wallet} has ended"));
            return Ok(ExitCode::SUCCESS);
        }
        self.home.wallets()?.show(wallet).map_err(|error| failed(&error))?;
        super::authority(&self.home, &[])?;
        let token = tokens.make(wallet, &Ambient::new(clock::now)).map_err(|error| failed(&error))?;
        if self.json {
            terminal::say_json(&json!({ "wallet": wallet.as_str(), "token": token.reveal() }));
            return Ok(ExitCode::SUCCESS);
        }
        terminal::say(token.reveal());
        terminal::note(&format!(
            "It is shown once. An agent uses it as HTTPS_PROXY=http://{wallet}:TOKEN@127.0.0.1:4010, and HTTP_PROXY the same."
        ));
        Ok(ExitCode::SUCCESS)
    }
}
