//! What a payer is told of a session that it presented.

use std::sync::Arc;

use farthing_books::{SessionRecord, Tender};
use farthing_money::Amount;
use farthing_protocol::{ChallengeTemplate, EncodedObject, JsonObject};
use farthing_rail::SessionView;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::route::{Offer, SessionTerms};

/// The member of `methodDetails` that says how a session stands. A hint: no offer differs by it.
pub(crate) const SNAPSHOT: &str = "sessionSnapshot";
const PAYMENT_SESSION: HeaderName = HeaderName::from_static("payment-session");
const PAYMENT_SESSION_SNAPSHOT: HeaderName = HeaderName::from_static("payment-session-snapshot");

/// A session as its payer may know it. Only whoever signed for it is told.
#[derive(Debug)]
pub(crate) struct Known {
    tender: Arc<Tender>,
    channel: String,
    snapshot: JsonObject,
}

impl Known {
    /// How a session stands, and what must be signed for before the next unit.
    pub(super) fn of(terms: &SessionTerms, record: &SessionRecord, required: Amount) -> Self {
        let view = SessionView {
            channel: &record.channel,
            kept: &record.kept,
            deposit: record.deposit,
            accepted: record.accepted,
            voucher: record.voucher.as_deref(),
            spent: record.committed(),
            settled: record.settled,
            required,
            units: record.units,
            close_requested_at: record.close_requested_at,
        };
        Self {
            tender: Arc::clone(&terms.tender),
            channel: record.channel.clone(),
            snapshot: terms.method.snapshot(&view),
        }
    }

    /// Whether this offer can be paid by it.
    pub(crate) fn is_of(&self, offer: &Offer) -> bool {
        offer.session.as_ref().is_some_and(|terms| terms.tender == self.tender)
    }

    /// The offer with a reminder of the session; nothing when that would be too long.
    pub(crate) fn template(&self, offered: &ChallengeTemplate) -> Option<ChallengeTemplate> {
        if self.snapshot.is_empty() {
            return None;
        }
        let mut request = offered.request().decode().ok()?;
        let details = request.entry("methodDetails").or_insert_with(|| Value::Object(JsonObject::new()));
        details.as_object_mut()?.insert(SNAPSHOT.to_owned(), Value::Object(self.snapshot.clone()));
        offered.with_request(&EncodedObject::encode(&request).ok()?).ok()
    }

    /// The same in headers.
    pub(crate) fn show(&self, headers: &mut HeaderMap) {
        let snapshot = EncodedObject::encode(&self.snapshot).ok().filter(|_| !self.snapshot.is_empty());
        let said = [
            (PAYMENT_SESSION, Some(self.channel.as_str())),
            (PAYMENT_SESSION_SNAPSHOT, snapshot.as_ref().map(EncodedObject::as_str)),
        ];
        for (name, text) in said {
            if let Some(mut value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
    }
}
