//! Beginning a subscription once, and finding out whether it began.

use std::time::Duration;

use farthing_rail::{Claim, Settlement};
use serde_json::Value;

use super::agreed::{Agreed, Kept};
use super::profile::Profile;
use super::{StripeSubscriptions, key_of};
use crate::api::{Api, Form, Heard, Said};
use crate::seller::PAYMENT;
use crate::seller::intent::id;
use crate::seller::outcome::{Attempt, Judged, declined, judge, needs_action, refused, unable, unknown};

pub(super) const SUBSCRIPTIONS: &str = "v1/subscriptions";

/// Who a customer is, in the metadata of it.
const PAYER: &str = "farthing_payer";
/// Stripe forgets a key after a day; until then the same calls give the same answers.
const KEY_LIVES: Duration = Duration::from_secs(23 * 60 * 60);
/// After so long a search finds whatever there is.
const SEARCHABLE: Duration = Duration::from_secs(60 * 60);
const UNDER_WAY: Duration = Duration::from_secs(5);
const SEARCH_AGAIN: Duration = Duration::from_secs(60);

/// Why a step came to no object.
enum Short {
    /// What is known of the payment for it.
    Settled(Box<Settlement>),
    /// The answer to its key is spoilt for good.
    Spoilt(String),
}

impl StripeSubscriptions {
    /// The first call of a payment.
    pub(super) async fn settle_once(&self, claim: &Claim) -> Settlement {
        match Kept::read(&claim.proof.kept) {
            Some(Kept::Begins(agreed)) => match self.begin(claim, &agreed, Attempt::First).await {
                Ok(settlement) => settlement,
                Err(Short::Settled(settlement)) => *settlement,
                Err(Short::Spoilt(why)) => self.search(claim, &agreed, &why).await,
            },
            Some(Kept::Renews(renews)) => self.renewal_as_it_stands(claim, &renews).await,
            None => unable("what was kept of the subscription cannot be read"),
        }
    }

    /// The same calls again while their keys live; from then on by what Stripe holds under the payment's name. That
    /// a repeated step is refused says nothing of the subscription that an earlier attempt may have made.
    pub(super) async fn find_out(&self, claim: &Claim) -> Settlement {
        let agreed = match Kept::read(&claim.proof.kept) {
            Some(Kept::Begins(agreed)) => agreed,
            Some(Kept::Renews(renews)) => return self.renewal_as_it_stands(claim, &renews).await,
            None => return unable("what was kept of the subscription cannot be read"),
        };
        if self.stripe.time().since(claim.claimed_at) >= KEY_LIVES {
            return self.search(claim, &agreed, "the key of the subscription is over").await;
        }
        match self.begin(claim, &agreed, Attempt::Repeated).await {
            Ok(settlement) => settlement,
            Err(Short::Settled(settlement)) => match *settlement {
                Settlement::Rejected(rejected) => self.search(claim, &agreed, &rejected.reason).await,
                settlement => settlement,
            },
            Err(Short::Spoilt(why)) => self.search(claim, &agreed, &why).await,
        }
    }

    async fn begin(&self, claim: &Claim, agreed: &Agreed, attempt: Attempt) -> Result<Settlement, Short> {
        let api = self.stripe.api_as(&agreed.asked);
        let api =
            &api.ok_or_else(|| Short::Settled(Box::new(unable("the version or account of the subscription is none"))))?;
        let customer = customer_of(api, claim, agreed, attempt).await?;
        let price = price_of(api, agreed, attempt).await?;
        let form = agreed.subscription(claim.payment, &customer, &price);
        let heard = api.post(SUBSCRIPTIONS, &form, Some(&key_of(claim.payment, "subscribe"))).await;
        let is_decline = matches!(&heard, Heard::Said(said) if said.status == 402);
        let said = match judge(heard, attempt) {
            Judged::Look(said) => said,
            // No subscription was made: that is what error_if_incomplete means.
            Judged::Clear(Settlement::Rejected(rejected)) if wants_the_payer(&rejected.reason) => {
                return Ok(needs_action(&rejected.reason));
            }
            // A decline is the answer to this very call, whenever it is heard; another refusal only to the first one.
            Judged::Clear(settlement @ Settlement::Rejected(_)) if is_decline || attempt == Attempt::First => {
                return Ok(settlement);
            }
            Judged::Clear(settlement) => return Err(Short::Settled(Box::new(settlement))),
            Judged::Spoilt(why) => return Err(Short::Spoilt(why)),
        };
        // What is stored with a key is how the subscription stood then.
        Ok(match said.replayed {
            true => self.as_it_stands(api, claim, agreed, &said.body).await,
            false => self.weigh(api, claim, agreed, &said.body).await,
        })
    }

