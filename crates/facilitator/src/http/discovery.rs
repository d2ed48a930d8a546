use farthing_dialects::x402::facilitator::Query;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, answer};
use crate::desk::Desk;
use crate::refused::Refused;

/// A page of the catalogue.
pub(super) async fn resources(desk: &Desk, query: &str) -> Answer {
    // What is asked for are words and numbers, which nobody encodes.
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = match Query::read(pairs) {
        Ok(query) => query,
        Err(error) => return answer::json(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    };
    match desk.register.listed().await {
        Ok(items) => answer::json(StatusCode::OK, &Value::Object(query.page(&items).to_object())),
        Err(error) => {
            tracing::error!(%error, "the catalogue cannot be read");
            let refused = Refused::broken();
            answer::json(refused.status, &json!({ "error": refused.message }))
        }
    }
}
