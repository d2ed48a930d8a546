//! The rails' statements against the books, on demand.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Admin, problem, statements, view};
use crate::funding::BankStanding;
use crate::reconcile::{self, RailReport};

/// `POST /admin/reconcile`: reads every rail's statement on and names what differs.
pub(super) async fn reconcile(State(admin): State<Admin>) -> Response {
    match reconcile::reconcile(admin.seller()).await {
        Ok(report) => Json(json!({
            "clean": report.is_clean(),
            "rails": report.rails.iter().map(rail).collect::<Vec<_>>(),
            "suspense": report.suspense.iter().map(view::movement).collect::<Vec<_>>(),
            "banks": report.banks.iter().map(BankStanding::to_json).collect::<Vec<_>>(),
            "unexplained": report.unexplained.iter().map(statements::entry).collect::<Vec<_>>(),
            "not_seen": report.not_seen.iter().map(view::payment).collect::<Vec<_>>(),
        }))
        .into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

fn rail(report: &RailReport) -> Value {
    json!({
        "source": report.source,
        "matched": report.sums.matched,
        "suspended": report.sums.suspended,
        "withdrawn": report.sums.withdrawn,
        "repeated": report.sums.repeated,
        "failed": report.failed,
    })
}
