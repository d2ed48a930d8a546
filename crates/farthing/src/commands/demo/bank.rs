//! The demo's bank: an account that is nobody's, with statements that the demo writes itself and says so.
//!
//! Everything else is real: the order, the reference, the file that is read and matched, the payment file, the books.

use std::sync::{Mutex, PoisonError};

use farthing_money::Amount;
use farthing_rail_bank::BankAccount;
use farthing_rail_bank::generated::{GeneratedEntry, GeneratedStatement};
use serde_json::{Value, json};
use url::Url;

use crate::clock;
use crate::failure::{Failure, OrFail};

/// The account of the seller.
const ACCOUNT: &str = "holder = \"Demo Seller\"\naccount = \"DEMO-0001\"\nasset = \"USD\"\n";
/// The account that the rest goes back to.
const PAYER_ACCOUNT: &str = "DEMO-0002";

/// An account at no bank.
pub(super) struct Bank {
    account: BankAccount,
    /// What is on it, in cents, and how many statements were written.
    state: Mutex<(i128, u64)>,
}

/// What became of the rest of a balance.
pub(super) struct SentBack {
    /// How much went back.
    pub(super) amount: String,
    /// The bank's file that asks for it.
    pub(super) payments: usize,
    /// What the bank's last statement closes with.
    pub(super) closing: String,
    /// What the books say is on the account.
    pub(super) confirmed: String,
    /// Whether they are the same and nothing is in suspense.
    pub(super) agrees: bool,
}

impl Bank {
    pub(super) fn open() -> Result<Self, Failure> {
        let table = ACCOUNT.parse().or_fail("the demo's account")?;
        let account = BankAccount::from_table(&table).or_fail("the demo's account")?;
        Ok(Self { account, state: Mutex::default() })
    }

    /// The tables of the gateway's configuration.
    pub(super) fn rail() -> String {
        format!("[rails.balance]\nasset = \"USD\"\n\n[rails.bank]\n{ACCOUNT}")
    }

    /// Orders a top-up and lets a generated statement show that it was paid.
    pub(super) async fn top_up(&self, shop: &Url, admin: &Url, payer: &str, amount: &str) -> Result<(), Failure> {
        let (number, currency) = amount.split_once(' ').unwrap_or((amount, "USD"));
        let order = json!({ "payer": payer, "currency": currency, "amount": number, "rail": "bank" });
        let order = post(shop, "/balance/topups", order).await?;
        let reference = order.get("reference").and_then(Value::as_str).unwrap_or_default().replace(' ', "");
        let cents = number.parse::<u128>().or_fail("the demo's amount")?.saturating_mul(100);
        let entry = GeneratedEntry {
            bank_reference: format!("DEMO-{reference}"),
            amount: Amount::new(cents),
            credit: true,
            reference: Some(reference),
            ..GeneratedEntry::default()
        };
        let done = self.show(admin, entry).await?;
        match done.get("credited").and_then(Value::as_u64) {
            Some(1) => Ok(()),
            _ => Err(Failure::new(format!("the transfer was not credited: {done}"))),
        }
    }

    /// Sends what is left of a balance back, and lets a generated statement show it leave.
    pub(super) async fn send_back(&self, admin: &Url, payer: &str) -> Result<SentBack, Failure> {
        let order = json!({
            "payer": payer, "currency": "USD", "name": "Demo Agent", "account": PAYER_ACCOUNT, "by": "demo",
        });
        let payout = post(admin, "/admin/payouts", order).await?;
        let file = post(admin, "/admin/payment-files", json!({})).await?;
        let text = |value: &Value, member: &str| value.get(member).and_then(Value::as_str).unwrap_or("?").to_owned();
        let entry = GeneratedEntry {
            bank_reference: text(&payout, "id"),
            amount: text(&payout, "amount").parse().or_fail("the payout's amount")?,
            end_to_end: Some(text(&payout, "end_to_end")),
            ..GeneratedEntry::default()
        };
        self.show(admin, entry).await?;
        let report = post(admin, "/admin/reconcile", json!({})).await?;
        let bank = report.pointer("/banks/0").cloned().unwrap_or_default();
        Ok(SentBack {
            amount: text(&payout, "display"),
            payments: text(&file, "text").matches("<EndToEndId>").count(),
            closing: text(&bank, "closing_display"),
            confirmed: text(&bank, "confirmed_display"),
            agrees: report.get("clean").and_then(Value::as_bool) == Some(true),
        })
    }

    /// Writes the next statement, with one entry, and brings it to the gateway.
    async fn show(&self, admin: &Url, entry: GeneratedEntry) -> Result<Value, Failure> {
        let mut statement = Vec::new();
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let units = i128::try_from(entry.amount.units()).or_fail("the demo's amount")?;
            let added = if entry.credit { units } else { -units };
            let id = format!("DEMO-{}", state.1);
            let generated = GeneratedStatement {
                account: &self.account,
                id: &id,
                number: state.1,
                day: clock::now(),
                opening: state.0,
                added,
            };
            generated.write(&mut statement, std::iter::once(entry)).or_fail("a statement cannot be written")?;
            *state = (state.0.saturating_add(added), state.1.saturating_add(1));
        }
        let place = admin.join("/admin/statements").or_fail("the admin address is not a URL")?;
        answer(reqwest::Client::new().post(place).body(statement)).await
    }
}

pub(super) async fn post(to: &Url, path: &str, body: Value) -> Result<Value, Failure> {
    let place = to.join(path).or_fail("the gateway's address is not a URL")?;
    answer(reqwest::Client::new().post(place).json(&body)).await
}

pub(super) async fn answer(request: reqwest::RequestBuilder) -> Result<Value, Failure> {
    let response = request.send().await.or_fail("the gateway does not answer")?;
    let (status, text) = (response.status(), response.text().await.or_fail("the gateway's answer broke off")?);
    match status.is_success() {
        true => serde_json::from_str(&text).or_fail("the gateway's answer is not JSON"),
        false => Err(Failure::new(format!("the gateway answered {status}: {text}"))),
    }
}
