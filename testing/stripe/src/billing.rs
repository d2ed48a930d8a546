//! Customers, payment methods, prices and subscriptions, as far as a fixed price paid by card needs them.

use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::calendar::later;
use crate::call::Call;
use crate::desk::Desk;

/// Parameters of a subscription that the double knows, whole or by how they begin.
const KNOWN: [&str; 10] = [
    "customer",
    "default_payment_method",
    "items[0][price]",
    "items[0][quantity]",
    "collection_method",
    "payment_behavior",
    "proration_behavior",
    "off_session",
    "metadata[",
    "expand[",
];

/// What stands in an account for billing.
#[derive(Default)]
pub struct Billing {
    /// Every customer by its id.
    pub customers: Map<String, Value>,
    /// Every payment method that was looked at, by its id.
    pub methods: Map<String, Value>,
    /// Every price by its id.
    pub prices: Map<String, Value>,
    /// Every subscription by its id.
    pub subscriptions: Map<String, Value>,
    /// Every invoice, in order.
    pub invoices: Vec<Value>,
}

impl Desk {
    pub(crate) fn create_customer(&mut self, call: &Call) -> Answer {
        let id = self.id("cus");
        let customer = json!({ "id": id, "object": "customer", "metadata": call.object("metadata") });
        self.billing.customers.insert(id, customer.clone());
        Answer::ok(customer)
    }

    pub(crate) fn customer(&self, id: &str) -> Answer {
        self.billing.customers.get(id).map_or_else(|| Answer::missing(id), |found| Answer::ok(found.clone()))
    }

    /// A payment method is there as soon as it is named, like those of Stripe's test mode.
    pub(crate) fn payment_method(&mut self, id: &str) -> Answer {
        if !id.starts_with("pm_") || id.contains("missing") {
            return Answer::missing(id);
        }
        let kind = if id.contains("usBankAccount") { "us_bank_account" } else { "card" };
        let new = || json!({ "id": id, "object": "payment_method", "type": kind, "customer": null });
        Answer::ok(self.billing.methods.entry(id.to_owned()).or_insert_with(new).clone())
    }

    pub(crate) fn attach(&mut self, id: &str, call: &Call) -> Answer {
        let customer = call.param("customer").unwrap_or_default().to_owned();
        if !self.billing.customers.contains_key(&customer) {
            return Answer::missing(&customer);
        }
        self.payment_method(id);
        let Some(method) = self.billing.methods.get_mut(id) else { return Answer::missing(id) };
        if method["customer"].as_str().is_some_and(|holder| holder != customer) {
            return Answer::invalid("payment_method_unexpected_state", "It is attached to another customer.");
        }
        method["customer"] = customer.into();
        Answer::ok(method.clone())
    }

    pub(crate) fn create_price(&mut self, call: &Call) -> Answer {
        let (Some(amount), Some(count)) = (call.number("unit_amount"), call.number("recurring[interval_count]")) else {
            return Answer::invalid("parameter_missing", "Missing required param: unit_amount or interval_count.");
        };
        let taken = |price: &Value| {
            call.param("lookup_key").is_some() && price["lookup_key"].as_str() == call.param("lookup_key")
        };
        if self.billing.prices.values().any(taken) {
            return Answer::invalid("resource_already_exists", "A price with this lookup key exists already.");
        }
        let id = self.id("price");
        let price = json!({
            "id": id, "object": "price", "active": true, "unit_amount": amount, "currency": call.param("currency"),
            "lookup_key": call.param("lookup_key"), "type": "recurring", "billing_scheme": "per_unit",
            "recurring": { "interval": call.param("recurring[interval]"), "interval_count": count, "usage_type": "licensed" },
        });
        self.billing.prices.insert(id, price.clone());
        Answer::ok(price)
    }

    pub(crate) fn list_prices(&self, call: &Call) -> Answer {
        let wanted = call.param("lookup_keys[]");
        let found = self.billing.prices.values().filter(|price| price["lookup_key"].as_str() == wanted);
        Answer::list(found.cloned().collect(), false)
    }

