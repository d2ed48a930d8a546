//! Sessions: looked at, settled and closed by hand.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use farthing_books::session::SessionFilter;
use farthing_books::{SessionRecord, SessionState};
use farthing_rail::{PayerId, SessionId};
use farthing_store::StoreError;
use serde::Deserialize;
use serde_json::json;

use super::{Admin, problem, view};
use crate::sessions::keeper::{self, Went};

/// `GET /admin/sessions?state=open&payer=...&rail=...&after=ses_...&limit=100`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    state: Option<String>,
    payer: Option<String>,
    rail: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

/// `POST /admin/sessions/{id}/close`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseOrder {
    /// Why, for the books.
    reason: Option<String>,
}

impl Wanted {
    fn filter(self) -> Result<SessionFilter, String> {
        let state = self.state.map(|name| {
            SessionState::from_word(&name).ok_or_else(|| {
                let states = SessionState::ALL.map(SessionState::as_str).join(", ");
                format!("\"{name}\" is not a state; the states are {states}")
            })
        });
        let after = self.after.map(|id| id.parse::<SessionId>().map_err(|error| error.to_string()));
        Ok(SessionFilter {
            in_progress: false,
            state: state.transpose()?,
            payer: self.payer.map(PayerId::new),
            rail: self.rail,
            after: after.transpose()?,
            limit: self.limit.unwrap_or(100).clamp(1, 1000),
        })
    }
}

/// `GET /admin/sessions`.
pub(super) async fn list(State(admin): State<Admin>, Query(wanted): Query<Wanted>) -> Response {
    let filter = match wanted.filter() {
        Ok(filter) => filter,
        Err(reason) => return problem(StatusCode::BAD_REQUEST, &reason),
    };
    match admin.seller().books.sessions(filter).await {
        Ok(records) => {
            let sessions: Vec<_> = records.iter().map(view::session).collect();
            Json(json!({ "sessions": sessions })).into_response()
        }
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// `GET /admin/sessions/{id}`.
pub(super) async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Response {
    match found(&admin, &id).await {
        Ok(record) => Json(view::session(&record)).into_response(),
        Err(response) => *response,
    }
}

/// `POST /admin/sessions/{id}/settle`: collects and posts what was delivered, whatever the policy says. 202 where
/// the rail has not said that it is done.
pub(super) async fn settle(State(admin): State<Admin>, Path(id): Path<String>) -> Response {
    let record = match found(&admin, &id).await {
        Ok(record) => record,
        Err(response) => return *response,
    };
    let session = record.id;
    let went = keeper::settle(admin.seller(), record).await;
    stands(&admin, session, went).await
}

/// `POST /admin/sessions/{id}/close`: serves nothing more, collects, and gives the rest back. 202 while that takes.
pub(super) async fn close(
    State(admin): State<Admin>,
    Path(id): Path<String>,
    order: Option<Json<CloseOrder>>,
) -> Response {
    let session = match found(&admin, &id).await {
        Ok(record) => record.id,
        Err(response) => return *response,
    };
    let reason = order.and_then(|Json(order)| order.reason).unwrap_or_else(|| "by the operator".to_owned());
    let went = keeper::close(admin.seller(), session, &reason).await;
    stands(&admin, session, went).await
}

async fn stands(admin: &Admin, session: SessionId, went: Result<Went, StoreError>) -> Response {
    let status = match went {
        Ok(Went::Well) => StatusCode::OK,
        Ok(Went::Badly) => StatusCode::ACCEPTED,
        Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    };
    match found(admin, &session.to_string()).await {
        Ok(record) => {
            let going_on = record.state == SessionState::Closing || record.collecting.is_some();
            let status = if going_on { StatusCode::ACCEPTED } else { status };
            (status, Json(view::session(&record))).into_response()
        }
        Err(response) => *response,
    }
}

async fn found(admin: &Admin, id: &str) -> Result<SessionRecord, Box<Response>> {
    let refused = |status, detail: &str| Err(Box::new(problem(status, detail)));
    let id = match id.parse::<SessionId>() {
        Ok(id) => id,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    match admin.seller().books.session(id).await {
        Ok(Some(record)) => Ok(record),
        Ok(None) => refused(StatusCode::NOT_FOUND, "The books hold no session of this id."),
        Err(error) => refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}
