//! Charging a token once, and finding out what became of it.

use std::time::Duration;

use farthing_rail::{Claim, Settlement};
use serde_json::Value;

use super::intent::{EXPANDED, PaymentIntent, Stands};
use super::outcome::{Attempt, Judged, declined, judge, needs_action, unable, unknown};
use super::{PAYMENT, Stripe};
use crate::api::{Form, Heard};

const INTENTS: &str = "v1/payment_intents";

/// Stripe forgets a key after a day; until then the same call gives the same answer.
const KEY_LIVES: Duration = Duration::from_secs(23 * 60 * 60);
/// After so long a search finds whatever there is.
const SEARCHABLE: Duration = Duration::from_secs(60 * 60);
/// When a payment that is under way somewhere is looked at again.
const UNDER_WAY: Duration = Duration::from_secs(5);
const SEARCH_AGAIN: Duration = Duration::from_secs(60);

impl Stripe {
    /// The first call of a payment.
    pub(super) async fn charge_once(&self, claim: &Claim) -> Settlement {
        match self.ordered(claim).await {
            // The key changed between verifying and charging; nothing was asked.
            None => unable("what was kept of the charge does not open with this secret key"),
            Some(heard) => self.weigh(claim, judge(heard, Attempt::First)).await,
        }
    }

    /// The same call again while its key lives; from then on, and where it tells nothing any more, by what
    /// Stripe holds under the payment's name.
    pub(super) async fn find_out(&self, claim: &Claim) -> Settlement {
        if (self.now)().since(claim.claimed_at) < KEY_LIVES
            && let Some(heard) = self.ordered(claim).await
        {
            return self.weigh(claim, judge(heard, Attempt::Repeated)).await;
        }
        self.search(claim, "the key of the charge is over").await
    }

    /// Makes the call that was kept.
    async fn ordered(&self, claim: &Claim) -> Option<Heard> {
        let charge = self.seal.open(claim.payment, &claim.proof.kept)?;
        let api = self.api.as_before(&charge.version, charge.account.as_deref()).ok()?;
        Some(api.post(INTENTS, &charge.form(), Some(&claim.payment.to_string())).await)
    }

    async fn weigh(&self, claim: &Claim, judged: Judged) -> Settlement {
        match judged {
            Judged::Clear(settlement) => settlement,
            Judged::Spoilt(why) => self.search(claim, &why).await,
            // What is stored with a key is how the intent stood then. That it succeeded stays true: our own
            // record says that nothing was delivered for it, so the payer is not told to pay again.
            Judged::Look(said) => match PaymentIntent::of(&said.body).stands() {
                Stands::Succeeded => self.decide(claim, &said.body).await,
                _ if said.replayed => self.look_again(claim, &said.body).await,
                _ => self.decide(claim, &said.body).await,
            },
        }
    }

    /// Reads an intent as it stands now.
    async fn look_again(&self, claim: &Claim, object: &Value) -> Settlement {
        match self.read_intent(PaymentIntent::of(object).id()).await {
            Ok(object) => self.decide(claim, &object).await,
            Err(settlement) => settlement,
        }
    }

    /// What an intent that was just read comes to.
    async fn decide(&self, claim: &Claim, object: &Value) -> Settlement {
        let intent = PaymentIntent::of(object);
        match intent.stands() {
            Stands::Succeeded => self.taken(claim, &intent),
            Stands::NeedsAction => self.cancel(claim, intent.id()).await,
            Stands::Processing => unknown("Stripe is still processing the payment", UNDER_WAY),
            Stands::Failed => declined("the PaymentIntent failed"),
            Stands::Unheard => unknown("the PaymentIntent has a status that is not known here", SEARCH_AGAIN),
        }
    }

    fn taken(&self, claim: &Claim, intent: &PaymentIntent<'_>) -> Settlement {
        if let Some(what) = intent.differs(claim.payment, claim.proof.amount, &claim.proof.asset) {
            tracing::error!(payment = %claim.payment, what, "a PaymentIntent is not what was ordered");
            return unknown(&format!("the PaymentIntent is not what was ordered: {what}"), SEARCH_AGAIN);
        }
        match intent.settled(&claim.proof.asset, (self.now)()) {
            Some(settled) => Settlement::Settled(settled),
            None => unknown("the PaymentIntent names no charge", UNDER_WAY),
        }
    }

