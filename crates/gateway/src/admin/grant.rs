//! Development money.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use farthing_books::{Command, Outcome, TransferId};
use farthing_money::{Price, Rounding};
use farthing_rail::PayerId;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Admin, problem};

/// `POST /admin/balance/grant`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantOrder {
    /// Who gets it.
    payer: String,
    /// How much: `"1 USD"`.
    amount: String,
    /// The caller's own name for this grant; granting twice under one name is granting once.
    id: Option<String>,
}

/// Puts development money into a payer's balance.
pub(super) async fn grant(State(admin): State<Admin>, Json(order): Json<GrantOrder>) -> Response {
    if !admin.0.development {
        let detail = "Grants are for development = true; a payer tops up a real balance.";
        return problem(StatusCode::FORBIDDEN, detail);
    }
    let price: Price = match order.amount.parse() {
        Ok(price) => price,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &format!("{error}")),
    };
    let site = admin.seller().site.load();
    let Some((asset, _)) = site.prepaid(price.currency().as_str()) else {
        let detail = format!("No prepaid balance in {} is configured here.", price.currency());
        return problem(StatusCode::BAD_REQUEST, &detail);
    };
    let amount = match price.in_asset(&asset, Rounding::Down) {
        Ok(converted) => converted.amount,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if order.payer.is_empty() || order.payer.len() > 256 {
        return problem(StatusCode::BAD_REQUEST, "Name the payer, such as did:key:z6Mk....");
    }
    let id = order.id.as_deref().map_or_else(rand::random, named);
    let payer = PayerId::new(order.payer.clone());
    let at = admin.seller().now();
    let command = Command::Grant { id: TransferId(id), payer, asset: asset.clone(), amount, at };
    match admin.seller().books.submit(command).await {
        Ok(Outcome::Transferred) => {
            Json(json!({ "payer": order.payer, "granted": asset.display(amount) })).into_response()
        }
        Ok(Outcome::Conflict) => problem(StatusCode::CONFLICT, "This id was used for another grant; use a new one."),
        Ok(_) => {
            problem(StatusCode::UNPROCESSABLE_ENTITY, "The books do not take this grant; is the amount above zero?")
        }
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

fn named(id: &str) -> [u8; 16] {
    let hash: [u8; 32] =
        Sha256::new().chain_update(b"farthing/grant/1\0").chain_update(id.as_bytes()).finalize().into();
    let mut name = [0; 16];
    name.copy_from_slice(hash.split_at(16).0);
    name
}