    pub(crate) fn create_subscription(&mut self, call: &Call) -> Answer {
        let is_known =
            |name: &String| KNOWN.iter().any(|known| name == known || known.ends_with('[') && name.starts_with(known));
        if let Some(unknown) = call.params.keys().find(|name| !is_known(name)) {
            return Answer::invalid("parameter_unknown", &format!("Received unknown parameter: {unknown}"));
        }
        let (customer, method) = (call.param("customer"), call.param("default_payment_method"));
        let price = self.billing.prices.get(call.param("items[0][price]").unwrap_or_default()).cloned();
        let (Some(customer), Some(method), Some(price)) = (customer, method, price) else {
            return Answer::invalid("parameter_missing", "The double wants a customer, a payment method and a price.");
        };
        if self.billing.methods.get(method).is_none_or(|known| known["customer"] != customer) {
            return Answer::invalid("resource_missing", "The customer has no such payment method.");
        }
        // payment_behavior = error_if_incomplete: there is no subscription that was not paid for at once.
        if method.contains("Declined") || method.contains("authenticationRequired") {
            let code = if method.contains("Declined") {
                "card_declined"
            } else {
                "subscription_payment_intent_requires_action"
            };
            return Answer::error(402, "card_error", code, "Your card was declined.");
        }
        let (id, now) = (self.id("sub"), self.seconds());
        let item = json!({ "id": self.id("si"), "quantity": 1, "price": price });
        let subscription = json!({
            "id": id, "object": "subscription", "status": "active", "customer": customer, "start_date": now,
            "default_payment_method": method, "collection_method": "charge_automatically", "metadata": call.object("metadata"),
            "items": { "object": "list", "data": [item], "has_more": false }, "cancel_at": null,
            "cancel_at_period_end": false, "canceled_at": null, "schedule": null, "trial_end": null, "discounts": [],
            "billing_cycle_anchor": now, "automatic_tax": { "enabled": false },
        });
        self.billing.subscriptions.insert(id.clone(), subscription);
        self.last_order.clone_from(&call.params);
        // As an asynchronous way to pay would leave it.
        let paid = !method.contains("Slow");
        self.bill(&id, paid);
        self.subscription(&id)
    }

    /// A subscription with its last invoice.
    pub(crate) fn subscription(&self, id: &str) -> Answer {
        let Some(subscription) = self.billing.subscriptions.get(id) else { return Answer::missing(id) };
        let mut subscription = subscription.clone();
        let is_its = |invoice: &&Value| invoice["parent"]["subscription_details"]["subscription"] == id;
        subscription["latest_invoice"] = self.billing.invoices.iter().rev().find(is_its).cloned().unwrap_or_default();
        Answer::ok(subscription)
    }

    pub(crate) fn change_subscription(&mut self, id: &str, call: &Call) -> Answer {
        let end = self.periods_of(id).last().map(|(_, end)| *end);
        let Some(subscription) = self.billing.subscriptions.get_mut(id) else { return Answer::missing(id) };
        if subscription["status"] == "canceled" {
            return Answer::invalid("resource_missing", "A canceled subscription cannot be changed.");
        }
        if call.param("cancel_at_period_end") == Some("true") {
            subscription["cancel_at_period_end"] = true.into();
            subscription["cancel_at"] = end.into();
        }
        self.subscription(id)
    }

    /// Ends a subscription now.
    pub fn end_subscription(&mut self, id: &str) -> Value {
        let now = self.seconds();
        if let Some(subscription) = self.billing.subscriptions.get_mut(id) {
            subscription["status"] = "canceled".into();
            subscription["canceled_at"] = now.into();
        }
        self.subscription(id).body
    }

    pub(crate) fn search_subscriptions(&self, call: &Call) -> Answer {
        let query = call.param("query").unwrap_or_default();
        let Some((name, value)) = query.strip_prefix("metadata['").and_then(|rest| rest.split_once("']:'")) else {
            return Answer::invalid("parameter_invalid", "The double searches metadata only.");
        };
        let value = value.trim_end_matches('\'');
        let is_it = |found: &&Value| !self.search_lags && found["metadata"][name] == value;
        Answer::list(self.billing.subscriptions.values().filter(is_it).cloned().collect(), false)
    }

