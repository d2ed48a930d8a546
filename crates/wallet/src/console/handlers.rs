use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use farthing_books::audit::Event;
use farthing_books::budget::ReservationRecord;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Console, problem};
use crate::approvals::{ApprovalError, Reply, to_json};
use crate::wallets::WalletsError;
use crate::{ApprovalId, ApprovalRecord, ApprovalState, WalletName};

/// Payments on one page.
const PAGE: u32 = 100;

pub(super) async fn wallets(State(console): State<Console>) -> Response {
    let mut shown = Vec::new();
    let listed = match console.0.wallets.list() {
        Ok(listed) => listed,
        Err(error) => return failed(&error.into()),
    };
    for wallet in listed {
        let spending = match console.0.wallets.spending(&wallet.name).await {
            Ok(spending) => spending,
            Err(error) => return failed(&error.into()),
        };
        let used = spending.map(|spending| {
            let of =
                |used: crate::Used| json!({ "spent": used.spent.to_string(), "reserved": used.reserved.to_string() });
            json!({ "total": of(spending.total), "today": of(spending.today) })
        });
        shown.push(json!({
            "name": wallet.name.as_str(),
            "did": wallet.did,
            "address": wallet.address,
            "frozen": console.0.wallets.stopped(&wallet.name).is_some(),
            "policy": wallet.policy.as_ref().and_then(|policy| policy.to_toml().ok()),
            "used": used,
            "under_way": wallet.outgoing,
        }));
    }
    Json(json!({ "wallets": shown })).into_response()
}

/// Which approvals are shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    wallet: Option<String>,
    #[serde(default)]
    all: bool,
}

pub(super) async fn approvals(State(console): State<Console>, Query(which): Query<Which>) -> Response {
    let wanted = |record: &ApprovalRecord| {
        let of_wallet = which.wallet.as_ref().is_none_or(|wallet| *wallet == record.facts.wallet);
        of_wallet && (which.all || record.state == ApprovalState::Pending)
    };
    match console.0.desk.all().await {
        Ok(records) => {
            let shown: Vec<Value> = records.iter().filter(|record| wanted(record)).map(to_json).collect();
            Json(json!({ "approvals": shown })).into_response()
        }
        Err(error) => failed(&error),
    }
}

pub(super) async fn approval(State(console): State<Console>, Path(id): Path<String>) -> Response {
    match read(&id) {
        Ok(id) => shown(console.0.desk.one(id).await),
        Err(response) => response,
    }
}

pub(super) async fn allow(State(console): State<Console>, Path(id): Path<String>, body: Bytes) -> Response {
    say(&console, &id, true, &body).await
}

pub(super) async fn deny(State(console): State<Console>, Path(id): Path<String>, body: Bytes) -> Response {
    say(&console, &id, false, &body).await
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    reason: Option<String>,
}

async fn say(console: &Console, id: &str, allow: bool, body: &[u8]) -> Response {
    let said: Said = match body {
        [] => Said::default(),
        body => match serde_json::from_slice(body) {
            Ok(said) => said,
            Err(_) => return problem(StatusCode::BAD_REQUEST, "The body is {\"reason\": \"...\"} or nothing."),
        },
    };
    let reply = Reply { allow, reason: said.reason, by: "console".to_owned() };
    match read(id) {
        Ok(id) => shown(console.0.desk.answer(id, &reply).await),
        Err(response) => response,
    }
}

/// The name in the path is for people and logs; the one that is signed counts.
pub(super) async fn answer(State(console): State<Console>, Path(id): Path<String>, body: Bytes) -> Response {
    match serde_json::from_slice::<crate::approvals::webhook::SignedAnswer>(&body) {
        Ok(said) if said.id == id => shown(console.0.desk.take_answer(&said).await),
        _ => problem(StatusCode::BAD_REQUEST, "The body is the signed answer to the approval in the path."),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    wallet: String,
}

pub(super) async fn payments(State(console): State<Console>, Query(whose): Query<Whose>) -> Response {
    let found = match console.0.wallets.budgets() {
        Ok(books) => books.reservations(&whose.wallet, PAGE).await.map_err(ApprovalError::from),
        Err(error) => Err(error.into()),
    };
    match found {
        Ok(records) => {
            let shown: Vec<Value> = records.iter().map(payment).collect();
            Json(json!({ "payments": shown })).into_response()
        }
        Err(error) => failed(&error),
    }
}

fn payment(record: &ReservationRecord) -> Value {
    let reservation = &record.reservation;
    json!({
        "id": format!("{:032x}", u128::from_be_bytes(reservation.id)),
        "state": record.state.as_str(),
        "cost": reservation.cost.to_string(),
        "origin": reservation.origin,
        "request": reservation.request,
        "receipt": record.receipt,
        "reason": record.reason,
        "approval": reservation.approval.map(|used| used.id.to_string()),
        "at": reservation.at.to_rfc3339(),
    })
}

pub(super) async fn freeze(State(console): State<Console>, body: Bytes) -> Response {
    stop(&console, &body, true).await
}

pub(super) async fn thaw(State(console): State<Console>, body: Bytes) -> Response {
    stop(&console, &body, false).await
}

/// Every wallet, or the one that the body names.
async fn stop(console: &Console, body: &[u8], freezes: bool) -> Response {
    let name = match body {
        [] => None,
        body => match serde_json::from_slice::<Whose>(body).ok().and_then(|whose| whose.wallet.parse().ok()) {
            Some(name) => Some::<WalletName>(name),
            None => return problem(StatusCode::BAD_REQUEST, "The body is {\"wallet\": \"NAME\"} or nothing for all."),
        },
    };
    let wallets = &console.0.wallets;
    let done = match (&name, freezes) {
        (Some(name), true) => wallets.freeze(name),
        (Some(name), false) => wallets.thaw(name),
        (None, true) => wallets.freeze_all(),
        (None, false) => wallets.thaw_all(),
    };
    if done.is_ok() {
        let (event, sentence) = match freezes {
            true => (Event::Frozen, "frozen from the console"),
            false => (Event::Thawed, "thawed from the console"),
        };
        if let Err(error) = wallets.note_stop(event, name.as_ref(), sentence).await {
            tracing::warn!(%error, "a stop could not be written into the log");
        }
    }
    match done {
        Ok(()) => Json(json!({ "wallet": name.as_ref().map(WalletName::as_str), "frozen": freezes })).into_response(),
        Err(error) => failed(&error.into()),
    }
}

#[expect(clippy::result_large_err, reason = "an answer of HTTP is what it is")]
fn read(id: &str) -> Result<ApprovalId, Response> {
    id.parse().map_err(|error| problem(StatusCode::NOT_FOUND, &format!("{error}.")))
}

fn shown(record: Result<ApprovalRecord, ApprovalError>) -> Response {
    match record {
        Ok(record) => Json(to_json(&record)).into_response(),
        Err(error) => failed(&error),
    }
}

pub(super) fn failed(error: &ApprovalError) -> Response {
    let status = match error {
        ApprovalError::Absent(_) | ApprovalError::Wallets(WalletsError::Absent(_)) => StatusCode::NOT_FOUND,
        ApprovalError::TooLate { .. } => StatusCode::CONFLICT,
        ApprovalError::NotAnswered(_) => StatusCode::FORBIDDEN,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    problem(status, &error.to_string())
}
