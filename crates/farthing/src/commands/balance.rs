//! `farthing balance`: prepaid balances at a gateway.

mod carry;
mod topup;
mod withdraw;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_money::Price;
use serde_json::{Value, json};

use super::admin::Admin;
use crate::failure::Failure;
use crate::terminal;

/// Prepaid balances at a gateway.
#[derive(Subcommand)]
pub(crate) enum Balance {
    /// Give a payer development money. Refused outside development.
    #[command(
        after_help = "Example:\n  farthing balance grant --admin http://127.0.0.1:4021 --payer did:key:z6Mk... --amount \"1 USD\""
    )]
    Grant(Grant),
    /// Order a top-up: prints the account, the reference and the amount for a bank transfer.
    #[command(
        after_help = "Example:\n  farthing balance topup --gateway http://127.0.0.1:4020 --wallet agent --amount \"5 USD\""
    )]
    Topup(topup::TopUp),
    /// Pay a balance back to its payer's bank account, in whole cents; the rest stays.
    #[command(
        after_help = "Example:\n  farthing balance withdraw --payer did:key:z6Mk... --currency EUR --to \"DE89 3704 0044 0532 0130 00\" --name \"Erika Mustermann\""
    )]
    Withdraw(withdraw::Withdraw),
    /// Move a part of a payer's balance to another shop's books, wherever those are. Asking again goes on or changes
    /// nothing.
    #[command(after_help = "Example:\n  farthing balance move --payer did:key:z6Mk... --amount \"5 USD\" \\\n    \
        --from \"postgres://gate@one.example.com/money?schema=shop_1\" \\\n    \
        --to \"postgres://gate@two.example.com/money?schema=shop_2\"\n\n\
        Interrupted, it is held and cannot be spent: run the same command again, or with --call-back to give it back. \
        `farthing books verify --data ONE --with TWO` compares both books. Books in a file: stop their gateway first.")]
    Move(carry::Move),
    /// What a payer has left.
    #[command(after_help = "Example:\n  farthing balance show --admin http://127.0.0.1:4021 --payer did:key:z6Mk...")]
    Show(Show),
}

/// Whose balance, at which gateway.
#[derive(Args)]
struct Account {
    #[command(flatten)]
    admin: Admin,
    /// The payer, as `farthing wallet show` prints it.
    #[arg(long)]
    payer: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Grant {
    #[command(flatten)]
    account: Account,
    /// How much, such as "1 USD".
    #[arg(long)]
    amount: Price,
    /// A name for this grant: the same name grants once, however often it is sent.
    #[arg(long)]
    id: Option<String>,
}

#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    account: Account,
}

impl Balance {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Grant(grant) => grant.run().await,
            Self::Topup(order) => order.run().await,
            Self::Move(order) => order.run().await,
            Self::Withdraw(order) => order.run().await,
            Self::Show(show) => show.run().await,
        }
    }
}

impl Grant {
    async fn run(self) -> Result<ExitCode, Failure> {
        let mut order = json!({ "payer": self.account.payer, "amount": self.amount.to_string() });
        if let (Some(id), Some(order)) = (self.id, order.as_object_mut()) {
            order.insert("id".into(), id.into());
        }
        let answer = self.account.admin.call(http::Method::POST, "/admin/balance/grant", Some(order)).await?;
        if self.account.json {
            terminal::say_json(&answer);
        } else {
            terminal::say(&format!("granted {} to {}", self.amount, self.account.payer));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(self) -> Result<ExitCode, Failure> {
        let answer = self.account.admin.call(http::Method::GET, "/admin/accounts", None).await?;
        let name = format!("payer/{}", self.account.payer);
        let accounts = answer.get("accounts").and_then(Value::as_array).cloned().unwrap_or_default();
        let own: Vec<Value> = accounts
            .into_iter()
            .filter(|account| account.get("account").and_then(Value::as_str) == Some(&name))
            .collect();
        if self.account.json {
            terminal::say_json(&json!({ "payer": self.account.payer, "accounts": own }));
        } else if own.is_empty() {
            terminal::say(&format!("{} has no balance here", self.account.payer));
        } else {
            for account in own {
                let text = |member: &str| account.get(member).and_then(Value::as_str).unwrap_or("?").to_owned();
                terminal::say(&format!("{} ({})", text("balance"), text("asset")));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
