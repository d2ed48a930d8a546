//! Whether what was paid still stands, and paying it back.

use std::time::Duration;

use farthing_rail::{Claim, Refund, Settled, Settlement, Standing};
use serde_json::Value;

use super::agreed::Kept;
use super::begin::{SUBSCRIPTIONS, read};
use super::invoice::Invoice;
use super::profile::Profile;
use super::{StripeSubscriptions, named_by};
use crate::api::{Form, Heard};
use crate::seller::outcome::unknown;

const EVERY_DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ASK_AGAIN: Duration = Duration::from_secs(10 * 60);

impl StripeSubscriptions {
    /// A period stands as long as the charge that paid its invoice does. The first one is asked about for as long as
    /// its subscription lives: whoever asks looks for later periods, too.
    pub(super) async fn standing_of(&self, claim: &Claim, settled: &Settled) -> Standing {
        let Ok(intent) = self.intent_of(&settled.reference).await else {
            return Standing::Provisional { ask_again: ASK_AGAIN };
        };
        let by_intent = Settled { reference: intent, ..settled.clone() };
        match self.stripe.standing_of(claim, &by_intent).await {
            Standing::Moved(moved) => Standing::Moved(Settled { reference: settled.reference.clone(), ..moved }),
            Standing::Provisional { ask_again } => Standing::Provisional { ask_again: ask_again.min(EVERY_DAY) },
            Standing::Final if Kept::begun(claim).is_some() && !self.is_over(settled).await => {
                Standing::Provisional { ask_again: EVERY_DAY }
            }
            standing => standing,
        }
    }

    async fn is_over(&self, settled: &Settled) -> bool {
        let Some(name) = named_by(settled) else { return true };
        let object = read(self.stripe.api(), &format!("{SUBSCRIPTIONS}/{name}"), &Form::default()).await;
        object.is_ok_and(|object| Profile::of(&object).is_over())
    }

    /// Pays a period back. The subscription that the payment began ends with it: who gets the money back is not
    /// billed again.
    pub(super) async fn pay_back(&self, refund: &Refund) -> Settlement {
        let form = Form::default().with("expand[]", "payments");
        let object = match read(self.stripe.api(), &format!("v1/invoices/{}", refund.reference), &form).await {
            Ok(object) => object,
            Err(settlement) => return settlement,
        };
        let invoice = Invoice::of(&object);
        let (Some(subscription), Some(intent)) = (invoice.subscription(), invoice.intent()) else {
            return unknown("the invoice names no subscription or no payment", ASK_AGAIN);
        };
        if let Err(settlement) = self.end_what_it_began(refund, subscription).await {
            return settlement;
        }
        self.stripe.pay_back(&Refund { reference: intent.to_owned(), ..refund.clone() }).await
    }

    async fn end_what_it_began(&self, refund: &Refund, subscription: &str) -> Result<(), Settlement> {
        let path = format!("{SUBSCRIPTIONS}/{subscription}");
        let object = read(self.stripe.api(), &path, &Form::default()).await?;
        let profile = Profile::of(&object);
        if profile.payment() != Some(refund.payment) || profile.is_over() {
            return Ok(());
        }
        match self.stripe.api().delete(&path).await {
            Heard::Said(said) if said.text("/status") == Some("canceled") => Ok(()),
            _ => Err(unknown("the subscription could not be ended before its payment is sent back", ASK_AGAIN)),
        }
    }

    async fn intent_of(&self, invoice: &str) -> Result<String, Settlement> {
        let form = Form::default().with("expand[]", "payments");
        let object: Value = read(self.stripe.api(), &format!("v1/invoices/{invoice}"), &form).await?;
        Invoice::of(&object)
            .intent()
            .map(str::to_owned)
            .ok_or_else(|| unknown("the invoice names no payment", ASK_AGAIN))
    }
}
