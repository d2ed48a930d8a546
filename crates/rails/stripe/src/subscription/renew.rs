//! Later periods: read from Stripe's invoices, never charged from here.

use std::time::Duration;

use farthing_protocol::Timestamp;
use farthing_rail::{
    Begun, Canceled, Claim, PayerId, Proof, ProofKey, RailError, Renewal, Settlement, Subscriptions as _, Unknown,
};
use serde_json::Value;

use super::agreed::{Kept, Renews};
use super::begin::{SUBSCRIPTIONS, read};
use super::invoice::Invoice;
use super::{StripeSubscriptions, key_of, named_by};
use crate::METHOD;
use crate::api::{Form, Heard};
use crate::seller::outcome::unknown;

const SOON: Duration = Duration::from_secs(5);
/// An invoice is made around the start of its period.
const AROUND: Duration = Duration::from_secs(2 * 24 * 60 * 60);

impl StripeSubscriptions {
    /// Whether a later period is paid, by the one invoice that is exactly for it and was paid before it was over.
    pub(super) async fn renewed(&self, begun: Begun<'_>, index: u32) -> Renewal {
        let (Some(agreed), Some(subscription)) = (Kept::begun(begun.claim), named_by(begun.settled)) else {
            return Renewal::Unpaid("the books do not say which subscription it is".to_owned());
        };
        let period = agreed.period();
        let bounds = period.and_then(|period| {
            Some((period.start(begun.settled.at, index)?, period.start(begun.settled.at, index.checked_add(1)?)?))
        });
        let Some((start, end)) = bounds else { return Renewal::Unpaid("no clock goes that far".to_owned()) };
        let since = start.before(AROUND).unix_millis().div_euclid(1_000).to_string();
        let form = Form::default()
            .with("subscription", subscription)
            .with("created[gte]", &since)
            .with("limit", "100")
            .with("expand[]", "data.payments");
        let list = match read(self.stripe.api(), "v1/invoices", &form).await {
            Ok(list) => list,
            Err(Settlement::Unknown(unknown)) => return Renewal::Unknown(unknown),
            Err(_) => return Renewal::Unknown(Unknown { reason: "Stripe gave no list".into(), ask_again: SOON }),
        };
        let invoices = list.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        self.stop_what_is_over(invoices).await;
        let mut of_it = invoices.iter().map(Invoice::of).filter(|invoice| invoice.period() == Some((start, end)));
        let Some(invoice) = of_it.find(Invoice::is_paid) else {
            return Renewal::Unpaid("Stripe shows no paid invoice for the period".to_owned());
        };
        let Some(name) = invoice.id() else { return Renewal::Unpaid("the invoice has no id".to_owned()) };
        if let Some(what) = invoice.differs(&agreed, subscription) {
            tracing::error!(invoice = name, what, "a paid invoice is not what was agreed; it opens no period");
            return Renewal::Unpaid(format!("the invoice is not what was agreed: {what}"));
        }
        if invoice.paid_at().is_none_or(|paid| paid >= end) {
            tracing::error!(invoice = name, "an invoice was paid after its period; look at it in Stripe's dashboard");
            return Renewal::Unpaid("the invoice was paid after its period".to_owned());
        }
        let payer = PayerId::new(agreed.payer.clone());
        let (subscription, invoice) = (subscription.to_owned(), name.to_owned());
        let kept = Kept::Renews(Renews { agreed: Box::new(agreed), subscription, invoice });
        let Some(kept) = kept.to_bytes() else { return Renewal::Unpaid("it cannot be kept".to_owned()) };
        Renewal::Paid(Proof {
            key: ProofKey::new(format!("{METHOD}/invoice/{name}")),
            payer: Some(payer),
            amount: begun.claim.proof.amount,
            asset: begun.claim.proof.asset.clone(),
            kept,
        })
    }

    /// What became of an invoice that was paid when it was claimed.
    pub(super) async fn renewal_as_it_stands(&self, claim: &Claim, renews: &Renews) -> Settlement {
        let form = Form::default().with("expand[]", "payments");
        let object = match read(self.stripe.api(), &format!("v1/invoices/{}", renews.invoice), &form).await {
            Ok(object) => object,
            Err(settlement) => return settlement,
        };
        let invoice = Invoice::of(&object);
        if !invoice.is_paid() {
            return unknown("the invoice was paid, and is not any more", SOON);
        }
        match invoice.differs(&renews.agreed, &renews.subscription) {
            Some(what) => unknown(&format!("the invoice is not what was agreed: {what}"), SOON),
            None => self.settled(claim, &invoice, None).await,
        }
    }

    /// Voids what could still be collected for a period that is over (draft, section on renewal).
    async fn stop_what_is_over(&self, invoices: &[Value]) {
        let now = self.stripe.time();
        let is_over = |invoice: &Invoice<'_>| invoice.period().is_some_and(|(_, end)| end <= now);
        for invoice in invoices.iter().map(Invoice::of).filter(|invoice| invoice.is_open() && is_over(invoice)) {
            let Some(name) = invoice.id() else { continue };
            let heard = self.stripe.api().post(&format!("v1/invoices/{name}/void"), &Form::default(), None).await;
            if !matches!(&heard, Heard::Said(said) if said.is_success()) {
                tracing::warn!(invoice = name, ?heard, "an unpaid invoice of a period that is over was not voided");
            }
        }
    }

    /// Tells Stripe to renew it no more.
    pub(super) async fn end_with_the_period(&self, begun: Begun<'_>) -> Result<Canceled, RailError> {
        let name = named_by(begun.settled).ok_or_else(|| RailError("the books name no subscription".into()))?;
        let form = Form::default().with("cancel_at_period_end", "true");
        let key = key_of(begun.claim.payment, "cancel");
        let said = match self.stripe.api().post(&format!("{SUBSCRIPTIONS}/{name}"), &form, Some(&key)).await {
            Heard::Said(said) => said,
            Heard::Unreached => return Err(RailError("Stripe cannot be reached".into())),
            Heard::Nothing(what) => return Err(RailError(format!("Stripe gave {what}"))),
        };
        let ends = if said.is_success() { said.body.get("cancel_at").and_then(Value::as_i64) } else { None };
        if let Some(ends) = ends.and_then(|seconds| seconds.checked_mul(1_000)) {
            return Ok(Canceled { ends: Timestamp::from_unix_millis(ends) });
        }
        // It may be over already; then nothing of it is renewed, and what is paid is paid.
        let object = read(self.stripe.api(), &format!("{SUBSCRIPTIONS}/{name}"), &Form::default()).await;
        let is_over = object.as_ref().is_ok_and(|object| super::profile::Profile::of(object).is_over());
        let period = self.period_at(begun, self.stripe.time());
        match period.filter(|_| is_over) {
            Some(period) => Ok(Canceled { ends: period.end }),
            None => Err(RailError(format!("Stripe did not cancel the subscription: {said}"))),
        }
    }
}
