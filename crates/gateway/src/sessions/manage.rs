//! What comes of credentials that bring something and buy nothing.

use farthing_books::SessionRecord;
use farthing_money::Amount;
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
    /// Done, and the session stands so now. What is only held is not spent: a payer would sign for it.
    pub(super) fn of(sale: Sale<'_>, read: &Read<'_>, record: &SessionRecord) -> Self {
        Self::with(sale, read, record, record.accepted, None)
    }

    /// Closed by a voucher over this total, and collected in this transaction.
    pub(super) fn closed(
        sale: Sale<'_>,
        read: &Read<'_>,
        record: &SessionRecord,
        total: Amount,
        transaction: Option<&str>,
    ) -> Self {
        Self::with(sale, read, record, total, transaction)
    }

    fn with(
        sale: Sale<'_>,
        read: &Read<'_>,
        record: &SessionRecord,
        accepted: Amount,
        transaction: Option<&str>,
    ) -> Self {
        let receipt = receipt::of(&receipt::Standing {
            terms: read.terms,
            challenge: &read.challenge,
            channel: &record.channel,
            accepted,
            spent: record.spent,
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