    /// The next period begins: its invoice is made, and paid or not. Nothing, where the subscription is over.
    pub fn bill(&mut self, id: &str, pays: bool) -> Option<Value> {
        let subscription = self.billing.subscriptions.get(id)?.clone();
        if subscription["status"] == "canceled"
            || !self.periods_of(id).is_empty() && subscription["cancel_at_period_end"] == true
        {
            return None;
        }
        let anchor = subscription["billing_cycle_anchor"].as_i64()?;
        let price = subscription["items"]["data"][0]["price"].clone();
        let (unit, count) = (price["recurring"]["interval"].as_str()?, price["recurring"]["interval_count"].as_i64()?);
        let index = i64::try_from(self.periods_of(id).len()).ok()?;
        let (start, end) = (later(anchor, unit, count * index), later(anchor, unit, count * (index + 1)));
        let amount = price["unit_amount"].clone();
        let invoice_id = self.id("in");
        let invoice = json!({
            "id": invoice_id, "object": "invoice", "customer": subscription["customer"], "currency": price["currency"],
            "status": "open", "amount_due": amount, "total": amount, "subtotal": amount, "amount_paid": 0,
            "starting_balance": 0, "discounts": [], "total_discount_amounts": [], "total_taxes": [], "created": self.seconds(),
            "billing_reason": if index == 0 { "subscription_create" } else { "subscription_cycle" },
            "parent": { "type": "subscription_details", "subscription_details": {
                "subscription": id, "metadata": subscription["metadata"],
            } },
            "lines": { "object": "list", "has_more": false, "data": [{
                "id": self.id("il"), "amount": amount, "currency": price["currency"], "quantity": 1,
                "period": { "start": start, "end": end },
                "parent": { "type": "subscription_item_details", "subscription_item_details": { "proration": false } },
                "pricing": { "price_details": { "price": price["id"] } },
            }] },
            "payments": { "object": "list", "data": [] }, "status_transitions": { "paid_at": null },
        });
        self.billing.invoices.push(invoice);
        if pays { self.pay_invoice(&invoice_id) } else { self.billing.invoices.last().cloned() }
    }

    fn periods_of(&self, id: &str) -> Vec<(i64, i64)> {
        let its =
            self.billing.invoices.iter().filter(|each| each["parent"]["subscription_details"]["subscription"] == id);
        let period = |invoice: &Value| {
            let period = &invoice["lines"]["data"][0]["period"];
            Some((period["start"].as_i64()?, period["end"].as_i64()?))
        };
        its.filter_map(period).collect()
    }

    /// An invoice is paid now, whatever it stood at before.
    pub fn pay_invoice(&mut self, id: &str) -> Option<Value> {
        let at = self.billing.invoices.iter().position(|invoice| invoice["id"] == id)?;
        let (amount, currency) = {
            let invoice = self.billing.invoices.get(at)?;
            (invoice["amount_due"].clone(), invoice["currency"].clone())
        };
        let intent = self.id("pi");
        let mut object = json!({
            "id": intent, "object": "payment_intent", "amount": amount, "amount_received": 0, "currency": currency,
            "status": "succeeded", "created": self.seconds(), "metadata": {}, "latest_charge": null,
        });
        self.take(&mut object, &Call::default());
        self.intents.insert(intent.clone(), object);
        let now = self.seconds();
        let invoice = self.billing.invoices.get_mut(at)?;
        invoice["status"] = "paid".into();
        invoice["amount_paid"] = amount;
        invoice["status_transitions"]["paid_at"] = now.into();
        invoice["payments"]["data"] =
            json!([{ "status": "paid", "payment": { "type": "payment_intent", "payment_intent": intent } }]);
        Some(invoice.clone())
    }

    pub(crate) fn invoice(&self, id: &str) -> Answer {
        let found = self.billing.invoices.iter().find(|invoice| invoice["id"] == id);
        found.map_or_else(|| Answer::missing(id), |invoice| Answer::ok(invoice.clone()))
    }

    /// The newest first.
    pub(crate) fn list_invoices(&self, call: &Call) -> Answer {
        let (of, since) = (call.param("subscription"), call.number("created[gte]").unwrap_or(i64::MIN));
        let is_it = |invoice: &&Value| {
            let subscription = invoice["parent"]["subscription_details"]["subscription"].as_str();
            (of.is_none() || subscription == of) && invoice["created"].as_i64() >= Some(since)
        };
        Answer::list(self.billing.invoices.iter().rev().filter(is_it).cloned().collect(), false)
    }

    pub(crate) fn void_invoice(&mut self, id: &str) -> Answer {
        let Some(invoice) = self.billing.invoices.iter_mut().find(|invoice| invoice["id"] == id) else {
            return Answer::missing(id);
        };
        if !matches!(invoice["status"].as_str(), Some("open" | "uncollectible")) {
            return Answer::invalid("invoice_not_open", "Only what is open can be voided.");
        }
        invoice["status"] = "void".into();
        Answer::ok(invoice.clone())
    }
}
