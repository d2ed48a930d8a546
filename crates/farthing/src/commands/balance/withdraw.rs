//! `farthing balance withdraw`: a balance back to its payer's bank account.

use std::process::ExitCode;

use clap::Args;
use farthing_money::Price;
use serde_json::{Value, json};

use crate::commands::admin::Admin;
use crate::failure::Failure;
use crate::{environment, terminal};

#[derive(Args)]
pub(crate) struct Withdraw {
    #[command(flatten)]
    admin: Admin,
    /// Whose balance.
    #[arg(long)]
    payer: String,
    /// How much, such as "5 USD"; without it, all of the balance in --currency, down to whole cents.
    #[arg(long, required_unless_present = "currency")]
    amount: Option<Price>,
    /// Which balance, when all of it goes.
    #[arg(long, conflicts_with = "amount")]
    currency: Option<String>,
    /// The payer's account: an IBAN, or a number where there are none.
    #[arg(long)]
    to: String,
    /// The name on that account.
    #[arg(long)]
    name: String,
    /// Over which rail, where there are several.
    #[arg(long)]
    rail: Option<String>,
    /// A name for this payout: the same name pays once, however often it is sent.
    #[arg(long)]
    id: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Withdraw {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let currency = self.amount.map(|amount| amount.currency().to_string()).or(self.currency);
        let by = environment::variable("USER").unwrap_or_else(|| "operator".to_owned());
        let order = json!({
            "payer": self.payer,
            "currency": currency,
            "amount": self.amount.map(|amount| amount.to_string()),
            "name": self.name,
            "account": self.to,
            "rail": self.rail,
            "id": self.id,
            "by": by,
        });
        let payout = self.admin.call(http::Method::POST, "/admin/payouts", Some(order)).await?;
        if self.json {
            terminal::say_json(&payout);
            return Ok(ExitCode::SUCCESS);
        }
        let text = |member: &str| payout.get(member).and_then(Value::as_str).unwrap_or("?").to_owned();
        terminal::say(&format!(
            "{} left the balance and is {}: {}; `farthing books payout --out FOLDER` writes the bank's file",
            text("display"),
            text("state"),
            text("id")
        ));
        Ok(ExitCode::SUCCESS)
    }
}
