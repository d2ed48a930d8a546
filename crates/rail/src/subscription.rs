use farthing_protocol::base64url;
use farthing_protocol::{Challenge, Credential, JsonObject, Timestamp};

use crate::{Answer, Claim, PayerKey, PaymentId, Proof, RailError, Settled, Unknown};

/// The part of a [`crate::Settler`] whose payments begin subscriptions: the rail collects by itself, period after
/// period, and each period that was paid is a payment of its own in the books.
///
/// A subscription is named after the payment that began it. Whoever began it uses it later by a signature; what a
/// period is worth is decided by what was paid for it, and by nothing that the rail says of the subscription as a
/// whole (subscription intent, section 7.2).
pub trait Subscriptions: Send + Sync {
    /// The period that an instant is in; none before the first one.
    fn period_at(&self, begun: Begun<'_>, at: Timestamp) -> Option<PaidPeriod>;

    /// Whether a period after the first one is paid. Nothing is charged by asking. What could still be collected for
    /// a period that is over is stopped on the way.
    fn renewal<'a>(&'a self, begun: Begun<'a>, index: u32) -> Answer<'a, Renewal>;

    /// Ends a subscription with the last period that is paid. Doing it again says the same.
    fn cancel<'a>(&'a self, begun: Begun<'a>) -> Answer<'a, Result<Canceled, RailError>>;

    /// What receipts say of a subscription beside its id.
    fn members(&self, begun: Begun<'_>) -> JsonObject;
}

/// A subscription, by the payment that began it.
#[derive(Clone, Copy, Debug)]
pub struct Begun<'a> {
    /// That payment.
    pub claim: &'a Claim,
    /// What its rail said; its time is the anchor from which periods are counted.
    pub settled: &'a Settled,
}

/// One period: from its start up to the next one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaidPeriod {
    /// Counted from 0, the one that the subscription began with.
    pub index: u32,
    /// Its first instant.
    pub start: Timestamp,
    /// The first one after it.
    pub end: Timestamp,
}

/// What is known of a later period's payment.
#[derive(Clone, Debug)]
pub enum Renewal {
    /// It was paid, in time: what the books claim it by.
    Paid(Proof),
    /// It was not; the reason is for the operator.
    Unpaid(String),
    /// The rail did not say.
    Unknown(Unknown),
}

/// A subscription that will not be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canceled {
    /// When the last period that is paid ends.
    pub ends: Timestamp,
}

/// The public name of a subscription, as in receipts. It opens nothing: who uses it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubscriptionId(PaymentId);

impl SubscriptionId {
    /// The subscription that this payment began.
    pub const fn of(payment: PaymentId) -> Self {
        Self(payment)
    }

    /// The payment that began it.
    pub const fn payment(self) -> PaymentId {
        self.0
    }

    /// Reads what [`SubscriptionId`] shows: base64url of 16 bytes.
    pub fn read(text: &str) -> Option<Self> {
        let bytes: [u8; 16] = base64url::decode(text).ok()?.try_into().ok()?;
        Some(Self(PaymentId::from_bytes(bytes)))
    }
}

impl std::fmt::Display for SubscriptionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&base64url::encode(self.0.as_bytes()))
    }
}

/// What whoever began a subscription wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The request, in a period that is paid.
    Use,
    /// That it is not renewed.
    Cancel,
}

impl Wish {
    const ALL: [Self; 2] = [Self::Use, Self::Cancel];

    /// The word in a payload.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Cancel => "cancel",
        }
    }
}

/// A credential that uses a subscription and pays nothing: `{"subscriptionId", "action", "signature"}`, signed by the
/// key that the subscription was begun with, over a fresh challenge of the same offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionVisit {
    /// Which.
    pub subscription: SubscriptionId,
    /// What for.
    pub wish: Wish,
    /// Who signed; whether it is theirs, the books know.
    pub payer: PayerKey,
}

impl SubscriptionVisit {
    /// Reads and checks a credential; nothing, where it names no subscription and so begins one. The refusal is one
    /// sentence with the remedy.
    pub fn read(credential: &Credential) -> Option<Result<Self, &'static str>> {
        let named = credential.payload().get("subscriptionId")?;
        let subscription = named.as_str().and_then(SubscriptionId::read);
        Some(subscription.ok_or("the subscriptionId is none; send that of the receipt").and_then(|subscription| {
            let text = |name: &str| credential.payload().get(name).and_then(|value| value.as_str());
            let action = text("action").unwrap_or(Wish::Use.as_str());
            let wish = Wish::ALL.into_iter().find(|wish| wish.as_str() == action);
            let wish = wish.ok_or("the action is \"use\" or \"cancel\"")?;
            let message = visit_message(credential.challenge(), subscription, wish);
            Ok(Self { subscription, wish, payer: signer_of(credential, &message)? })
        }))
    }
}

/// The key that a credential names as its source, if that signed this message.
pub fn signer_of(credential: &Credential, message: &[u8]) -> Result<PayerKey, &'static str> {
    let source = credential.source().and_then(|source| source.parse::<PayerKey>().ok());
    let payer = source.ok_or("the credential's source is not the did:key of an Ed25519 key; say who subscribes")?;
    let signature = credential.payload().get("signature").and_then(|value| value.as_str());
    let signature = signature.and_then(|text| base64url::decode(text).ok()).and_then(|bytes| bytes.try_into().ok());
    let signature = signature.ok_or("the signature is not the base64url, without padding, of 64 bytes")?;
    if payer.made(&signature, message) {
        Ok(payer)
    } else {
        Err("the signature is not the source's over this challenge; sign the challenge as it was received")
    }
}

/// What whoever uses a subscription signs.
pub fn visit_message(challenge: &Challenge, subscription: SubscriptionId, wish: Wish) -> Vec<u8> {
    lines("farthing subscription visit v1", challenge, &[&subscription.to_string(), wish.as_str()])
}

/// What whoever begins a subscription signs: the parts are what the method's payload says of the money.
pub fn subscribed_message(challenge: &Challenge, parts: &[&str]) -> Vec<u8> {
    lines("farthing subscription begin v1", challenge, parts)
}

/// A domain and values, each ended by a line feed, which none of them can hold: ids, words and base64url.
fn lines(domain: &str, challenge: &Challenge, parts: &[&str]) -> Vec<u8> {
    let named = [domain, challenge.id().as_str(), challenge.realm().as_str(), challenge.request().as_str()];
    let mut message = String::new();
    for part in named.iter().chain(parts) {
        message.extend(part.chars().filter(|letter| *letter != '\n'));
        message.push('\n');
    }
    message.into_bytes()
}
