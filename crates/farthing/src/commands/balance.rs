//! `farthing balance`: prepaid balances at a gateway, over its admin API.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use farthing_money::Price;
use serde_json::{Value, json};
use url::Url;

use crate::failure::{Failure, OrFail};
use crate::terminal;

/// Prepaid balances at a gateway.
#[derive(Subcommand)]
pub(crate) enum Balance {
    /// Give a payer development money. Refused outside development.
    #[command(
        after_help = "Example:\n  farthing balance grant --admin http://127.0.0.1:4021 --payer did:key:z6Mk... --amount \"1 USD\""
    )]
    Grant(Grant),
    /// What a payer has left.
    #[command(after_help = "Example:\n  farthing balance show --admin http://127.0.0.1:4021 --payer did:key:z6Mk...")]
    Show(Show),
}

/// Where the gateway's admin API is.
#[derive(Args)]
struct Admin {
    /// The gateway's admin address.
    #[arg(long, default_value = "http://127.0.0.1:4021")]
    admin: Url,
    /// The admin token, for a gateway off loopback.
    #[arg(long, env = "FARTHING_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<String>,
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
    admin: Admin,
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
    admin: Admin,
}

impl Balance {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Grant(grant) => grant.run().await,
            Self::Show(show) => show.run().await,
        }
    }
}

impl Grant {
    async fn run(self) -> Result<ExitCode, Failure> {
        let mut order = json!({ "payer": self.admin.payer, "amount": self.amount.to_string() });
        if let (Some(id), Some(order)) = (self.id, order.as_object_mut()) {
            order.insert("id".into(), id.into());
        }
        let answer = self.admin.call(http::Method::POST, "/admin/balance/grant", Some(order)).await?;
        if self.admin.json {
            terminal::say_json(&answer);
        } else {
            terminal::say(&format!("granted {} to {}", self.amount, self.admin.payer));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(self) -> Result<ExitCode, Failure> {
        let answer = self.admin.call(http::Method::GET, "/admin/accounts", None).await?;
        let name = format!("payer/{}", self.admin.payer);
        let accounts = answer.get("accounts").and_then(Value::as_array).cloned().unwrap_or_default();
        let own: Vec<Value> = accounts
            .into_iter()
            .filter(|account| account.get("account").and_then(Value::as_str) == Some(&name))
            .collect();
        if self.admin.json {
            terminal::say_json(&json!({ "payer": self.admin.payer, "accounts": own }));
        } else if own.is_empty() {
            terminal::say(&format!("{} has no balance here", self.admin.payer));
        } else {
            for account in own {
                let text = |member: &str| account.get(member).and_then(Value::as_str).unwrap_or("?").to_owned();
                terminal::say(&format!("{} ({})", text("balance"), text("asset")));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Admin {
    async fn call(&self, method: http::Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let place = self.admin.join(path).or_fail("the admin address is not a URL")?;
        let mut request = reqwest::Client::new().request(method, place);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let unreachable = "the gateway's admin API cannot be reached; is it running, and is --admin right?";
        let response = request.send().await.map_err(|error| Failure::new(format!("{unreachable} ({error})")))?;
        let status = response.status();
        let answer: Value = response.json().await.or_fail("the admin API's answer is not JSON")?;
        if status.is_success() {
            return Ok(answer);
        }
        let said = answer.get("detail").or_else(|| answer.get("error")).and_then(Value::as_str);
        Err(Failure::new(said.map_or_else(|| format!("the admin API answered {status}"), str::to_owned)))
    }
}
