//! The demo's card processor: the simulated rail, which moves no money and says so.
//!
//! Everything else is real: the offer of a top-up, the wallet's cap for it, the balance, the refund, the books.

use serde_json::{Value, json};
use url::Url;

use super::bank::{answer, post};
use crate::failure::{Failure, OrFail};

/// What a top-up by card brings: the most that the wallet may have at this seller.
pub(super) const TOP_UP: &str = "5 USD";
/// What the processor remembers, beside the books.
const MEMORY: &str = "card-processor.txt";

/// What became of the rest of a balance.
pub(super) struct PaidBack {
    /// How much was left.
    pub(super) left: String,
    /// The processor's reference of the refund.
    pub(super) reference: String,
    /// What the balance holds now.
    pub(super) holds: String,
    /// Whether the processor's statement shows nothing that the books do not.
    pub(super) agrees: bool,
}

/// The tables of the gateway's configuration.
pub(super) fn rails() -> String {
    format!(
        "[rails.balance]\nasset = \"USD\"\n\n# A simulated card processor: no money moves.\n\
         [rails.simulated]\nmemory = \"{MEMORY}\"\ntop_up = \"{TOP_UP}\"\n"
    )
}

/// Pays what is left of the agent's top-up back to the card.
pub(super) async fn pay_back(admin: &Url, payer: &str) -> Result<PaidBack, Failure> {
    let payments = get(admin, "/admin/payments").await?;
    let payments = payments.get("payments").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_ours = |payment: &&Value| {
        let says = |member: &str, wanted: &str| payment.get(member).and_then(Value::as_str) == Some(wanted);
        says("intent", "topup") && says("payer", payer)
    };
    let top_ups: Vec<&Value> = payments.iter().filter(is_ours).collect();
    let [top_up] = top_ups.as_slice() else {
        return Err(Failure::new(format!("the books show {} top-ups by the agent, not one", top_ups.len())));
    };
    let id = top_up.get("id").and_then(Value::as_str).unwrap_or_default();
    let left = held(admin, payer).await?;
    let order = json!({ "reason": "what is left goes back" });
    let refunded = post(admin, &format!("/admin/payments/{id}/refund"), order).await?;
    let report = post(admin, "/admin/reconcile", json!({})).await?;
    Ok(PaidBack {
        left,
        reference: refunded.get("refund").and_then(Value::as_str).unwrap_or("no reference").to_owned(),
        holds: held(admin, payer).await?,
        agrees: report.get("clean").and_then(Value::as_bool) == Some(true),
    })
}

/// What a payer's balance holds.
async fn held(admin: &Url, payer: &str) -> Result<String, Failure> {
    let accounts = get(admin, "/admin/accounts").await?;
    let accounts = accounts.get("accounts").and_then(Value::as_array).cloned().unwrap_or_default();
    let named = format!("payer/{payer}");
    let own = accounts.iter().find(|account| {
        account.get("account").and_then(Value::as_str).is_some_and(|account| account.starts_with(&named))
    });
    let balance = own.and_then(|account| account.get("balance")).and_then(Value::as_str);
    Ok(balance.unwrap_or("nothing").to_owned())
}

async fn get(from: &Url, path: &str) -> Result<Value, Failure> {
    let place = from.join(path).or_fail("the gateway's address is not a URL")?;
    answer(reqwest::Client::new().get(place)).await
}
