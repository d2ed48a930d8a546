//! Payments: looked at, and paid back by hand.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use farthing_books::{PaymentFilter, PaymentState};
use farthing_rail::{PayerId, PaymentId};
use serde::Deserialize;
use serde_json::json;

use super::{Admin, problem, view};
use crate::lifecycle::{SentBack, send_back};

/// Seconds.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("2");

/// `POST /admin/payments/{id}/refund`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundOrder {
    /// Why, for the books.
    reason: Option<String>,
}

/// `GET /admin/payments?state=entitled&route=...&payer=...&after=pay_...&limit=100`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    state: Option<String>,
    route: Option<String>,
    payer: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

impl Wanted {
    fn filter(self) -> Result<PaymentFilter, String> {
        let state = self.state.map(|name| {
            PaymentState::from_word(&name).ok_or_else(|| {
                let states = PaymentState::ALL.map(PaymentState::as_str).join(", ");
                format!("\"{name}\" is not a state; the states are {states}")
            })
        });
        let after = self.after.map(|id| id.parse::<PaymentId>().map_err(|error| error.to_string()));
        Ok(PaymentFilter {
            state: state.transpose()?,
            route: self.route,
            payer: self.payer.map(PayerId::new),
            after: after.transpose()?,
            limit: self.limit.unwrap_or(100).clamp(1, 1000),
            ..PaymentFilter::default()
        })
    }
}

/// `GET /admin/payments`.
pub(super) async fn list(State(admin): State<Admin>, Query(wanted): Query<Wanted>) -> Response {
    let filter = match wanted.filter() {
        Ok(filter) => filter,
        Err(reason) => return problem(StatusCode::BAD_REQUEST, &reason),
    };
    match admin.seller().books.payments(filter).await {
        Ok(records) => {
            let payments: Vec<_> = records.iter().map(view::payment).collect();
            Json(json!({ "payments": payments })).into_response()
        }
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// `GET /admin/payments/{id}`.
pub(super) async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Response {
    let id = match id.parse::<PaymentId>() {
        Ok(id) => id,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match admin.seller().books.payment(id).await {
        Ok(Some(record)) => Json(view::payment(&record)).into_response(),
        Ok(None) => problem(StatusCode::NOT_FOUND, "The books hold no payment of this id."),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// `POST /admin/payments/{id}/refund`: the whole amount of what was delivered or is still owed, once.
/// 202 while a rail has not confirmed it.
pub(super) async fn refund(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    order: Option<Json<RefundOrder>>,
) -> Response {
    let id = match id.parse::<PaymentId>() {
        Ok(id) => id,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let reason = order.and_then(|Json(order)| order.reason).unwrap_or_else(|| "by the operator".to_owned());
    match send_back(admin.seller(), id, &reason).await {
        Ok(SentBack::Done(record)) => Json(view::payment(&record)).into_response(),
        Ok(SentBack::UnderWay(record)) => (StatusCode::ACCEPTED, Json(view::payment(&record))).into_response(),
        Ok(SentBack::Busy) => {
            let detail = "The payment is in flight: it is being settled, delivered or looked into, or its rail does not yet \
                          call it final. Ask again when that has ended.";
            let mut response = problem(StatusCode::CONFLICT, detail);
            response.headers_mut().insert(RETRY_AFTER, ASK_AGAIN);
            response
        }
        Ok(SentBack::NeverPaid) => problem(
            StatusCode::CONFLICT,
            "The rail refused this payment: nothing was taken and nothing can be paid back.",
        ),
        Ok(SentBack::TakenBack) => {
            problem(StatusCode::CONFLICT, "The rail took this payment's money back: there is nothing left to pay back.")
        }
        Ok(SentBack::Spent) => {
            let detail = "This payment topped up a balance that holds nothing of it any more: there is nothing left to pay \
                          back.";
            problem(StatusCode::CONFLICT, detail)
        }
        Ok(SentBack::NotOverThisRail) => {
            let detail = "No configured payment method can pay this payment back; configure the one it was paid with, \
                          or pay it back outside of this gateway.";
            problem(StatusCode::UNPROCESSABLE_ENTITY, detail)
        }
        Ok(SentBack::NotFound) => problem(StatusCode::NOT_FOUND, "The books hold no payment of this id."),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
