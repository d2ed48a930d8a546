//! An invoice at Stripe, as far as it says whether a period is paid.

use farthing_protocol::Timestamp;
use farthing_rail::{Claim, Settled, Settlement};
use serde_json::Value;

use super::StripeSubscriptions;
use super::agreed::Agreed;
use super::begin::read;
use crate::api::Form;
use crate::seller::intent::{EXPANDED, PaymentIntent, Stands, id, movement, units};
use crate::seller::outcome::unknown;

const UNDER_WAY: std::time::Duration = std::time::Duration::from_secs(5);

/// One invoice.
#[derive(Clone, Copy)]
pub(super) struct Invoice<'a>(&'a Value);

impl<'a> Invoice<'a> {
    pub(super) fn of(object: &'a Value) -> Self {
        Self(object)
    }

    /// `in_...`.
    pub(super) fn id(&self) -> Option<&'a str> {
        id(self.0.get("id")?, "in_")
    }

    /// The subscription that it is of.
    pub(super) fn subscription(&self) -> Option<&'a str> {
        id(self.0.pointer("/parent/subscription_details/subscription")?, "sub_")
    }

    pub(super) fn is_paid(&self) -> bool {
        self.status() == "paid"
    }

    /// Whether money could still be collected for it.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status(), "open" | "uncollectible")
    }

    fn status(&self) -> &'a str {
        self.0.get("status").and_then(Value::as_str).unwrap_or_default()
    }

    /// The period of its one line, from its start up to the next one's.
    pub(super) fn period(&self) -> Option<(Timestamp, Timestamp)> {
        let line = self.line()?;
        Some((at(line.pointer("/period/start"))?, at(line.pointer("/period/end"))?))
    }

    /// When it was paid.
    pub(super) fn paid_at(&self) -> Option<Timestamp> {
        at(self.0.pointer("/status_transitions/paid_at"))
    }

    /// The PaymentIntent that paid it.
    pub(super) fn intent(&self) -> Option<&'a str> {
        let payments = self.0.pointer("/payments/data")?.as_array()?;
        let is_paid = |payment: &&Value| payment.get("status").and_then(Value::as_str) == Some("paid");
        id(payments.iter().find(is_paid)?.pointer("/payment/payment_intent")?, "pi_")
    }

    fn line(&self) -> Option<&'a Value> {
        match self.0.pointer("/lines/data")?.as_array()?.as_slice() {
            [line] if self.0.pointer("/lines/has_more") != Some(&Value::Bool(true)) => Some(line),
            _ => None,
        }
    }

    /// What of it is not one period at the price that was agreed; nothing, if it is.
    pub(super) fn differs(&self, agreed: &Agreed, subscription: &str) -> Option<&'static str> {
        let is_empty = |name: &str| match self.0.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::Array(list)) => list.is_empty(),
            Some(_) => false,
        };
        let is_amount = |name: &str| units(self.0.get(name)) == agreed.units();
        let Some(line) = self.line() else { return Some("it has another number of lines than one") };
        let prorated = line.pointer("/parent/subscription_item_details/proration") != Some(&Value::Bool(false));
        if self.subscription() != Some(subscription) {
            Some("it is of another subscription")
        } else if !["amount_paid", "total", "subtotal"].into_iter().all(is_amount)
            || units(line.get("amount")) != agreed.units()
        {
            Some("it is for another amount")
        } else if self.0.get("currency").and_then(Value::as_str) != Some(&agreed.currency) {
            Some("it is in another currency")
        } else if !["discounts", "total_discount_amounts", "total_taxes"].into_iter().all(is_empty) {
            Some("it has a discount or a tax")
        } else if prorated || self.0.get("starting_balance").and_then(Value::as_i64).unwrap_or_default() != 0 {
            Some("it has a proration or a credit")
        } else {
            None
        }
    }
}

fn at(seconds: Option<&Value>) -> Option<Timestamp> {
    seconds?.as_i64()?.checked_mul(1_000).map(Timestamp::from_unix_millis)
}

impl StripeSubscriptions {
    /// What a paid invoice did: the charge that paid it, and what that cost. It settles at the start of its period, from
    /// which later ones are counted; the first one names its subscription, so that this counts once, too.
    pub(super) async fn settled(&self, claim: &Claim, invoice: &Invoice<'_>, begins: Option<&str>) -> Settlement {
        let (Some(name), Some((start, _)), Some(intent)) = (invoice.id(), invoice.period(), invoice.intent()) else {
            return unknown("the invoice says not by what or for when it was paid", UNDER_WAY);
        };
        let form = Form::default().with("expand[]", EXPANDED);
        let object = match read(self.stripe.api(), &format!("v1/payment_intents/{intent}"), &form).await {
            Ok(object) => object,
            Err(settlement) => return settlement,
        };
        let intent = PaymentIntent::of(&object);
        let asset = &claim.proof.asset;
        if intent.stands() != Stands::Succeeded {
            return unknown("the invoice is paid and its PaymentIntent is not", UNDER_WAY);
        }
        if let Some(what) = intent.differs_in_money(claim.proof.amount, asset) {
            tracing::error!(payment = %claim.payment, what, "an invoice was not paid as it says");
            return unknown(&format!("the invoice was not paid as it says: {what}"), UNDER_WAY);
        }
        let Some(settled) = intent.settled(asset, start) else {
            return unknown("the PaymentIntent names no charge", UNDER_WAY);
        };
        let mut consumed = settled.consumed;
        consumed.push(movement(name));
        consumed.extend(begins.map(movement));
        Settlement::Settled(Settled { reference: name.to_owned(), at: start, consumed, ..settled })
    }
}