    /// Ends an intent that waits for somebody, so that nobody finishes it later.
    async fn cancel(&self, claim: &Claim, id: Option<&str>) -> Settlement {
        let Some(id) = id else { return unknown("the PaymentIntent has no id", UNDER_WAY) };
        let heard = self.api.post(&format!("{INTENTS}/{id}/cancel"), &Form::default(), None).await;
        let is_canceled = |object: &Value| object.get("status").and_then(Value::as_str) == Some("canceled");
        if let Heard::Said(said) = &heard
            && said.is_success()
            && is_canceled(&said.body)
        {
            return needs_action("the payer's bank wanted the payer to confirm; the PaymentIntent was cancelled");
        }
        // It may be cancelled already, or have succeeded after all.
        match self.read_intent(Some(id)).await {
            Ok(object) if is_canceled(&object) => needs_action("the PaymentIntent wanted the payer and is cancelled"),
            Ok(object) if PaymentIntent::of(&object).stands() == Stands::Succeeded => {
                self.taken(claim, &PaymentIntent::of(&object))
            }
            Ok(_) => unknown("the PaymentIntent wants the payer and could not be cancelled", UNDER_WAY),
            Err(settlement) => settlement,
        }
    }

    pub(super) async fn read_intent(&self, id: Option<&str>) -> Result<Value, Settlement> {
        let Some(id) = id else { return Err(unknown("the PaymentIntent has no id", UNDER_WAY)) };
        match self.api.get(&format!("{INTENTS}/{id}"), &Form::default().with("expand[]", EXPANDED)).await {
            Heard::Said(said) if said.is_success() => Ok(said.body),
            Heard::Said(said) => Err(unknown(&format!("the PaymentIntent cannot be read: {said}"), UNDER_WAY)),
            Heard::Unreached => Err(unknown("Stripe cannot be reached", UNDER_WAY)),
            Heard::Nothing(what) => Err(unknown(&format!("Stripe gave {what}"), UNDER_WAY)),
        }
    }

    /// An object of this kind as it stands, for whoever only wants to know whose it is; nothing, where there is none.
    pub(crate) async fn object_now(&self, kind: &str, id: &str) -> Result<Option<Value>, String> {
        match self.api.get(&format!("v1/{kind}/{id}"), &Form::default()).await {
            Heard::Said(said) if said.is_success() => Ok(Some(said.body)),
            Heard::Said(said) if said.status == 404 => Ok(None),
            Heard::Said(said) => Err(format!("Stripe answered {said}")),
            Heard::Unreached => Err("Stripe cannot be reached".to_owned()),
            Heard::Nothing(what) => Err(format!("Stripe gave {what}")),
        }
    }

    /// Looks for the payment by its name. Searching lags behind, so that finding nothing says nothing for a while.
    async fn search(&self, claim: &Claim, why: &str) -> Settlement {
        let query = format!("metadata['{PAYMENT}']:'{}'", claim.payment);
        let form = Form::default().with("query", &query).with("limit", "10");
        let said = match self.api.get(&format!("{INTENTS}/search"), &form).await {
            Heard::Said(said) if said.is_success() => said,
            Heard::Said(said) => return unknown(&format!("{why}, and the search answered {said}"), SEARCH_AGAIN),
            Heard::Unreached => return unknown("Stripe cannot be reached", UNDER_WAY),
            Heard::Nothing(what) => return unknown(&format!("{why}, and the search gave {what}"), SEARCH_AGAIN),
        };
        let Some(found) = said.body.get("data").and_then(Value::as_array) else {
            return unknown(&format!("{why}, and the search gave no list"), SEARCH_AGAIN);
        };
        let of_ours = found.iter().filter(|object| PaymentIntent::of(object).payment() == Some(claim.payment));
        let is_taken = |object: &&Value| PaymentIntent::of(object).stands() == Stands::Succeeded;
        match of_ours.clone().find(is_taken).or(of_ours.clone().next()) {
            Some(object) => self.look_again(claim, object).await,
            None if (self.now)().since(claim.claimed_at) > SEARCHABLE => {
                declined(&format!("{why}, and Stripe holds nothing for this payment"))
            }
            None => unknown(&format!("{why}, and Stripe does not show the payment yet"), SEARCH_AGAIN),
        }
    }
}
