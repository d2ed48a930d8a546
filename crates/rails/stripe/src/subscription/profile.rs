//! A subscription at Stripe, held to the narrow profile that the draft allows.

use farthing_rail::PaymentId;
use serde_json::Value;

use super::agreed::Agreed;
use super::invoice::Invoice;
use crate::seller::PAYMENT;
use crate::seller::intent::{id, units};

/// One subscription.
pub(super) struct Profile<'a>(&'a Value);

impl<'a> Profile<'a> {
    pub(super) fn of(object: &'a Value) -> Self {
        Self(object)
    }

    /// `sub_...`.
    pub(super) fn id(&self) -> Option<&'a str> {
        id(self.0.get("id")?, "sub_")
    }

    /// The payment that it was made for.
    pub(super) fn payment(&self) -> Option<PaymentId> {
        self.0.pointer(&format!("/metadata/{PAYMENT}"))?.as_str()?.parse().ok()
    }

    /// Its last invoice, where that was asked for with it.
    pub(super) fn invoice(&self) -> Option<Invoice<'a>> {
        self.0.get("latest_invoice").filter(|invoice| invoice.is_object()).map(Invoice::of)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.text("status"), "canceled" | "incomplete_expired")
    }

    fn text(&self, name: &str) -> &'a str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// What of it is not the profile, or not what was agreed; nothing, if it is.
    pub(super) fn differs(&self, payment: PaymentId, agreed: &Agreed) -> Option<&'static str> {
        let items = self.0.pointer("/items/data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let is_one = |item: &Value| {
            item.get("quantity") == Some(&Value::from(1))
                && item.get("price").is_some_and(|price| is_price(price, agreed))
        };
        let is_absent = |name: &str| match self.0.get(name) {
            None | Some(Value::Null | Value::Bool(false)) => true,
            Some(Value::Array(list)) => list.is_empty(),
            Some(_) => false,
        };
        let taxed = self.0.pointer("/automatic_tax/enabled") == Some(&Value::Bool(true));
        if self.payment() != Some(payment) {
            Some("it was made for another payment")
        } else if !matches!(items, [item] if is_one(item)) {
            Some("it has another price or more than one item")
        } else if self.text("collection_method") != "charge_automatically" {
            Some("it is not collected automatically")
        } else if taxed || !["trial_end", "schedule", "discounts", "pause_collection"].into_iter().all(is_absent) {
            Some("it has a trial, a schedule, a discount, a tax or a pause")
        } else {
            None
        }
    }
}

/// Whether a price is what was agreed, and fixed.
pub(super) fn is_price(price: &Value, agreed: &Agreed) -> bool {
    let text = |pointer: &str| price.pointer(pointer).and_then(Value::as_str);
    units(price.get("unit_amount")) == agreed.units()
        && text("/currency") == Some(&agreed.currency)
        && text("/recurring/interval") == Some(&agreed.unit)
        && price.pointer("/recurring/interval_count").map(Value::to_string).as_deref() == Some(&agreed.count)
        && text("/recurring/usage_type").is_none_or(|usage| usage == "licensed")
        && text("/billing_scheme").is_none_or(|scheme| scheme == "per_unit")
}
