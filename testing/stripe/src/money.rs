use serde_json::{Value, json};

use crate::answer::Answer;
use crate::call::Call;
use crate::desk::Desk;

/// What a dispute costs.
const DISPUTE_FEE: i64 = 1_500;

impl Desk {
    /// The money of an intent moves: a charge, and what it does to the balance.
    pub(crate) fn take(&mut self, intent: &mut Value, call: &Call) {
        let amount = intent["amount"].as_i64().unwrap_or_default();
        let currency = intent["currency"].as_str().unwrap_or_default().to_owned();
        let charge = self.id("ch");
        let application_fee = call.number("application_fee_amount");
        let mut fee = (amount * 29 + 500) / 1_000 + 30;
        if call.account.is_some() {
            fee += application_fee.unwrap_or_default();
        }
        let transaction = self.transaction("charge", &charge, amount, fee, &currency);
        let mut object = json!({
            "id": charge, "object": "charge", "amount": amount, "created": self.seconds(), "transfer": null,
            "balance_transaction": transaction, "application_fee": null, "application_fee_amount": application_fee,
        });
        if let Some(destination) = call.param("transfer_data[destination]") {
            let sent = call.number("transfer_data[amount]");
            let transfer = self.id("tr");
            self.transaction("transfer", &transfer, -sent.unwrap_or(amount), 0, &currency);
            object["transfer"] = transfer.into();
            object["transfer_data"] = json!({ "destination": destination, "amount": sent });
            if let Some(taken) = application_fee {
                let fee = self.id("fee");
                self.transaction("application_fee", &fee, taken, 0, &currency);
                object["application_fee"] = fee.into();
            }
        }
        intent["amount_received"] = amount.into();
        intent["latest_charge"] = object;
    }

    /// Writes a balance transaction down and gives it back.
    pub fn transaction(&mut self, kind: &str, source: &str, amount: i64, fee: i64, currency: &str) -> Value {
        let transaction = json!({
            "id": self.id("txn"), "object": "balance_transaction", "type": kind, "source": source, "amount": amount,
            "fee": fee, "net": amount - fee, "currency": currency, "created": self.seconds(), "status": "pending",
        });
        self.transactions.push(transaction.clone());
        transaction
    }

    /// What the account holds: the sum of everything that moved.
    pub fn balance(&self) -> i64 {
        self.transactions.iter().filter_map(|each| each["net"].as_i64()).sum()
    }

    pub(crate) fn create_refund(&mut self, call: &Call) -> Answer {
        let intent = call.param("payment_intent").unwrap_or_default().to_owned();
        let Some(paid) = self.intents.get(&intent).filter(|intent| intent["status"] == "succeeded").cloned() else {
            return Answer::missing(&intent);
        };
        let before: i64 = self.refunds_of(&intent).filter_map(|refund| refund["amount"].as_i64()).sum();
        let amount = call.number("amount").or_else(|| paid["amount"].as_i64()).unwrap_or_default();
        if amount <= 0 || before + amount > paid["amount"].as_i64().unwrap_or_default() {
            return Answer::invalid("charge_already_refunded", "More than is left cannot be refunded.");
        }
        let id = self.id("re");
        let currency = paid["currency"].as_str().unwrap_or_default();
        self.transaction("refund", &id, -amount, 0, currency);
        let refund = json!({
            "id": id, "object": "refund", "amount": amount, "currency": currency, "payment_intent": intent,
            "status": "succeeded", "metadata": call.object("metadata"), "created": self.seconds(),
        });
        self.refunds.push(refund.clone());
        Answer::ok(refund)
    }

    fn refunds_of<'a>(&'a self, intent: &'a str) -> impl Iterator<Item = &'a Value> {
        self.refunds.iter().filter(move |refund| refund["payment_intent"] == intent && refund["status"] != "failed")
    }

    /// The payer's bank takes the money of an intent back.
    pub fn dispute(&mut self, intent: &str, reason: &str) -> Value {
        let paid = self.intents.get(intent).cloned().unwrap_or_default();
        let amount = paid["amount"].as_i64().unwrap_or_default();
        let id = self.id("dp");
        let transaction = self.transaction("adjustment", &id, -amount, DISPUTE_FEE, "usd");
        let dispute = json!({
            "id": id, "object": "dispute", "amount": amount, "payment_intent": intent, "reason": reason,
            "status": "needs_response", "balance_transactions": [transaction], "created": self.seconds(),
        });
        self.disputes.push(dispute.clone());
        dispute
    }

    /// The payer's bank asks, and takes nothing.
    pub fn inquire(&mut self, intent: &str) -> Value {
        let dispute = json!({
            "id": self.id("dp"), "object": "dispute", "payment_intent": intent, "reason": "general",
            "status": "warning_needs_response", "balance_transactions": [], "created": self.seconds(),
        });
        self.disputes.push(dispute.clone());
        dispute
    }

    /// Newest first, as Stripe lists; a page before a transaction is the one next to it.
    pub(crate) fn list_transactions(&self, call: &Call) -> Answer {
        let since = call.number("created[gte]").unwrap_or(i64::MIN);
        let limit = call.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(10).clamp(1, 100);
        let newest_first: Vec<&Value> =
            self.transactions.iter().rev().filter(|each| each["created"].as_i64() >= Some(since)).collect();
        let place = |id: &str| newest_first.iter().position(|each| each["id"] == id);
        let (from, to, more) = if let Some(after) = call.param("starting_after") {
            let Some(from) = place(after).map(|at| at + 1) else { return Answer::missing(after) };
            let to = (from + limit).min(newest_first.len());
            (from, to, to < newest_first.len())
        } else if let Some(before) = call.param("ending_before") {
            let Some(to) = place(before) else { return Answer::missing(before) };
            (to.saturating_sub(limit), to, to > limit)
        } else {
            (0, limit.min(newest_first.len()), limit < newest_first.len())
        };
        let page = newest_first.get(from..to).unwrap_or_default();
        Answer::list(page.iter().map(|each| (*each).clone()).collect(), more)
    }
}
