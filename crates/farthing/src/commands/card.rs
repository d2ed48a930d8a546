//! `farthing card`: virtual cards, each a wallet's key within limits of its own, handed over as one token.

mod issued;
mod on_chain;
mod serve;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_books::audit::Event;
use farthing_money::Price;
use farthing_rail::Origin;
use farthing_wallet::{Card as Made, CardTerms, Token, WalletName};
use serde_json::{Value, json};

use super::freeze;
use super::home::{Home, WhichWallet};
use super::key::delegated::Lasting;
use crate::failure::{Failure, OrFail};
use crate::{clock, environment, terminal};

/// The card that was handed to this process, if any.
pub(crate) fn presented() -> Result<Option<Token>, Failure> {
    let Some(text) = environment::variable("FARTHING_CARD").filter(|text| !text.is_empty()) else { return Ok(None) };
    Token::parse(&text).map(Some).or_fail("FARTHING_CARD")
}

/// Virtual cards of a wallet.
#[derive(Subcommand)]
pub(crate) enum Card {
    /// Make a card and print its token, once. An agent that has it in FARTHING_CARD pays within the card's limits
    /// and the wallet's, and can do nothing else.
    #[command(after_help = "Examples:\n  farthing card create --wallet agent --amount \"1 USD\"\n  \
        farthing card create --amount \"5 USD\" --origin https://api.example.com --payments 20 --expires 7d\n  \
        farthing card create --amount \"5 USD\" --expires 7d --on-chain   # a key whose limit Tempo keeps\n  \
        FARTHING_CARD=$(farthing card create --amount \"1 USD\" --single-use) farthing pay https://api.example.com/v1\n\n\
        The token is the only thing on standard output. It is kept nowhere: who loses it makes another card.")]
    Create(Create),
    /// Have Stripe issue a real virtual card for a wallet: the wallet's policy decides about every use of it.
    #[command(
        after_help = "Examples:\n  farthing card issue --wallet agent --cardholder ich_1abc --key-env STRIPE_ISSUING_KEY\n  \
        farthing card issue --wallet agent --category computer_software_stores --country US\n\n\
        Stripe asks before each use: run `farthing card serve` where it can. The number stays at Stripe."
    )]
    Issue(issued::Issue),
    /// The cards that Stripe issued for a wallet.
    #[command(after_help = "Example:\n  farthing card issued --wallet agent --json")]
    Issued(WhichWallet),
    /// Answer Stripe, which asks before an issued card is used.
    #[command(
        after_help = "Example:\n  STRIPE_ISSUING_WEBHOOK=whsec_... farthing card serve --listen 127.0.0.1:4040\n\n\
        Put a proxy with TLS in front of it, and name https://HOST/webhooks/stripe-issuing in Stripe's dashboard for\n\
        issuing_authorization.* and issuing_transaction.created. While it does not run, every use is declined."
    )]
    Serve(serve::Serve),
    /// The cards of a wallet, the newest first.
    #[command(after_help = "Example:\n  farthing card list --wallet agent --json")]
    List(WhichWallet),
    /// One card: its limits, what it spent, when it ends.
    #[command(after_help = "Example:\n  farthing card show 4f2a8c11")]
    Show(One),
    /// Stop a card at once, in every process, until it is thawed.
    #[command(after_help = "Example:\n  farthing card freeze 4f2a8c11")]
    Freeze(One),
    /// Let a frozen card pay again.
    #[command(after_help = "Example:\n  farthing card thaw 4f2a8c11")]
    Thaw(One),
    /// End a card for ever: its key is destroyed, and taken off the chain if it is one of a chain.
    #[command(after_help = "Example:\n  farthing card revoke 4f2a8c11\n\n\
        Exit codes: 0 it is over, 5 it is frozen and its chain has not forgotten its key (the same command goes on).")]
    Revoke(One),
}