    async fn as_it_stands(&self, api: &Api, claim: &Claim, agreed: &Agreed, object: &Value) -> Settlement {
        let Some(name) = object.get("id").and_then(|value| id(value, "sub_")) else {
            return unknown("the subscription has no id", UNDER_WAY);
        };
        let form = Form::default().with("expand[]", "latest_invoice.payments");
        match read(api, &format!("{SUBSCRIPTIONS}/{name}"), &form).await {
            Ok(object) => self.weigh(api, claim, agreed, &object).await,
            Err(settlement) => settlement,
        }
    }

    /// What a subscription with its first invoice comes to.
    async fn weigh(&self, api: &Api, claim: &Claim, agreed: &Agreed, object: &Value) -> Settlement {
        let profile = Profile::of(object);
        let differs = profile.differs(claim.payment, agreed);
        let (Some(subscription), Some(invoice)) = (profile.id(), profile.invoice()) else {
            return unknown("the subscription has no id or no invoice", UNDER_WAY);
        };
        if !invoice.is_paid() {
            return give_up(api, subscription, invoice.id()).await;
        }
        let differs = differs.or_else(|| invoice.differs(agreed, subscription));
        if let Some(what) = differs {
            tracing::error!(payment = %claim.payment, what, "a subscription is not what was ordered");
            return unknown(&format!("the subscription is not what was ordered: {what}"), SEARCH_AGAIN);
        }
        self.settled(claim, &invoice, Some(subscription)).await
    }

    /// Looks for the subscription by the payment's name. Searching lags behind, so that finding nothing says nothing
    /// for a while.
    async fn search(&self, claim: &Claim, agreed: &Agreed, why: &str) -> Settlement {
        let Some(api) = self.stripe.api_as(&agreed.asked) else { return unknown(why, SEARCH_AGAIN) };
        let query = format!("metadata['{PAYMENT}']:'{}'", claim.payment);
        let form = Form::default().with("query", &query).with("limit", "10");
        let found = match read(&api, &format!("{SUBSCRIPTIONS}/search"), &form).await {
            Ok(found) => found,
            Err(settlement) => return settlement,
        };
        let Some(list) = found.get("data").and_then(Value::as_array) else {
            return unknown(&format!("{why}, and the search gave no list"), SEARCH_AGAIN);
        };
        match list.iter().find(|object| Profile::of(object).payment() == Some(claim.payment)) {
            Some(object) => Box::pin(self.as_it_stands(&api, claim, agreed, object)).await,
            None if self.stripe.time().since(claim.claimed_at) > SEARCHABLE => {
                declined(&format!("{why}, and Stripe holds no subscription for this payment"))
            }
            None => unknown(&format!("{why}, and Stripe does not show the subscription yet"), SEARCH_AGAIN),
        }
    }
}

/// The payer's customer, with the payment method attached. One that the payload names must be the payer's own: it
/// was made for the same key before (the draft does not say so).
async fn customer_of(api: &Api, claim: &Claim, agreed: &Agreed, attempt: Attempt) -> Result<String, Short> {
    let refusal = |reason: &str| Err(Short::Settled(Box::new(refused_subscriber(reason))));
    let method = format!("v1/payment_methods/{}", agreed.payment_method);
    let found = get(api, &method, attempt).await?;
    let kind = found.get("type").and_then(Value::as_str).unwrap_or_default();
    if !agreed.kinds.iter().any(|known| known == kind) {
        return refusal("the payment method is of a type that is not taken");
    }
    let holder = found.get("customer").and_then(|value| id(value, "cus_")).map(str::to_owned);
    // A payment method stays with the customer that it was attached to.
    let customer = match agreed.customer.as_ref().or(holder.as_ref()) {
        Some(known) => {
            let object = get(api, &format!("v1/customers/{known}"), attempt).await?;
            let of = object.pointer(&format!("/metadata/{PAYER}")).and_then(Value::as_str);
            if of != Some(agreed.payer.as_str()) || object.get("deleted") == Some(&Value::Bool(true)) {
                return refusal("the customer is another payer's");
            }
            known.clone()
        }
        None => {
            let form = Form::default().with(&format!("metadata[{PAYER}]"), &agreed.payer);
            let made = post(api, "v1/customers", &form, &key_of(claim.payment, "customer"), attempt).await?;
            named(&made, "cus_")?
        }
    };
    match holder {
        Some(holder) if holder == customer => {}
        Some(_) => return refusal("the payment method is another customer's"),
        None => {
            let form = Form::default().with("customer", &customer);
            let key = key_of(claim.payment, "attach");
            post(api, &format!("{method}/attach"), &form, &key, attempt).await?;
        }
    }
    Ok(customer)
}

