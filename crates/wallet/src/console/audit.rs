//! The log of decisions, a page at a time, as it was written.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use farthing_books::audit::AuditRecord;
use farthing_protocol::Timestamp;
use farthing_store::AuditFilter;
use serde::Deserialize;

use super::handlers::failed;
use super::{Console, problem};

/// Records on one page, where the request does not say, and at most.
const PAGE: u32 = 100;
const LONGEST_PAGE: u32 = 1_000;

/// Which records are shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Of one wallet, and of all together.
    wallet: Option<String>,
    /// From this instant on, RFC 3339.
    since: Option<String>,
    /// After the record of this number: `next` of the page before.
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

/// The records in the order in which they were written, each as it was hashed, with its hash; and after which number the
/// next page begins, if there may be one.
pub(super) async fn audit(State(console): State<Console>, Query(which): Query<Which>) -> Response {
    let since = which.since.as_deref().map(Timestamp::parse).transpose();
    let (Ok(since), limit @ 1..=LONGEST_PAGE) = (since, which.limit.unwrap_or(PAGE)) else {
        let sentence = format!("since is an instant such as 2026-11-01T00:00:00Z, and limit is 1 to {LONGEST_PAGE}.");
        return problem(StatusCode::BAD_REQUEST, &sentence);
    };
    let filter = AuditFilter { wallet: which.wallet, since, after: which.after, limit };
    match console.0.wallets.audit(filter).await {
        Ok(records) => page(&records, limit),
        Err(error) => failed(&error.into()),
    }
}

fn page(records: &[AuditRecord], limit: u32) -> Response {
    let is_full = u32::try_from(records.len()).is_ok_and(|count| count >= limit);
    let next = records.last().filter(|_| is_full).map_or("null".to_owned(), |last| last.sequence.to_string());
    let records: Vec<String> = records.iter().map(AuditRecord::with_hash).collect();
    let body = format!("{{\"next\":{next},\"records\":[{}]}}", records.join(","));
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}
