//! Payments: looked at, and paid back by hand.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use farthing_books::{Outcome, PaymentState};
use farthing_rail::PaymentId;
use serde::Deserialize;
use serde_json::json;

use super::{Admin, problem, view};
use crate::lifecycle::send_back;

/// `POST /admin/payments/{id}/refund`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundOrder {
    /// Why, for the books.
    reason: Option<String>,
}

/// `GET /admin/payments`: those that need attention.
pub(super) async fn list(State(admin): State<Admin>) -> Response {
    match admin.seller().books.due(farthing_protocol::Timestamp::from_unix_millis(i64::MAX), 1000).await {
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

/// `POST /admin/payments/{id}/refund`.
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
        Ok(Outcome::Payment(record)) => {
            let status = if record.state == PaymentState::Refunded { StatusCode::OK } else { StatusCode::ACCEPTED };
            (status, Json(view::payment(&record))).into_response()
        }
        Ok(Outcome::OutOfOrder(record)) => {
            let state = format!("{:?}", record.state).to_ascii_lowercase();
            problem(StatusCode::CONFLICT, &format!("A payment that is {state} is not paid back here."))
        }
        Ok(_) => problem(StatusCode::NOT_FOUND, "The books hold no such payment, or it is being resolved right now."),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