/// The price of all subscriptions like this one, made if there is none.
async fn price_of(api: &Api, agreed: &Agreed, attempt: Attempt) -> Result<String, Short> {
    let name = agreed.price_name();
    let form = Form::default().with("lookup_keys[]", &name).with("active", "true");
    let known = listed(api, "v1/prices", attempt, &form).await?;
    let list = known.get("data").and_then(Value::as_array).into_iter().flatten();
    if let Some(price) = list.into_iter().find(|price| super::profile::is_price(price, agreed)) {
        return named(price, "price_");
    }
    // Two that make it at once make it once: the lookup key is taken, or the idempotency key is.
    let made = post(api, "v1/prices", &agreed.price(), &name, attempt).await?;
    named(&made, "price_")
}

/// Ends what is not paid for at once, so that nobody pays for it later.
async fn give_up(api: &Api, subscription: &str, invoice: Option<&str>) -> Settlement {
    let path = format!("{SUBSCRIPTIONS}/{subscription}");
    let over = api.delete(&path).await;
    if let Some(invoice) = invoice {
        api.post(&format!("v1/invoices/{invoice}/void"), &Form::default(), None).await;
    }
    let is_canceled = |said: &Said| said.text("/status") == Some("canceled");
    let open = match invoice {
        Some(invoice) => read(api, &format!("v1/invoices/{invoice}"), &Form::default()).await,
        None => Ok(Value::Null),
    };
    let is_void = |object: &Value| object.get("status").and_then(Value::as_str) == Some("void");
    match (over, open) {
        (Heard::Said(said), Ok(object)) if is_canceled(&said) && (invoice.is_none() || is_void(&object)) => {
            needs_action("the first invoice was not paid at once; the subscription is cancelled and the invoice void")
        }
        _ => unknown("the first invoice is not paid, and it cannot be ended just now", UNDER_WAY),
    }
}

/// Reads something that a payment depends on.
pub(super) async fn read(api: &Api, path: &str, form: &Form) -> Result<Value, Settlement> {
    match api.get(path, form).await {
        Heard::Said(said) if said.is_success() => Ok(said.body),
        Heard::Said(said) => Err(unknown(&format!("Stripe answered {said}"), UNDER_WAY)),
        Heard::Unreached => Err(unknown("Stripe cannot be reached", UNDER_WAY)),
        Heard::Nothing(what) => Err(unknown(&format!("Stripe gave {what}"), UNDER_WAY)),
    }
}

async fn get(api: &Api, path: &str, attempt: Attempt) -> Result<Value, Short> {
    listed(api, path, attempt, &Form::default()).await
}

async fn listed(api: &Api, path: &str, attempt: Attempt, form: &Form) -> Result<Value, Short> {
    object(judge(api.get(path, form).await, attempt))
}

async fn post(api: &Api, path: &str, form: &Form, key: &str, attempt: Attempt) -> Result<Value, Short> {
    object(judge(api.post(path, form, Some(key)).await, attempt))
}

fn object(judged: Judged) -> Result<Value, Short> {
    match judged {
        Judged::Look(said) => Ok(said.body),
        Judged::Clear(Settlement::Rejected(rejected)) => {
            Err(Short::Settled(Box::new(refused_subscriber(&rejected.reason))))
        }
        Judged::Clear(settlement) => Err(Short::Settled(Box::new(settlement))),
        Judged::Spoilt(why) => Err(Short::Spoilt(why)),
    }
}

fn named(object: &Value, prefix: &str) -> Result<String, Short> {
    let name = object.get("id").and_then(|value| id(value, prefix)).map(str::to_owned);
    name.ok_or_else(|| Short::Settled(Box::new(unknown("Stripe made something without a name", UNDER_WAY))))
}

/// Stripe's words for a card whose bank wants its holder.
fn wants_the_payer(reason: &str) -> bool {
    ["requires_action", "authentication_required"].iter().any(|word| reason.contains(word))
}

fn refused_subscriber(reason: &str) -> Settlement {
    let detail = "the payment method cannot be billed for this; nothing was taken, name one that the seller's account \
                  holds for you and that may be charged off session";
    match refused(reason) {
        Settlement::Rejected(mut rejected) => {
            rejected.refusal.detail = detail.to_owned();
            Settlement::Rejected(rejected)
        }
        settlement => settlement,
    }
}
