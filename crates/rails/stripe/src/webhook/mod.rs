//! What Stripe tells by itself: signed, remembered once it was dealt with, and never believed.

mod seen;
mod signature;

use std::path::Path;

use farthing_protocol::Timestamp;
use farthing_rail::{Answer, Message, News, NotHeard, PaymentId, RailError, Webhook};
use serde_json::Value;

pub use signature::{NotASigningSecret, SigningSecret};

use crate::seller::{Stripe, named_payment};
use seen::Seen;

/// The subscription of an invoice.
const OF_INVOICE: &str = "/parent/subscription_details/subscription";

/// Where messages are checked and remembered.
pub(crate) struct Listening {
    secret: SigningSecret,
    seen: Seen,
}

impl Listening {
    /// With this secret; what was dealt with is kept in this file.
    pub(crate) fn new(secret: SigningSecret, file: &Path, now: Timestamp) -> Result<Self, String> {
        let seen = Seen::at(file, now).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Self { secret, seen })
    }
}

/// An event, as far as it is looked at: its name, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `evt_...`.
    pub id: String,
    /// `pi_...`, if it is about one.
    pub intent: Option<String>,
    /// `in_...` or `sub_...`, if it is about an invoice or a subscription.
    pub billing: Option<String>,
}

impl Event {
    /// Reads a message's body. `None` is what is no event.
    pub fn read(body: &[u8]) -> Option<Self> {
        let event: Value = serde_json::from_slice(body).ok()?;
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let named = |value: Option<&Value>, prefix: &str| {
            let text = value?.as_str()?;
            let fits = text.len() <= 128 && text.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
            (fits && plain(text)).then(|| text.to_owned())
        };
        let object = event.pointer("/data/object");
        let of = |member: &str| named(object.and_then(|object| object.get(member)), "pi_");
        let itself = object.and_then(|object| object.get("id"));
        Some(Self {
            id: named(event.get("id"), "evt_")?,
            intent: of("id").or_else(|| of("payment_intent")),
            billing: named(itself, "in_").or_else(|| named(itself, "sub_")),
        })
    }
}

impl Webhook for Stripe {
    fn signature_header(&self) -> &'static str {
        "stripe-signature"
    }

    fn hear<'a>(&'a self, message: Message<'a>) -> Answer<'a, Result<News, NotHeard>> {
        Box::pin(async move {
            let listening = self.listening().ok_or(NotHeard::Forged("no secret is set"))?;
            let signature = message.signature.ok_or(NotHeard::Forged("it is not signed, or twice"))?;
            listening.secret.check(signature, message.body, message.now).map_err(NotHeard::Forged)?;
            let event = Event::read(message.body).ok_or(NotHeard::Forged("it is signed and no event"))?;
            let nothing = News { id: event.id.clone(), payments: Vec::new() };
            if listening.seen.knows(&event.id) {
                return Ok(nothing);
            }
            let payment = match (&event.billing, &event.intent) {
                (Some(billing), _) => self.subscription_of(billing).await,
                (None, Some(intent)) => self.payment_of(intent).await,
                (None, None) => Ok(None),
            };
            let payment = payment.map_err(NotHeard::Later)?;
            Ok(News { payments: payment.into_iter().collect(), ..nothing })
        })
    }

    fn dealt_with<'a>(&'a self, news: &'a News) -> Answer<'a, Result<(), RailError>> {
        let added = self.listening().map_or(Ok(()), |listening| listening.seen.add(&news.id, self.time()));
        Box::pin(std::future::ready(added.map_err(|error| RailError(format!("the event cannot be kept: {error}")))))
    }
}

impl Stripe {
    /// The payment that a PaymentIntent was made for; none, where it is none of ours.
    async fn payment_of(&self, intent: &str) -> Result<Option<PaymentId>, String> {
        Ok(self.object_now("payment_intents", intent).await?.as_ref().and_then(named_payment))
    }

    /// The payment that began the subscription which an invoice is of, or which is named itself.
    async fn subscription_of(&self, named: &str) -> Result<Option<PaymentId>, String> {
        let invoice = match named.starts_with("in_") {
            true => self.object_now("invoices", named).await?,
            false => None,
        };
        let of_invoice = invoice.as_ref().and_then(|invoice| Some(invoice.pointer(OF_INVOICE)?.as_str()?.to_owned()));
        let subscription = of_invoice.or_else(|| named.starts_with("sub_").then(|| named.to_owned()));
        // What stands in a path is an id and nothing else.
        let is_id = |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match subscription.filter(is_id) {
            Some(subscription) => {
                let object = self.object_now("subscriptions", &subscription).await?;
                Ok(object.as_ref().and_then(named_payment))
            }
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<Event> {
        Event::read(text.as_bytes())
    }

    #[test]
    fn an_event_is_about_its_object_or_what_that_names() {
        let event =
            |intent: Option<&str>| Some(Event { id: "evt_1".into(), intent: intent.map(str::to_owned), billing: None });
        assert_eq!(read(r#"{"id":"evt_1","data":{"object":{"id":"pi_1"}}}"#), event(Some("pi_1")));
        let dispute = r#"{"id":"evt_1","data":{"object":{"id":"dp_1","payment_intent":"pi_2"}}}"#;
        assert_eq!(read(dispute), event(Some("pi_2")));
        assert_eq!(read(r#"{"id":"evt_1","data":{"object":{"id":"cus_1"}}}"#), event(None));
        assert_eq!(read(r#"{"id":"evt_1","data":{"object":{"id":"pi_1/../../refunds"}}}"#), event(None));
        for billing in ["in_1", "sub_1"] {
            let text = format!(r#"{{"id":"evt_1","data":{{"object":{{"id":"{billing}"}}}}}}"#);
            assert_eq!(read(&text).unwrap().billing.as_deref(), Some(billing));
        }
        assert_eq!(read(r#"{"id":"pi_1"}"#), None);
        assert_eq!(read("[]"), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Event::read(&body);
        }
    }
}
