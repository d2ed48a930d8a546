use std::collections::BTreeMap;

use farthing_protocol::Challenge;
use farthing_protocol::subscription::{Period, PeriodUnit};
use farthing_rail::{Claim, PayerKey, PaymentId};
use serde::{Deserialize, Serialize};

use super::{StripeSubscription, Subscriber};
use crate::api::Form;
use crate::currency::code_of;

/// In which version of the API, and for which connected account, Stripe is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AsAsked {
    pub(crate) version: String,
    pub(crate) account: Option<String>,
}

/// What was agreed when a subscription began: all that repeating its calls takes, and what every invoice is held to.
/// It is kept with the payment, open: nothing in it pays without the seller's secret key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Agreed {
    pub(super) asked: AsAsked,
    pub(super) challenge: String,
    pub(super) payer: String,
    pub(super) payment_method: String,
    pub(super) customer: Option<String>,
    pub(super) kinds: Vec<String>,
    /// In the smallest unit of the currency, as text.
    pub(super) amount: String,
    pub(super) currency: String,
    pub(super) unit: String,
    pub(super) count: String,
    pub(super) metadata: BTreeMap<String, String>,
}

/// What the books keep of a payment of this method.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    /// It begins a subscription.
    Begins(Box<Agreed>),
    /// It is a later period's.
    Renews(Renews),
}

/// A later period's payment: an invoice, and what it is held to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Renews {
    pub(super) agreed: Box<Agreed>,
    pub(super) subscription: String,
    pub(super) invoice: String,
}

impl Kept {
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// What was agreed with the payment that began a subscription.
    pub(super) fn begun(claim: &Claim) -> Option<Agreed> {
        match Self::read(&claim.proof.kept)? {
            Self::Begins(agreed) => Some(*agreed),
            Self::Renews(_) => None,
        }
    }
}

impl Agreed {
    pub(super) fn new(
        asked: AsAsked,
        challenge: &Challenge,
        request: &StripeSubscription,
        subscriber: &Subscriber,
        payer: &PayerKey,
    ) -> Self {
        Self {
            asked,
            challenge: challenge.id().as_str().to_owned(),
            payer: payer.to_string(),
            payment_method: subscriber.payment_method.clone(),
            customer: subscriber.customer.clone(),
            kinds: request.payment_method_types.clone(),
            amount: request.amount.to_string(),
            currency: code_of(&request.asset),
            unit: request.period.unit().as_str().to_owned(),
            count: request.period.count().to_owned(),
            metadata: request.metadata.clone(),
        }
    }

    pub(super) fn period(&self) -> Option<Period> {
        let units = [PeriodUnit::Day, PeriodUnit::Week, PeriodUnit::Month];
        Period::new(units.into_iter().find(|unit| unit.as_str() == self.unit)?, &self.count)
    }

    pub(super) fn units(&self) -> Option<u128> {
        self.amount.parse().ok()
    }

    /// What every subscription at this price has in common: Stripe holds one price for them.
    pub(super) fn price_name(&self) -> String {
        format!("farthing_{}_{}_{}_{}", self.currency, self.amount, self.count, self.unit)
    }

    pub(super) fn price(&self) -> Form {
        Form::default()
            .with("unit_amount", &self.amount)
            .with("currency", &self.currency)
            .with("recurring[interval]", &self.unit)
            .with("recurring[interval_count]", &self.count)
            .with("product_data[name]", "Subscription")
            .with("lookup_key", &self.price_name())
    }

    /// The subscription and nothing besides: no trial, coupon, tax, further item, anchor or end.
    pub(super) fn subscription(&self, payment: PaymentId, customer: &str, price: &str) -> Form {
        let form = Form::default()
            .with("customer", customer)
            .with("default_payment_method", &self.payment_method)
            .with("items[0][price]", price)
            .with("items[0][quantity]", "1")
            .with("collection_method", "charge_automatically")
            .with("payment_behavior", "error_if_incomplete")
            .with("proration_behavior", "none")
            .with("off_session", "true")
            .with(&format!("metadata[{}]", crate::seller::CHALLENGE), &self.challenge)
            .with(&format!("metadata[{}]", crate::seller::PAYMENT), &payment.to_string());
        let named = self.metadata.iter();
        let form = named.fold(form, |form, (name, value)| form.with(&format!("metadata[{name}]"), value));
        form.with("expand[]", "latest_invoice.payments")
    }
}
