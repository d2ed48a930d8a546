//! Paying a charge back, once.

use std::time::Duration;

use farthing_protocol::ProblemType;
use farthing_rail::{Refund, Refusal, Settled, Settlement};
use serde_json::Value;

use super::intent::{id, movement, units};
use super::outcome::{rejected, unknown};
use super::{PAYMENT, Stripe};
use crate::api::{Form, Heard};

const REFUNDS: &str = "v1/refunds";
const ASK_AGAIN: Duration = Duration::from_secs(30);

impl Stripe {
    /// Pays back. What was paid back before, perhaps by a call whose answer was lost, is found first: a key is
    /// forgotten after a day, and a refund must not be made twice for that.
    pub(crate) async fn pay_back(&self, refund: &Refund) -> Settlement {
        match self.made_before(refund).await {
            Err(settlement) => return settlement,
            Ok(Some(object)) => return self.refunded(&object),
            Ok(None) => {}
        }
        let form = Form::default()
            .with("payment_intent", &refund.reference)
            .with("amount", &refund.amount.to_string())
            .with(&format!("metadata[{PAYMENT}]"), &refund.payment.to_string());
        let key = format!("{}_refund_{}", refund.payment, refund.amount);
        match self.api.post(REFUNDS, &form, Some(&key)).await {
            Heard::Said(said) if said.is_success() && !said.replayed => self.refunded(&said.body),
            // What is stored with a key is how the refund stood then.
            Heard::Said(said) if said.is_success() => {
                unknown("the refund was asked for before", Duration::from_secs(2))
            }
            Heard::Said(said) if matches!(said.status, 400 | 402 | 404) && !said.replayed => {
                let detail = "Stripe does not pay this back; look at the payment in its dashboard";
                let refusal = Refusal::new(ProblemType::VerificationFailed, detail);
                rejected(&format!("the refund was answered with {said}"), refusal)
            }
            Heard::Said(said) => unknown(&format!("the refund was answered with {said}"), ASK_AGAIN),
            Heard::Unreached => unknown("Stripe cannot be reached", ASK_AGAIN),
            Heard::Nothing(what) => unknown(&format!("Stripe gave {what} to the refund"), ASK_AGAIN),
        }
    }

    /// The refund of this payment and amount, if Stripe knows one that did not fail.
    async fn made_before(&self, refund: &Refund) -> Result<Option<Value>, Settlement> {
        let form = Form::default().with("payment_intent", &refund.reference).with("limit", "100");
        let said = match self.api.get(REFUNDS, &form).await {
            Heard::Said(said) if said.is_success() => said,
            Heard::Said(said) => return Err(unknown(&format!("refunds cannot be listed: {said}"), ASK_AGAIN)),
            Heard::Unreached => return Err(unknown("Stripe cannot be reached", ASK_AGAIN)),
            Heard::Nothing(what) => return Err(unknown(&format!("Stripe gave {what}"), ASK_AGAIN)),
        };
        let Some(list) = said.body.get("data").and_then(Value::as_array) else {
            return Err(unknown("Stripe gave no list of refunds", ASK_AGAIN));
        };
        let payment = refund.payment.to_string();
        let is_it = |object: &&Value| {
            let named = object.pointer(&format!("/metadata/{PAYMENT}")).and_then(Value::as_str) == Some(&payment);
            let failed = matches!(status(object), "failed" | "canceled");
            named && !failed && units(object.get("amount")) == Some(refund.amount.units())
        };
        Ok(list.iter().find(is_it).cloned())
    }

    fn refunded(&self, object: &Value) -> Settlement {
        let Some(reference) = id(object, "re_").or_else(|| id(object, "pyr_")) else {
            return unknown("the refund has no id", ASK_AGAIN);
        };
        match status(object) {
            "succeeded" => Settlement::Settled(Settled {
                reference: reference.to_owned(),
                at: (self.now)(),
                fee: farthing_money::Amount::ZERO,
                passed_on: farthing_money::Amount::ZERO,
                consumed: vec![movement(reference)],
                captured: None,
            }),
            "failed" | "canceled" => {
                let detail = "the refund failed at the payer's bank; pay back by other means";
                rejected("the refund failed", Refusal::new(ProblemType::VerificationFailed, detail))
            }
            _ => unknown("the refund is under way", ASK_AGAIN),
        }
    }
}

fn status(object: &Value) -> &str {
    object.get("status").and_then(Value::as_str).unwrap_or_default()
}
