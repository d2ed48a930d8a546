//! Statements that operators bring, and what rests in suspense.

use std::path::{Path, PathBuf};

use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Path as InPath, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use farthing_books::bank::{AssignmentRecord, BankOutcome, EntryRecord, NewAssignment, Resting};
use farthing_books::{BankCommand, Command, Outcome};
use farthing_rail::{EntryKey, PayerId};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::{Admin, problem};
use crate::funding::{ImportError, import};

/// The largest statement that is taken by upload; a larger one is put into the folder, or imported where it lies.
const LARGEST_UPLOAD: u64 = 1 << 30;
/// So many entries in suspense are listed.
const LISTED: u32 = 1_000;

/// Which account a statement is of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    /// The NAME of its table; need not be said where there is one only.
    rail: Option<String>,
}

/// `POST /admin/statements`: takes the file that is the body.
pub(super) async fn upload(State(admin): State<Admin>, Query(of): Query<Of>, body: Body) -> Response {
    let site = admin.seller().site.load_full();
    let named: Vec<_> =
        site.fundings.iter().filter(|it| of.rail.as_ref().is_none_or(|rail| it.name() == rail)).collect();
    let [account] = named.as_slice() else {
        let names: Vec<&str> = site.fundings.iter().map(|account| account.name()).collect();
        let detail = format!("Say which account the statement is of: ?rail=NAME, of {}.", names.join(", "));
        return problem(StatusCode::BAD_REQUEST, &detail);
    };
    let spool = admin.spool();
    if let Err(reason) = keep(body.into_data_stream(), &spool).await {
        forget(&spool).await;
        return problem(StatusCode::BAD_REQUEST, &reason);
    }
    let imported = import(&admin.seller().books, account, &spool, admin.seller().now(), &mut |_| {}).await;
    forget(&spool).await;
    match imported {
        Ok(done) => Json(done.to_json()).into_response(),
        Err(ImportError::Refused(refused)) => problem(StatusCode::UNPROCESSABLE_ENTITY, &refused.to_string()),
        Err(error @ (ImportError::OtherStatement(_) | ImportError::Changed)) => {
            problem(StatusCode::CONFLICT, &error.to_string())
        }
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn keep(mut body: BodyDataStream, spool: &Path) -> Result<(), String> {
    let mut file = tokio::fs::File::create(spool).await.map_err(|error| format!("{}: {error}", spool.display()))?;
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| "The upload broke off; send it again.".to_owned())?;
        length += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if length > LARGEST_UPLOAD {
            return Err("The file is too large to upload; put it into the folder of statements.".to_owned());
        }
        file.write_all(&chunk).await.map_err(|error| error.to_string())?;
    }
    file.flush().await.map_err(|error| error.to_string())
}

async fn forget(spool: &Path) {
    if let Err(error) = tokio::fs::remove_file(spool).await {
        tracing::warn!(%error, file = %spool.display(), "an uploaded statement could not be removed");
    }
}

/// `GET /admin/suspense`: money that arrived and of which no reference says whose it is.
pub(super) async fn suspense(State(admin): State<Admin>) -> Response {
    match admin.seller().books.bank_suspense(LISTED).await {
        Ok(entries) => Json(json!({ "suspense": entries.iter().map(entry).collect::<Vec<_>>() })).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// `POST /admin/suspense/{id}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Word {
    /// Whose it is; without one, what was said before is taken back.
    payer: Option<String>,
    /// Who says so.
    by: String,
    /// Why.
    reason: String,
}

/// Says whose money in suspense is, or takes that back.
pub(super) async fn assign(State(admin): State<Admin>, InPath(id): InPath<String>, Json(word): Json<Word>) -> Response {
    let unknown = || problem(StatusCode::NOT_FOUND, "There is no such entry; GET /admin/suspense lists them.");
    let Ok(key) = id.parse::<EntryKey>() else { return unknown() };
    let books = &admin.seller().books;
    let entry = match books.bank_entry(key).await {
        Ok(Some(entry)) => entry,
        Ok(None) => return unknown(),
        Err(error) => return problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    };
    let site = admin.seller().site.load_full();
    let to = match &word.payer {
        None => None,
        Some(payer) => match site.prepaid(entry.currency.as_str()) {
            Some((asset, method)) if method.knows_payer(payer) => Some((PayerId::new(payer.clone()), asset)),
            _ => {
                let detail = format!("No balance in {} can belong to this payer here.", entry.currency);
                return problem(StatusCode::BAD_REQUEST, &detail);
            }
        },
    };
    if word.by.trim().is_empty() || word.reason.trim().is_empty() || word.by.len() + word.reason.len() > 1_024 {
        return problem(StatusCode::BAD_REQUEST, "Say who says so and why, in at most a thousand characters.");
    }
    let said = NewAssignment { entry: key, to, by: word.by, reason: word.reason, at: admin.seller().now() };
    match books.submit(Command::Bank(BankCommand::Assign(Box::new(said)))).await {
        Ok(Outcome::Bank(BankOutcome::Assigned(record))) => {
            let said = books.assignments(key).await.unwrap_or_default();
            let mut shown = self::entry(&record);
            if let Some(members) = shown.as_object_mut() {
                members.insert("said".to_owned(), said.iter().map(assignment).collect());
            }
            Json(shown).into_response()
        }
        Ok(Outcome::Bank(BankOutcome::NotInSuspense(_))) => {
            problem(StatusCode::CONFLICT, "This money is not in suspense, or was taken back; nothing was changed.")
        }
        Ok(Outcome::Insufficient { .. }) => {
            problem(StatusCode::CONFLICT, "The payer has spent some of it; nothing was changed.")
        }
        Ok(_) => problem(StatusCode::UNPROCESSABLE_ENTITY, "The books do not take this; nothing was changed."),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// An entry as scripts read it.
pub(crate) fn entry(record: &EntryRecord) -> Value {
    let payer = match &record.resting {
        Resting::Credited(to) | Resting::Returned(_, to) | Resting::TakenBack(to, _) => Some(to.payer.to_string()),
        _ => None,
    };
    json!({
        "id": record.key.to_string(),
        "rail": record.rail,
        "direction": record.direction.as_str(),
        "reversal": record.reversal,
        "amount": record.amount.to_string(),
        "asset": record.asset.to_string(),
        "display": record.asset.display(record.amount),
        "booked": record.booked.to_rfc3339().get(..10),
        "reference": record.bank_reference,
        "details": record.details,
        "suspense": record.resting == Resting::Suspense,
        "payer": payer,
    })
}

fn assignment(record: &AssignmentRecord) -> Value {
    json!({
        "number": record.number,
        "payer": record.said.to.as_ref().map(|(payer, _)| payer.to_string()),
        "takes_back": record.takes_back,
        "by": record.said.by,
        "reason": record.said.reason,
        "at": record.said.at.to_rfc3339(),
    })
}

impl Admin {
    /// A file beside the books, for what is being uploaded.
    fn spool(&self) -> PathBuf {
        self.0.data.join(format!("statement-{:016x}.part", rand::random::<u64>()))
    }
}
