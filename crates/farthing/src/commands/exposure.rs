//! `farthing exposure`: the most that can still leave.

use std::process::ExitCode;

use clap::Args;
use farthing_money::Price;
use farthing_wallet::exposure::Exposure as Figures;
use farthing_wallet::{WalletName, Wallets};
use serde_json::{Value, json};

use super::freeze::permissions;
use super::home::Home;
use crate::failure::Failure;
use crate::terminal;

#[derive(Args)]
pub(crate) struct Exposure {
    /// The wallet; all of them, if absent.
    #[arg(long)]
    wallet: Option<WalletName>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

/// What was found of one wallet.
pub(super) struct Found {
    wallet: WalletName,
    figures: Vec<Figures>,
    permissions: Vec<(String, Price)>,
    silent: Vec<String>,
}

impl Exposure {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        let names = match self.wallet {
            Some(name) => vec![name],
            None => wallets.list().map_err(said)?.into_iter().map(|wallet| wallet.name).collect(),
        };
        let found = find(&self.home, &wallets, &names).await?;
        match self.json {
            true => terminal::say_json(&found.iter().map(Found::to_json).collect()),
            false => found.iter().for_each(Found::say),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What can still leave these wallets, chains asked.
pub(super) async fn find(home: &Home, wallets: &Wallets, names: &[WalletName]) -> Result<Vec<Found>, Failure> {
    let mut all = Vec::new();
    for name in names {
        let mut figures = wallets.exposure(name).await.map_err(said)?;
        let permissions::Found { permissions, silent } = permissions::find(home, wallets, name).await?;
        for (_, price) in &permissions {
            let currency = price.currency();
            match figures.iter_mut().find(|figures| figures.currency == currency) {
                Some(known) => *known = known.clone().with_allowed(*price),
                None => figures.push(Figures::none(currency).with_allowed(*price)),
            }
        }
        all.push(Found { wallet: name.clone(), figures, permissions, silent });
    }
    Ok(all)
}

impl Found {
    /// Whether nothing can leave any more, as far as everybody asked could say.
    pub(super) fn is_nothing(&self) -> bool {
        self.silent.is_empty() && self.figures.iter().all(|figures| figures.total().millionths() == 0)
    }

    pub(super) fn say(&self) {
        if self.figures.is_empty() {
            terminal::say(&format!("{}: nothing can leave; it has no policy", self.wallet));
        }
        for figures in &self.figures {
            let again = if figures.renews { ", and as much again with time" } else { "" };
            terminal::say(&format!("{}: at most {} can still leave", self.wallet, figures.total()));
            terminal::say(&format!("  {} by what the limits leave now{again}", figures.room));
            if figures.through_cards.millionths() > 0 {
                terminal::say(&format!("    {} of that through its cards", figures.through_cards));
            }
            if figures.prepaid.millionths() > 0 {
                terminal::say(&format!("  {} by topping up balances at sellers", figures.prepaid));
            }
            terminal::say(&format!("  {} in sessions", figures.deposits));
            terminal::say(&format!("  {} by what is signed and not known to be used", figures.signed));
            terminal::say(&format!("  {} by what others may move without asking", figures.allowed));
        }
        for (what, price) in &self.permissions {
            terminal::say(&format!("    {price} by {what}"));
        }
        for sentence in &self.silent {
            terminal::complain(&format!("{}: what others may move there is not known: {sentence}", self.wallet));
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let figures = self.figures.iter().map(|figures| {
            json!({
                "currency": figures.currency.as_str(),
                "total": figures.total().to_string(),
                "room": figures.room.to_string(),
                "room_renews": figures.renews,
                "through_cards": figures.through_cards.to_string(),
                "prepaid": figures.prepaid.to_string(),
                "sessions": figures.deposits.to_string(),
                "signed": figures.signed.to_string(),
                "allowed": figures.allowed.to_string(),
            })
        });
        let permission = |(what, price): &(String, Price)| json!({ "what": what, "amount": price.to_string() });
        json!({
            "wallet": self.wallet.as_str(),
            "exposures": figures.collect::<Vec<_>>(),
            "permissions": self.permissions.iter().map(permission).collect::<Vec<_>>(),
            "not_known": self.silent,
        })
    }
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
