//! `farthing wallet fund --stripe`: a card in the agent's own account at Stripe.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use farthing_rail_stripe::METHOD;
use farthing_rail_stripe::buyer::{Funding, Issue};
use farthing_wallet::WalletName;
use serde_json::json;
use zeroize::Zeroizing;

use crate::commands::home::Home;
use crate::failure::{Failure, OrFail};
use crate::{environment, terminal};

/// The version of the API that is spoken where none is named.
const VERSION: &str = "2026-04-22.preview";

/// Which card, and who may have tokens issued for it.
#[derive(Args)]
pub(crate) struct ByCard {
    /// Pay by card through Stripe: keep a key of the agent's account and a payment method in it, sealed.
    #[arg(long)]
    stripe: bool,
    /// Forget the card.
    #[arg(long, requires = "stripe", conflicts_with = "payment_method")]
    remove: bool,
    /// The payment method in the agent's account, such as pm_1abc.
    #[arg(long, value_name = "PM", requires = "stripe")]
    payment_method: Option<String>,
    /// The variable of the environment that holds the key of the agent's account.
    #[arg(long, value_name = "NAME", requires = "stripe", conflicts_with = "key_file")]
    key_env: Option<String>,
    /// The file that holds it.
    #[arg(long, value_name = "PATH", requires = "stripe")]
    key_file: Option<PathBuf>,
    /// In Stripe's test mode, with the key of the seller that is tried out: tokens by its test helper.
    #[arg(long, requires = "stripe")]
    test_helper: bool,
    /// Another version of Stripe's API.
    #[arg(long, value_name = "VERSION", requires = "stripe")]
    stripe_version: Option<String>,
    /// A double of Stripe on this machine.
    #[arg(long, value_name = "URL", requires = "stripe")]
    api_base: Option<String>,
}

impl ByCard {
    /// Whether a card is meant.
    pub(super) fn is_meant(&self) -> bool {
        self.stripe
    }

    pub(super) fn keep(&self, name: &WalletName, home: &Home, as_json: bool) -> Result<ExitCode, Failure> {
        let say = |error: farthing_wallet::WalletsError| Failure::new(error.to_string());
        if self.remove {
            home.wallets()?.remove_funding(name, METHOD).map_err(say)?;
            return Ok(self.done(name, "none", as_json));
        }
        let payment_method = self.payment_method.as_deref();
        let payment_method = payment_method
            .ok_or_else(|| Failure::new("name the card with --payment-method, an id of Stripe's such as pm_1abc"))?;
        let issue = if self.test_helper { Issue::TestHelper } else { Issue::Issued };
        let version = self.stripe_version.as_deref().unwrap_or(VERSION);
        let funding = Funding::new(&self.key()?, payment_method, issue, version, self.api_base.as_deref());
        let bytes = funding.and_then(|funding| funding.to_bytes()).or_fail("the card cannot be kept")?;
        let wallet = home.wallets()?.open(name, home.passphrase()?).map_err(say)?;
        wallet.keep_funding(METHOD, &bytes).map_err(say)?;
        Ok(self.done(name, payment_method, as_json))
    }

    /// The key, out of the environment or a file: an argument is read by whoever lists processes.
    fn key(&self) -> Result<Zeroizing<String>, Failure> {
        let text = match (&self.key_env, &self.key_file) {
            (Some(name), None) => environment::variable(name)
                .ok_or_else(|| Failure::new(format!("{name} is not set; put the key of the agent's account in it")))?,
            (None, Some(path)) => {
                std::fs::read_to_string(path).or_fail(&format!("{} cannot be read", path.display()))?
            }
            _ => return Err(Failure::new("name where the key is: --key-env NAME or --key-file PATH")),
        };
        Ok(Zeroizing::new(Zeroizing::new(text).trim().to_owned()))
    }

    fn done(&self, name: &WalletName, payment_method: &str, as_json: bool) -> ExitCode {
        if as_json {
            terminal::say_json(&json!({ "wallet": name.as_str(), "stripe": payment_method }));
        } else if self.remove {
            terminal::say(&format!("{name} pays by no card any more"));
        } else {
            terminal::say(&format!("{name} pays by {payment_method} through Stripe, within its limits"));
        }
        ExitCode::SUCCESS
    }
}
