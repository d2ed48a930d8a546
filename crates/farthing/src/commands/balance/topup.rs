//! `farthing balance topup`: what to write into a bank transfer.

use std::process::ExitCode;

use clap::Args;
use farthing_money::{Amount, Price};
use farthing_rail_balance::PayerKey;
use farthing_wallet::WalletName;
use serde_json::{Value, json};
use url::Url;

use crate::commands::home::Home;
use crate::failure::{Failure, OrFail};
use crate::terminal;

#[derive(Args)]
pub(crate) struct TopUp {
    /// The gateway, as clients reach it.
    #[arg(long)]
    gateway: Url,
    /// Whose balance: a did:key.
    #[arg(long, conflicts_with = "wallet", value_parser = payer_key)]
    payer: Option<PayerKey>,
    /// The wallet whose balance it is.
    #[arg(long)]
    wallet: Option<WalletName>,
    /// How much, such as "5 USD".
    #[arg(long)]
    amount: Price,
    /// Over which rail: the NAME of a [rails.NAME] table of the gateway.
    #[arg(long)]
    rail: Option<String>,
    /// Your own name for this order: the same name orders once.
    #[arg(long)]
    id: Option<String>,
    #[command(flatten)]
    home: Home,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl TopUp {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let payer = match (&self.payer, &self.wallet) {
            (Some(payer), _) => payer.to_string(),
            (None, Some(wallet)) => self.home.wallets()?.show(wallet).or_fail("the wallet")?.did,
            (None, None) => return Err(Failure::wrong_use("name a --payer or a --wallet")),
        };
        let currency = self.amount.currency();
        let number = Amount::new(u128::from(self.amount.millionths())).to_decimal(6);
        let order = json!({
            "payer": payer, "currency": currency.as_str(), "amount": number, "rail": self.rail, "id": self.id,
        });
        let place = self.gateway.join("/balance/topups").or_fail("the gateway's address is not a URL")?;
        let sent = reqwest::Client::new().post(place).json(&order).send().await;
        let response = sent.or_fail("the gateway cannot be reached; is --gateway right?")?;
        let status = response.status();
        let answer: Value = response.json().await.or_fail("the gateway's answer is not JSON")?;
        if !status.is_success() {
            let said = answer.get("detail").and_then(Value::as_str);
            return Err(Failure::new(said.map_or_else(|| format!("the gateway answered {status}"), str::to_owned)));
        }
        if self.json {
            terminal::say_json(&answer);
            return Ok(ExitCode::SUCCESS);
        }
        let text = |value: &Value| terminal_safe(value.as_str().unwrap_or_default());
        for field in answer.get("fields").and_then(Value::as_array).into_iter().flatten() {
            if let [label, value] = field.as_array().map(Vec::as_slice).unwrap_or_default() {
                terminal::say(&format!("{:<15} {}", text(label), text(value)));
            }
        }
        terminal::say("");
        for sentence in answer.get("instructions").and_then(Value::as_array).into_iter().flatten() {
            terminal::say(&text(sentence));
        }
        let id = answer.get("id").map(text).unwrap_or_default();
        terminal::say(&format!("The order is {id}; GET {}balance/topups/{id} says what came.", self.gateway));
        Ok(ExitCode::SUCCESS)
    }
}

/// What a gateway says, without anything that a terminal would obey.
fn terminal_safe(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

fn payer_key(text: &str) -> Result<PayerKey, String> {
    text.parse::<PayerKey>().map_err(|error| error.to_string())
}
