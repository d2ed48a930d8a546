//! `stripe/subscription`: a fixed price for each period, collected by Stripe Billing from a card that the payer names.
//!
//! One payment begins a subscription: a customer, a price and a subscription are made, each under an idempotency key
//! that comes out of the payment's name, and it counts only when the first invoice is paid at once. Later periods are
//! read from Stripe's invoices, and each paid one is a payment of its own. Stripe's word on the subscription as a whole
//! ("active") decides nothing.

mod agreed;
mod begin;
mod invoice;
mod payload;
mod profile;
mod renew;
mod request;
mod standing;

use std::fmt;
use std::sync::Arc;

use farthing_protocol::subscription::Period;
use farthing_protocol::{IntentName, JsonObject, ProblemType};
use farthing_rail::{
    Answer, Begun, Canceled, Claim, Cursor, Fault, Method, Order, PaidPeriod, PaymentId, Presented, Proof, ProofKey,
    RailError, RailStatement, Refund, Refusal, Renewal, Settled, Settlement, Settler, Standing, SubscriptionId,
    Subscriptions, Terms, Unpriceable, signer_of, subscribed_message,
};

pub use payload::{InvalidSubscriber, Subscriber};
pub use request::{NotASubscription, StripeSubscription, period_from};

use crate::METHOD;
use crate::seller::Stripe;
pub(crate) use agreed::AsAsked;
use agreed::{Agreed, Kept};

/// The intent served here.
pub const SUBSCRIPTION: &str = farthing_protocol::subscription::INTENT;

/// Ways to pay that settle at once and work while the payer is away.
const REUSABLE: [&str; 2] = ["card", "link"];

/// The seller's half of `stripe/subscription`.
pub struct StripeSubscriptions {
    stripe: Arc<Stripe>,
    terms: Terms,
    period: Period,
}

impl StripeSubscriptions {
    /// Subscriptions with this period, through the account of this seller.
    pub fn over(stripe: Arc<Stripe>, period: Period) -> Result<Self, Unpriceable> {
        let unpriceable = |reason: &str| Err(Unpriceable(reason.to_owned()));
        let settings = stripe.settings();
        if settings.connect.is_split() {
            return unpriceable("subscriptions are not split among accounts; leave connect with an account alone");
        }
        if settings.payment_method_types.iter().any(|kind| !REUSABLE.contains(&kind.as_str())) {
            return unpriceable("subscriptions are paid by \"card\" or \"link\", which settle at once and off session");
        }
        let intent = IntentName::new(SUBSCRIPTION).map_err(|error| Unpriceable(error.to_string()))?;
        let terms = Terms { intent, ..stripe.terms().clone() };
        Ok(Self { stripe, terms, period })
    }

    fn payment(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let failed = |detail: &str| Refusal::new(ProblemType::VerificationFailed, detail);
        let challenge = presented.credential.challenge();
        let request = StripeSubscription::read(challenge.request()).map_err(|error| failed(&error.to_string()))?;
        if request.asset != self.terms.asset || request.network != self.stripe.settings().network {
            let detail = "the request is for another Stripe profile or currency; ask for a new challenge";
            return Err(failed(detail).because(Fault::OfferUnknown));
        }
        let subscriber = Subscriber::read(presented.credential.payload())
            .map_err(|error| Refusal::new(ProblemType::InvalidPayload, error.to_string()).because(Fault::Malformed))?;
        let message = subscribed_message(challenge, &subscriber.signed());
        let payer = signer_of(presented.credential, &message).map_err(failed)?;
        let agreed = Agreed::new(self.stripe.as_asked(), challenge, &request, &subscriber, &payer);
        Ok(Proof {
            key: ProofKey::new(format!("{METHOD}/subscription/{}", challenge.id())),
            payer: Some(farthing_rail::PayerId::new(payer.to_string())),
            amount: request.amount,
            asset: request.asset,
            kept: Kept::Begins(Box::new(agreed))
                .to_bytes()
                .ok_or_else(|| failed("it cannot be kept; present it again"))?,
        })
    }
}

impl Method for StripeSubscriptions {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let settings = self.stripe.settings();
        let request = StripeSubscription {
            amount: self.stripe.amount_of(order.price)?,
            asset: self.terms.asset.clone(),
            period: self.period.clone(),
            network: settings.network.clone(),
            payment_method_types: settings.payment_method_types.clone(),
            metadata: settings.metadata.clone(),
            external_id: order.external_id.clone(),
        };
        Ok(request.to_shared(order.description.clone()).to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        self.payment(presented)
    }
}

impl Settler for StripeSubscriptions {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.settle_once(claim))
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.find_out(claim))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement> {
        Box::pin(self.pay_back(refund))
    }

    fn confirm<'a>(&'a self, claim: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        Box::pin(self.standing_of(claim, settled))
    }

    fn subscriptions(&self) -> Option<&dyn Subscriptions> {
        Some(self)
    }

    /// The charge's half reads the account's statement, in which invoices are payments like any other.
    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        let page = RailStatement { movements: Vec::new(), next: after.clone(), more: false };
        Box::pin(std::future::ready(Ok(page)))
    }
}

impl Subscriptions for StripeSubscriptions {
    fn period_at(&self, begun: Begun<'_>, at: farthing_protocol::Timestamp) -> Option<PaidPeriod> {
        let period = Kept::begun(begun.claim)?.period()?;
        let anchor = begun.settled.at;
        let index = period.index_at(anchor, at)?;
        Some(PaidPeriod {
            index,
            start: period.start(anchor, index)?,
            end: period.start(anchor, index.checked_add(1)?)?,
        })
    }

    fn renewal<'a>(&'a self, begun: Begun<'a>, index: u32) -> Answer<'a, Renewal> {
        Box::pin(self.renewed(begun, index))
    }

    fn cancel<'a>(&'a self, begun: Begun<'a>) -> Answer<'a, Result<Canceled, RailError>> {
        Box::pin(self.end_with_the_period(begun))
    }

    fn members(&self, begun: Begun<'_>) -> JsonObject {
        let mut members = JsonObject::new();
        members.insert("subscriptionId".into(), SubscriptionId::of(begun.claim.payment).to_string().into());
        if let Some(subscription) = named_by(begun.settled) {
            members.insert("stripeSubscription".into(), subscription.into());
        }
        members
    }
}

/// The subscription that a first payment made, which stands among what it consumed: it counts for one payment, ever.
fn named_by(settled: &Settled) -> Option<&str> {
    let name = |key: &'_ ProofKey| -> Option<usize> {
        key.as_str().strip_prefix("stripe/").filter(|rest| rest.starts_with("sub_")).map(|_| "stripe/".len())
    };
    settled.consumed.iter().find_map(|key| key.as_str().get(name(key)?..))
}

/// What a call that belongs to a payment is made under: once, however often it is made.
fn key_of(payment: PaymentId, step: &str) -> String {
    format!("{payment}_{step}")
}

impl fmt::Debug for StripeSubscriptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StripeSubscriptions").field("period", &self.period).finish_non_exhaustive()
    }
}
