//! `farthing policy explain`: what a URL would cost, and what every level says to it.

use std::process::ExitCode;

use clap::Args;
use farthing_money::Price;
use farthing_wallet::client::{ExplainedOffer, Explanation, LevelAnswer, LevelSays, Order};
use farthing_wallet::{PayError, PayingClient, WalletName};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::commands::home::Home;
use crate::failure::Failure;
use crate::terminal;

const REFUSED: u8 = 3;
const NO_OFFER: u8 = 4;

#[derive(Args)]
pub(crate) struct Explain {
    /// What would be fetched.
    url: Url,
    /// The method.
    #[arg(short = 'X', long, default_value = "GET")]
    method: Method,
    /// The wallet.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    /// The most this call may cost.
    #[arg(long)]
    max: Option<Price>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

impl Explain {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let client = self.home.client(&self.wallet).await?;
        let call = Order { max: self.max, ..Order::default() };
        explain(&client, reqwest::Request::new(self.method, self.url), &call, self.json).await
    }
}

/// Says what a request would cost and which rule decides, paying nothing.
pub(in crate::commands) async fn explain(
    client: &PayingClient,
    request: reqwest::Request,
    order: &Order,
    as_json: bool,
) -> Result<ExitCode, Failure> {
    let explanation = match client.explain_as(request, order).await {
        Ok(explanation) => explanation,
        Err(PayError::Request(sentence)) => return Err(Failure::wrong_use(sentence)),
        Err(error) => return Err(Failure::new(error.to_string())),
    };
    if as_json {
        terminal::say_json(&explanation_json(&explanation));
    } else {
        say_explanation(&explanation);
    }
    Ok(match explanation.offers.first() {
        _ if explanation.status != 402 => ExitCode::SUCCESS,
        None => ExitCode::from(NO_OFFER),
        Some(_) if explanation.offers.iter().any(ExplainedOffer::is_payable) => ExitCode::SUCCESS,
        Some(_) if explanation.offers.iter().all(|offer| offer.shortage.is_some()) => ExitCode::from(NO_OFFER),
        Some(_) => ExitCode::from(REFUSED),
    })
}

fn say_explanation(explanation: &Explanation) {
    if explanation.status != 402 {
        terminal::say(&format!("nothing to pay: the server answers {}", explanation.status));
    }
    for offer in &explanation.offers {
        let place = offer.chain.as_ref().map(|chain| format!(" on {chain}")).unwrap_or_default();
        terminal::say(&format!("{}{place}, by {}: {}", offer.method, offer.protocol, offer.sentence));
        if let Some(payee) = &offer.payee {
            terminal::say(&format!("  to {payee}, in {}", offer.asset));
        }
        if offer.sent_first {
            terminal::say("  the money moves before the seller agrees to anything: it takes only what is sent already");
        }
        for level in &offer.levels {
            terminal::say(&level_line(level));
        }
        if let Some(shortage) = &offer.shortage {
            terminal::say(&format!("  not payable now: {shortage}"));
        }
    }
    for reason in &explanation.reasons {
        terminal::say(&format!("not payable: {reason}"));
    }
}

/// A level and what it says; an arrow stands before the one that decides.
fn level_line(answer: &LevelAnswer) -> String {
    let mark = if answer.decides && answer.says != LevelSays::Allowed { "->" } else { "  " };
    let rule = answer.rule.map(|rule| format!(" by {rule}")).unwrap_or_default();
    let reason = answer.sentence.as_ref().map(|sentence| format!(": {sentence}")).unwrap_or_default();
    format!("  {mark} {}: {}{rule}{reason}", answer.level, answer.says.as_str())
}

fn level_json(answer: &LevelAnswer) -> Value {
    json!({
        "level": answer.level,
        "says": answer.says.as_str(),
        "rule": answer.rule.map(|rule| rule.to_string()),
        "sentence": answer.sentence,
        "decides": answer.decides,
    })
}

fn explanation_json(explanation: &Explanation) -> Value {
    let offers = explanation.offers.iter().map(|offer| {
        json!({
            "method": offer.method,
            "protocol": offer.protocol,
            "cost": offer.cost.to_string(),
            "asset": offer.asset,
            "chain": offer.chain,
            "payee": offer.payee,
            "sent_first": offer.sent_first,
            "shortage": offer.shortage,
            "allowed": offer.denied_by.is_none(),
            "rule": offer.denied_by.map(|rule| rule.to_string()),
            "sentence": offer.sentence,
            "levels": offer.levels.iter().map(level_json).collect::<Vec<_>>(),
        })
    });
    json!({
        "status": explanation.status.as_u16(),
        "offers": offers.collect::<Vec<_>>(),
        "not_payable": explanation.reasons,
    })
}
