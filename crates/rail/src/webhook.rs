use farthing_protocol::Timestamp;

use crate::{Answer, PaymentId, RailError};

/// The part of a [`crate::Settler`] whose rail tells by itself when something happened, at
/// `POST /webhooks/NAME` of the gateway, NAME being that of its table.
///
/// A message is never believed: it is a reason to look, and what is looked at is the rail. So it does no harm
/// that one comes twice, late, or after a newer one.
pub trait Webhook: Send + Sync {
    /// The header that a message is signed in.
    fn signature_header(&self) -> &'static str;

    /// Checks that a message is the rail's and says which payments it is about: none, where it is about nothing
    /// that is known here, or was dealt with before.
    fn hear<'a>(&'a self, message: Message<'a>) -> Answer<'a, Result<News, NotHeard>>;

    /// Remembers for good that this news was dealt with.
    fn dealt_with<'a>(&'a self, news: &'a News) -> Answer<'a, Result<(), RailError>>;
}

/// What came to a webhook.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The header that it is signed in, if it is there once and is text.
    pub signature: Option<&'a str>,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// Now.
    pub now: Timestamp,
}

/// What a rail told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The rail's own name of it.
    pub id: String,
    /// What should be looked at.
    pub payments: Vec<PaymentId>,
}

/// Why a message is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotHeard {
    /// It is not the rail's, or not of now.
    #[error("the message is not signed by the rail, or not now: {0}")]
    Forged(&'static str),
    /// The rail could not be asked what it is about; it may be told again.
    #[error("what the message is about cannot be found out now: {0}")]
    Later(String),
}
