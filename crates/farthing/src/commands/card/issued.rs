//! Cards that Stripe issues: made with controls out of the policy, stopped and ended here and there.

use std::process::ExitCode;

use clap::Args;
use farthing_books::audit::Event;
use farthing_money::Price;
use farthing_rail_stripe::asset_of;
use farthing_rail_stripe::issuing::{Controls, Interval, IssuingAccount, Status};
use farthing_wallet::issued::{IssuedCard, IssuedState};
use farthing_wallet::{Policy, WalletName, Wallets};
use serde_json::{Value, json};

use super::said;
use crate::commands::freeze;
use crate::commands::home::{Home, WhichWallet};
use crate::failure::{Failure, OrFail};
use crate::{clock, environment, terminal};

/// What an issuing account is kept under.
const ISSUING: &str = "stripe-issuing";
const VERSION: &str = "2026-04-22.preview";

#[derive(Args)]
pub(crate) struct Issue {
    /// The cardholder in your account at Stripe, ich_...; kept after the first card.
    #[arg(long, value_name = "ICH")]
    cardholder: Option<String>,
    /// The variable of the environment that holds a restricted key that may write cards; kept after the first card.
    #[arg(long, value_name = "NAME", requires = "cardholder")]
    key_env: Option<String>,
    /// A kind of merchant that may be paid, in Stripe's word; repeat for several. Any, if absent.
    #[arg(long = "category", value_name = "WORD")]
    categories: Vec<String>,
    /// A country whose merchants may be paid, two letters; repeat for several. Any, if absent.
    #[arg(long = "country", value_name = "CC")]
    countries: Vec<String>,
    /// A double of Stripe on this machine.
    #[arg(long, value_name = "URL", requires = "cardholder")]
    api_base: Option<String>,
    #[command(flatten)]
    which: WhichWallet,
}

impl Issue {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let WhichWallet { wallet: name, json, home } = &self.which;
        let wallets = home.wallets()?;
        let wallet = wallets.open(name, home.passphrase()?).map_err(said)?;
        let policy = wallets.policy(name).map_err(said)?;
        let policy = policy.ok_or_else(|| {
            Failure::new(format!("{name} has no policy; run: farthing policy set --wallet {name} --total \"1 USD\""))
        })?;
        let account = match &self.cardholder {
            Some(cardholder) => {
                let key = self.key_env.as_deref().and_then(environment::variable);
                let key = key.ok_or_else(|| Failure::wrong_use("name where the key is: --key-env NAME"))?;
                let account =
                    IssuingAccount::new(key.trim(), cardholder, VERSION, self.api_base.as_deref()).map_err(said)?;
                wallet.keep_funding(ISSUING, &account.to_bytes().map_err(said)?).map_err(said)?;
                account
            }
            None => account_of(&wallets, home, name)?.ok_or_else(|| {
                Failure::wrong_use("name the account for the first card: --cardholder ich_... --key-env NAME")
            })?,
        };
        let controls = self.controls(&policy)?;
        let at = clock::now();
        let label = format!("{name}_{}", at.unix_millis());
        let made = account.create(policy.currency.as_str(), name.as_str(), &label, &controls).await.map_err(said)?;
        let card = IssuedCard { id: made.id, last4: made.last4, currency: made.currency, created_at: at.to_rfc3339() };
        wallets.keep_issued(name, &card).map_err(said)?;
        match json {
            true => terminal::say_json(&to_json(&wallets, name, &card)),
            false => {
                terminal::say(&card.id);
                terminal::note(&format!(
                    "the card ending in {} pays for {name}, once `farthing card serve` answers Stripe; its number is in Stripe's dashboard",
                    card.last4
                ));
            }
        }
        Ok(())
    }

    /// The controls that Stripe holds the card to when nobody answers: never more than the policy says.
    fn controls(&self, policy: &Policy) -> Result<Controls, Failure> {
        let asset = asset_of(policy.currency.as_str()).or_fail("the policy's currency")?;
        let limits = [
            (Interval::PerAuthorization, policy.per_payment),
            (Interval::Daily, policy.per_day),
            (Interval::AllTime, policy.total),
        ];
        let units = |price: Price| Controls::within(price.millionths(), &asset);
        let limits = limits.into_iter().filter_map(|(interval, limit)| Some((interval, units(limit?)))).collect();
        Ok(Controls { limits, categories: self.categories.clone(), countries: self.countries.clone() })
    }
}

