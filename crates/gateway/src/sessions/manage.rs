//! What comes of credentials that bring something and buy nothing.

use farthing_books::SessionRecord;
use farthing_protocol::Receipt;
use http::{Response, StatusCode};

use super::known::Known;
use super::present::Read;
use super::receipt;
use super::stop::required;
use crate::lifecycle::{Sale, show_receipt};
use crate::proxy::Body;

/// It is done; there is nothing to be served.
pub(crate) struct Managed {
    pub(crate) receipt: Receipt,
    /// How the session stands, where its payer is told.
    pub(super) known: Option<Known>,
}

impl Managed {
    /// Done, and the session stands so now.
    pub(super) fn of(sale: Sale<'_>, read: &Read<'_>, record: &SessionRecord, transaction: Option<&str>) -> Self {
        let receipt = receipt::of(&receipt::Standing {
            terms: read.terms,
            challenge: &read.challenge,
            channel: &record.channel,
            accepted: record.accepted,
            spent: record.committed(),
            units: record.units,
            transaction,
            at: sale.seller.now(),
        });
        Self { receipt, known: Some(Known::of(read.terms, record, required(read.terms, record))) }
    }

    /// The answer over HTTP.
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        show_receipt(response.headers_mut(), &self.receipt);
        if let Some(known) = &self.known {
            known.show(response.headers_mut());
        }
        response
    }
}