#[derive(Args)]
pub(crate) struct Create {
    /// The most that it ever pays, fees included.
    #[arg(long)]
    amount: Price,
    /// Where it pays; repeat for several. Anywhere the wallet may, if absent.
    #[arg(long = "origin", value_name = "URL")]
    origins: Vec<Origin>,
    /// Whom it pays, as payment methods name payees; repeat for several.
    #[arg(long = "payee", value_name = "PAYEE")]
    payees: Vec<String>,
    /// How often it pays; the opening of a session is one payment.
    #[arg(long, value_name = "N", conflicts_with = "single_use")]
    payments: Option<u64>,
    /// It pays once.
    #[arg(long)]
    single_use: bool,
    /// After how long it ends.
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    expires: Lasting,
    /// What you call it.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    on_chain: on_chain::OnChain,
    #[command(flatten)]
    which: WhichWallet,
}

#[derive(Args)]
pub(crate) struct One {
    /// The card's id, or how it begins.
    id: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

impl Card {
    /// What is to be done with a card that Stripe issued, whose ids begin with ic_.
    fn issued_step(&self) -> Option<(&One, issued::Step)> {
        let (one, step) = match self {
            Self::Freeze(one) => (one, issued::Step::Freeze),
            Self::Thaw(one) => (one, issued::Step::Thaw),
            Self::Revoke(one) => (one, issued::Step::Revoke),
            _ => return None,
        };
        one.id.starts_with("ic_").then_some((one, step))
    }

    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        if let Some((one, step)) = self.issued_step()
            && let Some(code) = issued::step(&one.home, &one.id, step).await?
        {
            return Ok(code);
        }
        match self {
            Self::Create(create) => create.run().await?,
            Self::Issue(issue) => issue.run().await?,
            Self::Issued(which) => issued::list(&which)?,
            Self::Serve(serve) => return serve.run().await,
            Self::List(which) => list(&which).await?,
            Self::Show(one) => one.show().await?,
            Self::Freeze(one) => {
                let card = one.home.wallets()?.freeze_card(&one.id).map_err(said)?;
                one.done(Event::Frozen, &card, &format!("the card {} is frozen and signs nothing", card.id)).await?;
            }
            Self::Thaw(one) => {
                let card = one.home.wallets()?.thaw_card(&one.id).map_err(said)?;
                one.done(Event::Thawed, &card, &freeze::card_thawed(&card)).await?;
            }
            Self::Revoke(one) => return one.revoke().await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    async fn run(self) -> Result<(), Failure> {
        let WhichWallet { wallet, json, home } = self.which;
        let Lasting(lasting) = self.expires;
        let terms = CardTerms {
            name: self.name,
            amount: self.amount,
            origins: self.origins,
            payees: self.payees,
            payments: if self.single_use { Some(1) } else { self.payments },
            expires: Some(clock::now().after(lasting)),
            methods: Vec::new(),
        };
        let (token, card) = match self.on_chain.is_meant() {
            true => self.on_chain.create(&home, &wallet, terms).await?,
            false => home.wallets()?.create_card(&wallet, &terms, &home.passphrase()?).map_err(said)?,
        };
        if json {
            let mut shown = to_json(&card);
            shown["token"] = token.expose().into();
            terminal::say_json(&shown);
            return Ok(());
        }
        let ends =
            card.expires_at.map_or_else(|| "it has no end".to_owned(), |end| format!("until {}", end.to_rfc3339()));
        terminal::note(&format!("card {} of {wallet}: up to {}, {ends}", card.id, self.amount));
        terminal::note("the token is shown once; hand it over as FARTHING_CARD:");
        terminal::say(token.expose());
        Ok(())
    }
}

impl One {
    async fn show(self) -> Result<(), Failure> {
        let wallets = self.home.wallets()?;
        let card = wallets.card(&self.id).map_err(said)?;
        let spending = wallets.card_spending(&card).await.map_err(said)?;
        if self.json {
            let mut shown = to_json(&card);
            shown["spent"] = spending.map(|spending| spending.total.spent.to_string()).into();
            shown["reserved"] = spending.map(|spending| spending.total.reserved.to_string()).into();
            terminal::say_json(&shown);
            return Ok(());
        }
        terminal::say(&format!("{}  {} of {}, made {}", card.id, card.name, card.wallet, card.created_at));
        if let Some(end) = card.expires_at {
            terminal::say(&format!("ends {}", end.to_rfc3339()));
        }
        if let Some(spending) = spending {
            terminal::say(&format!("spent {}, reserved {}", spending.total.spent, spending.total.reserved));
        }
        terminal::say(&state(&card));
        if let Some(policy) = &card.policy {
            terminal::say(policy.to_toml().map_err(said)?.trim_end());
        }
        Ok(())
    }