/// What is to be done with an issued card.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Freeze,
    Thaw,
    Revoke,
}

/// Does it here first, where it holds at once, and then at Stripe. `None` where no issued card begins so.
pub(super) async fn step(home: &Home, begins: &str, step: Step) -> Result<Option<ExitCode>, Failure> {
    let wallets = home.wallets()?;
    let Some((wallet, card)) = wallets.issued_card(begins).map_err(said)? else { return Ok(None) };
    let (status, event, word) = match step {
        Step::Freeze => (Status::Inactive, Event::Frozen, "frozen; every use of it is declined"),
        Step::Thaw => (Status::Active, Event::Thawed, "decided about by the policy again"),
        Step::Revoke => (Status::Canceled, Event::Revoked, "over for ever"),
    };
    match step {
        Step::Freeze => wallets.freeze_issued(&wallet, &card.id),
        Step::Thaw => wallets.thaw_issued(&wallet, &card.id),
        Step::Revoke => wallets.end_issued(&wallet, &card.id),
    }
    .map_err(said)?;
    let sentence = format!("the card {} is {word}", card.id);
    terminal::say(&sentence);
    freeze::note(&wallets, event, Some(&wallet), &sentence).await;
    let told = match account_of(&wallets, home, &wallet)? {
        Some(account) => account.set_status(&card.id, status).await.map_err(|error| error.to_string()),
        None => Err("the issuing account is not kept here".to_owned()),
    };
    if let Err(error) = told {
        terminal::complain(&format!(
            "Stripe was not told ({error}); here it holds, and the same command tells it again"
        ));
        return Ok(Some(ExitCode::from(5)));
    }
    Ok(Some(ExitCode::SUCCESS))
}

/// The cards that Stripe issued for a wallet.
pub(super) fn list(which: &WhichWallet) -> Result<(), Failure> {
    let wallets = which.home.wallets()?;
    let cards = wallets.issued(&which.wallet).map_err(said)?;
    let shown: Vec<Value> = cards.iter().map(|card| to_json(&wallets, &which.wallet, card)).collect();
    if which.json {
        terminal::say_json(&shown.into());
        return Ok(());
    }
    let text = |card: &Value, name: &str| card.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let row = |card: &Value| ["id", "last4", "currency", "state"].map(|name| text(card, name)).to_vec();
    match shown.is_empty() {
        true => terminal::say(&format!("Stripe issued no card for {}", which.wallet)),
        false => terminal::say_table(
            &["card", "ends in", "currency", "state"],
            4,
            &shown.iter().map(row).collect::<Vec<_>>(),
        ),
    }
    Ok(())
}

fn account_of(wallets: &Wallets, home: &Home, name: &WalletName) -> Result<Option<IssuingAccount>, Failure> {
    // A frozen wallet may still be stopped further: this pays nothing.
    let wallet = wallets.open_to_unwind(name, home.passphrase()?).map_err(said)?;
    let kept = wallet.funding(ISSUING).map_err(said)?;
    kept.map(|bytes| IssuingAccount::from_bytes(&bytes)).transpose().map_err(said)
}

fn to_json(wallets: &Wallets, wallet: &WalletName, card: &IssuedCard) -> Value {
    let state = match wallets.issued_state(wallet, &card.id) {
        IssuedState::Ready => "ready",
        IssuedState::Frozen => "frozen",
        IssuedState::Ended => "ended",
    };
    json!({
        "id": card.id, "wallet": wallet.as_str(), "issuer": "stripe", "last4": card.last4, "currency": card.currency,
        "created_at": card.created_at, "state": state,
    })
}
