//! Issued cards: making them, changing them, and what is asked and told about their use.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::call::Call;
use crate::desk::Desk;
use crate::webhook::Event;

impl Desk {
    pub(crate) fn create_card(&mut self, call: &Call) -> Answer {
        let (Some(cardholder), Some(currency)) = (call.param("cardholder"), call.param("currency")) else {
            return Answer::invalid("parameter_missing", "Missing required param: cardholder or currency.");
        };
        let id = self.id("ic");
        let limits: Vec<Value> = (0..8)
            .map_while(|at| {
                let of = |name: &str| format!("spending_controls[spending_limits][{at}][{name}]");
                Some(json!({ "amount": call.number(&of("amount"))?, "interval": call.param(&of("interval"))? }))
            })
            .collect();
        let card = json!({
            "id": id, "object": "issuing.card", "cardholder": cardholder, "currency": currency, "last4": "4242",
            "status": call.param("status"), "type": call.param("type"), "metadata": call.object("metadata"),
            "spending_controls": { "spending_limits": limits },
        });
        self.cards.insert(id, card.clone());
        Answer::ok(card)
    }

    pub(crate) fn change_card(&mut self, id: &str, call: &Call) -> Answer {
        let Some(card) = self.cards.get_mut(id) else { return Answer::missing(id) };
        if card["status"] == "canceled" {
            return Answer::invalid("resource_missing", "A canceled card cannot be changed.");
        }
        card["status"] = call.param("status").into();
        Answer::ok(card.clone())
    }

    /// The question whether a card may be charged so much by a merchant.
    pub fn swipe(&mut self, card: &str, amount: i64, merchant: &str, secret: &str) -> (Value, Event) {
        let id = self.id("iauth");
        let authorization = json!({
            "id": id, "object": "issuing.authorization", "card": { "id": card }, "amount": 0, "currency": "usd",
            "approved": false, "status": "pending", "request_history": [],
            "pending_request": { "amount": amount, "currency": "usd", "is_amount_controllable": false },
            "merchant_data": { "network_id": merchant, "name": "A shop", "category": "computer_software_stores", "country": "US" },
        });
        let event = self.event("issuing_authorization.request", &authorization, secret);
        (authorization, event)
    }

    /// How an authorisation stands.
    pub fn stands(&mut self, authorization: &Value, approved: bool, status: &str, secret: &str) -> Event {
        let mut now = authorization.clone();
        now["approved"] = approved.into();
        now["status"] = status.into();
        now["amount"] = authorization["pending_request"]["amount"].clone();
        now["pending_request"] = Value::Null;
        self.event("issuing_authorization.updated", &now, secret)
    }

    /// Money moves by a card, with an authorisation or without.
    pub fn capture(
        &mut self,
        card: &str,
        authorization: Option<&Value>,
        amount: i64,
        kind: &str,
        secret: &str,
    ) -> Event {
        let signed = if kind == "refund" { amount } else { -amount };
        let transaction = json!({
            "id": self.id("ipi"), "object": "issuing.transaction", "card": card, "amount": signed, "currency": "usd",
            "authorization": authorization.map(|authorization| authorization["id"].clone()), "type": kind,
            "merchant_data": { "network_id": "1234567890", "name": "A shop", "category": "computer_software_stores", "country": "US" },
        });
        self.event("issuing_transaction.created", &transaction, secret)
    }
}
