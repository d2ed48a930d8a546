//! The answers to credentials that bring something and buy nothing.

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
pub(super) fn acknowledged(receipt: &Receipt) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    show_receipt(response.headers_mut(), receipt);
    response
}

/// It is done, and the session stands so now.
pub(super) fn managed(
    sale: Sale<'_>,
    read: &Read<'_>,
    record: &SessionRecord,
    transaction: Option<&str>,
) -> Response<Body> {
    let mut response = acknowledged(&receipt::of(&receipt::Standing {
        terms: read.terms,
        challenge: &read.challenge,
        channel: &record.channel,
        accepted: record.accepted,
        spent: record.committed(),
        units: record.units,
        transaction,
        at: sale.seller.now(),
    }));
    Known::of(read.terms, record, required(read.terms, record)).show(response.headers_mut());
    response
}