    /// Ends the card. One of a chain is stopped here first, and taken off the chain before its key is destroyed, so that
    /// the same command goes on where the chain did not answer.
    async fn revoke(self) -> Result<ExitCode, Failure> {
        let wallets = self.home.wallets()?;
        let card = wallets.freeze_card(&self.id).map_err(said)?;
        if let Some(delegation) = &card.delegation
            && let Some(obstacle) = on_chain::take_back(&self.home, &card, delegation).await?
        {
            terminal::complain(&format!(
                "the card {} is frozen, and the chain still lets its key spend: {obstacle}; run the same command again",
                card.id
            ));
            return Ok(ExitCode::from(5));
        }
        let card = wallets.revoke_card(&self.id).map_err(said)?;
        let sentence = format!("the card {} is revoked; its key is destroyed", card.id);
        self.done(Event::Revoked, &card, &sentence).await?;
        Ok(ExitCode::SUCCESS)
    }

    /// Says what was done with a card, here and in the log.
    async fn done(&self, event: Event, card: &Made, sentence: &str) -> Result<(), Failure> {
        match self.json {
            true => terminal::say_json(&to_json(card)),
            false => terminal::say(sentence),
        }
        freeze::note(&self.home.wallets()?, event, Some(&card.wallet), sentence).await;
        Ok(())
    }
}

async fn list(which: &WhichWallet) -> Result<(), Failure> {
    let wallets = which.home.wallets()?;
    let cards = wallets.cards(&which.wallet).map_err(said)?;
    if which.json {
        terminal::say_json(&cards.iter().map(to_json).collect());
        return Ok(());
    }
    let mut rows = Vec::new();
    for card in &cards {
        let spent = wallets.card_spending(card).await.map_err(said)?;
        let limit = card.policy.as_ref().and_then(|policy| policy.total);
        let text = |price: Option<Price>| price.map_or("-".to_owned(), |price| price.to_string());
        rows.push(vec![
            card.id.get(..8).unwrap_or_default().to_owned(),
            card.name.clone(),
            card.expires_at.map_or("-".to_owned(), |end| end.to_rfc3339()),
            state(card),
            text(limit),
            text(spent.map(|spending| spending.total.spent)),
        ]);
    }
    match rows.is_empty() {
        true => terminal::say(&no_cards(&which.wallet)),
        false => terminal::say_table(&["card", "name", "ends", "state", "limit", "spent"], 4, &rows),
    }
    Ok(())
}

fn no_cards(wallet: &WalletName) -> String {
    format!("{wallet} has no cards; make one with: farthing card create --wallet {wallet} --amount \"1 USD\"")
}

fn state(card: &Made) -> String {
    let has_ended = card.expires_at.is_some_and(|end| end < clock::now());
    match (&card.stopped, has_ended) {
        (_, true) => "ended".to_owned(),
        (Some(_), _) => "frozen".to_owned(),
        (None, _) => "ready".to_owned(),
    }
}

/// A card as scripts read it; without its token, which nobody has but its holder.
fn to_json(card: &Made) -> Value {
    json!({
        "id": card.id,
        "name": card.name,
        "wallet": card.wallet.as_str(),
        "created_at": card.created_at,
        "expires_at": card.expires_at.map(|end| end.to_rfc3339()),
        "state": state(card),
        "policy": card.policy.as_ref().map(super::policy::to_json),
        "on_chain": card.delegation.is_some(),
    })
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
