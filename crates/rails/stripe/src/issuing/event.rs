use serde_json::Value;

use crate::seller::intent::{id, units};

/// Longer names of merchants are cut.
const LONGEST_NAME: usize = 64;

/// A message of Issuing, as far as it is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardEvent {
    /// `issuing_authorization.request`: to be answered now.
    Request(Authorization),
    /// `issuing_authorization.created` or `.updated`: how one stands.
    Authorization(Authorization),
    /// `issuing_transaction.created`: money moved.
    Transaction(Transaction),
    /// Something else.
    Other,
}

/// An authorisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// `iauth_...`.
    pub id: String,
    /// `ic_...`.
    pub card: String,
    /// What is asked for now, in the smallest unit: of a request what is pending, otherwise the whole.
    pub amount: u128,
    /// Its currency, in lower case: the card's.
    pub currency: String,
    /// How many requests of it were answered before: an authorisation may grow.
    pub asked_before: usize,
    /// Whether it is approved, once that is known.
    pub approved: bool,
    /// `pending`, `closed`, `reversed`, `expired`.
    pub status: String,
    /// Who would be paid.
    pub merchant: Merchant,
}

/// Who is paid by card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merchant {
    /// The card network's id of it.
    pub network_id: String,
    /// What it calls itself. For people; it decides nothing.
    pub name: String,
    /// What it sells, in Stripe's word.
    pub category: String,
    /// Where it is, two letters.
    pub country: String,
}

/// Money that moved by card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// `ipi_...`.
    pub id: String,
    /// `ic_...`.
    pub card: String,
    /// `iauth_...`; none where it was taken without one.
    pub authorization: Option<String>,
    /// How much, in the smallest unit, whichever way it went.
    pub amount: u128,
    /// Its currency, in lower case.
    pub currency: String,
    /// Whether it came back to the card.
    pub is_refund: bool,
    /// Who was paid.
    pub merchant: Merchant,
}

impl CardEvent {
    /// Reads a message's body: its name and what it is about. `None` is what is no event, or one of Issuing that
    /// lacks what it must have.
    pub fn read(body: &[u8]) -> Option<(String, Self)> {
        let event: Value = serde_json::from_slice(body).ok()?;
        let name = id(event.get("id")?, "evt_")?.to_owned();
        let object = event.pointer("/data/object")?;
        let read = match event.get("type").and_then(Value::as_str)? {
            "issuing_authorization.request" => Self::Request(Authorization::read(object, true)?),
            "issuing_authorization.created" | "issuing_authorization.updated" => {
                Self::Authorization(Authorization::read(object, false)?)
            }
            "issuing_transaction.created" => Self::Transaction(Transaction::read(object)?),
            _ => Self::Other,
        };
        Some((name, read))
    }
}

impl Authorization {
    fn read(object: &Value, is_pending: bool) -> Option<Self> {
        let of = if is_pending { object.get("pending_request")? } else { object };
        Some(Self {
            id: id(object.get("id")?, "iauth_")?.to_owned(),
            card: id(object.get("card")?, "ic_")?.to_owned(),
            amount: units(of.get("amount"))?,
            currency: currency(of)?,
            asked_before: object.get("request_history").and_then(Value::as_array).map_or(0, Vec::len),
            approved: object.get("approved").and_then(Value::as_bool).unwrap_or_default(),
            status: object.get("status").and_then(Value::as_str).unwrap_or_default().chars().take(16).collect(),
            merchant: Merchant::read(object),
        })
    }
}

impl Transaction {
    fn read(object: &Value) -> Option<Self> {
        let amount = object.get("amount")?.as_i64()?;
        let authorization = object.get("authorization").filter(|value| !value.is_null());
        Some(Self {
            id: id(object.get("id")?, "ipi_")?.to_owned(),
            card: id(object.get("card")?, "ic_")?.to_owned(),
            authorization: authorization.and_then(|value| id(value, "iauth_")).map(str::to_owned),
            amount: amount.unsigned_abs().into(),
            currency: currency(object)?,
            is_refund: object.get("type").and_then(Value::as_str) == Some("refund"),
            merchant: Merchant::read(object),
        })
    }
}

impl Merchant {
    fn read(object: &Value) -> Self {
        let text = |name: &str| {
            let text = object.pointer(&format!("/merchant_data/{name}")).and_then(Value::as_str).unwrap_or_default();
            text.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect::<String>()
        };
        Self {
            network_id: text("network_id"),
            name: text("name"),
            category: text("category"),
            country: text("country"),
        }
    }
}

fn currency(object: &Value) -> Option<String> {
    let text = object.get("currency")?.as_str()?;
    let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_lowercase());
    is_code.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn s_70_an_authorisation_is_what_is_pending_now_and_a_transaction_has_a_side() {
        let object = json!({
            "id": "iauth_1", "card": { "id": "ic_1" }, "amount": 100, "currency": "usd", "approved": false,
            "status": "pending", "request_history": [{}],
            "pending_request": { "amount": 700, "currency": "usd" },
            "merchant_data": { "network_id": "m1", "name": "Shop\u{7}", "category": "books", "country": "US" },
        });
        let event = json!({ "id": "evt_1", "type": "issuing_authorization.request", "data": { "object": object } });
        let (_, CardEvent::Request(read)) = CardEvent::read(event.to_string().as_bytes()).unwrap() else { panic!() };
        assert_eq!((read.amount, read.asked_before, read.merchant.name.as_str()), (700, 1, "Shop"));
        let object = json!({ "id": "ipi_1", "card": "ic_1", "authorization": null, "amount": -450, "currency": "usd", "type": "capture" });
        let event = json!({ "id": "evt_2", "type": "issuing_transaction.created", "data": { "object": object } });
        let (_, CardEvent::Transaction(read)) = CardEvent::read(event.to_string().as_bytes()).unwrap() else {
            panic!()
        };
        assert_eq!((read.amount, read.is_refund, read.authorization), (450, false, None));
    }

    #[test]
    fn s_70_a_request_that_lacks_its_card_or_its_amount_is_none() {
        for object in [
            json!({ "id": "iauth_1", "pending_request": { "amount": 1, "currency": "usd" } }),
            json!({ "id": "iauth_1", "card": "ic_1" }),
            json!({ "id": "iauth_1", "card": "ic_1", "pending_request": { "amount": -1, "currency": "usd" } }),
            json!({ "id": "iauth_1", "card": "ic_1/../x", "pending_request": { "amount": 1, "currency": "usd" } }),
        ] {
            let event = json!({ "id": "evt_1", "type": "issuing_authorization.request", "data": { "object": object } });
            assert_eq!(CardEvent::read(event.to_string().as_bytes()), None, "{event}");
        }
    }

    proptest! {
        #[test]
        fn s_70_whatever_comes_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = CardEvent::read(&body);
        }
    }
}
