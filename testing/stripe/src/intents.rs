use serde_json::{Value, json};

use crate::answer::Answer;
use crate::call::Call;
use crate::desk::Desk;

const NESTED: &str = "payment_method_data[shared_payment_granted_token]";
const TOP_LEVEL: &str = "shared_payment_granted_token";

/// Parameters of a PaymentIntent that the double knows, whole or by how they begin.
const KNOWN: [&str; 15] = [
    "amount",
    "currency",
    "confirm",
    "automatic_payment_methods[",
    "payment_method_types[",
    "metadata[",
    "expand[",
    NESTED,
    TOP_LEVEL,
    "application_fee_amount",
    "on_behalf_of",
    "transfer_data[",
    "transfer_group",
    "receipt_email",
    "customer",
];

impl Desk {
    pub(crate) fn create_intent(&mut self, call: &Call) -> Answer {
        let is_known =
            |name: &String| KNOWN.iter().any(|known| name == known || known.ends_with('[') && name.starts_with(known));
        if let Some(unknown) = call.params.keys().find(|name| !is_known(name)) {
            return Answer::invalid("parameter_unknown", &format!("Received unknown parameter: {unknown}"));
        }
        let (Some(amount), Some(currency)) = (call.number("amount"), call.param("currency")) else {
            return Answer::invalid("parameter_missing", "Missing required param: amount or currency.");
        };
        if amount < 50 {
            return Answer::invalid("amount_too_small", "Amount must be at least $0.50 usd");
        }
        let Some(token) = call.param(NESTED).or_else(|| call.param(TOP_LEVEL)) else {
            return Answer::invalid("parameter_missing", "The double charges Shared Payment Tokens only.");
        };
        let method = match self.chargeable(token, amount, currency) {
            Ok(method) => method,
            Err(refused) => return refused,
        };
        self.last_order = call.params.iter().filter(|(name, _)| !name.contains("token")).map(copied).collect();
        self.last_version.clone_from(&call.version);
        let id = self.id("pi");
        let status = match method.as_str() {
            "pm_card_authenticationRequired" => "requires_action",
            "pm_usBankAccount" => "processing",
            name if name.contains("Declined") => "requires_payment_method",
            _ => "succeeded",
        };
        let mut intent = json!({
            "id": id, "object": "payment_intent", "amount": amount, "amount_received": 0, "currency": currency,
            "status": status, "created": self.seconds(), "metadata": call.object("metadata"), "latest_charge": null,
            "livemode": false,
        });
        if let Some(used) = self.tokens.get_mut(token).filter(|_| status != "requires_payment_method") {
            used["used"] = true.into();
            if status == "succeeded" {
                used["usage_details"]["amount_captured"]["value"] = amount.into();
                used["deactivated_reason"] = "consumed".into();
            }
        }
        if status == "succeeded" {
            self.take(&mut intent, call);
        }
        self.intents.insert(id.clone(), intent.clone());
        if status == "requires_payment_method" {
            let code = if method.contains("InsufficientFunds") { "insufficient_funds" } else { "generic_decline" };
            let mut declined = Answer::error(402, "card_error", "card_declined", "Your card was declined.");
            declined.body["error"]["decline_code"] = code.into();
            declined.body["error"]["payment_intent"] = intent;
            return declined;
        }
        self.intent(&id, call)
    }

    pub(crate) fn intent(&self, id: &str, call: &Call) -> Answer {
        let Some(intent) = self.intents.get(id) else { return Answer::missing(id) };
        let mut intent = intent.clone();
        let expands =
            call.params.iter().any(|(name, value)| name.starts_with("expand") && value.contains("latest_charge"));
        if !expands && intent["latest_charge"].is_object() {
            intent["latest_charge"] = intent["latest_charge"]["id"].clone();
        }
        Answer::ok(intent)
    }

    pub(crate) fn cancel_intent(&mut self, id: &str) -> Answer {
        let Some(intent) = self.intents.get_mut(id) else { return Answer::missing(id) };
        if matches!(intent["status"].as_str(), Some("succeeded" | "canceled" | "processing")) {
            return Answer::invalid("payment_intent_unexpected_state", "It cannot be canceled as it stands.");
        }
        intent["status"] = "canceled".into();
        Answer::ok(intent.clone())
    }

    /// All of them, the newest first.
    pub(crate) fn list_intents(&self) -> Answer {
        Answer::list(self.intents.values().rev().map(without_charge).collect(), false)
    }

    /// `metadata['name']:'value'` and nothing else.
    pub(crate) fn search_intents(&self, call: &Call) -> Answer {
        let query = call.param("query").unwrap_or_default();
        let Some((name, value)) = query.strip_prefix("metadata['").and_then(|rest| rest.split_once("']:'")) else {
            return Answer::invalid("parameter_invalid", "The double searches metadata only.");
        };
        let value = value.trim_end_matches('\'');
        let is_it = |intent: &&Value| !self.search_lags && intent["metadata"][name] == value;
        Answer::list(self.intents.values().filter(is_it).map(without_charge).collect(), false)
    }

    /// A payment that was under way comes to an end.
    pub fn finish(&mut self, id: &str, succeeded: bool) {
        let Some(mut intent) = self.intents.get(id).cloned() else { return };
        if succeeded {
            intent["status"] = "succeeded".into();
            self.take(&mut intent, &Call::default());
        } else {
            intent["status"] = "requires_payment_method".into();
        }
        self.intents.insert(id.to_owned(), intent);
    }
}

fn copied((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

fn without_charge(intent: &Value) -> Value {
    let mut intent = intent.clone();
    intent["latest_charge"] = intent["latest_charge"]["id"].clone();
    intent
}
