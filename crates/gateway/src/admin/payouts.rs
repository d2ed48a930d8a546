//! Balances that go back the way they came: ordered here, paid by the bank.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use farthing_books::bank::{BankOutcome, NewPayout, PayoutRecord};
use farthing_books::{AccountId, AccountKind, BankCommand, Command, Outcome, PayoutId};
use farthing_money::{Amount, Asset, Price, Rate, Rounding};
use farthing_rail::{FundingAccount, PayerId, PaymentOrder, PaymentOrders};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Admin, problem};
use crate::site::Site;

/// So many payments are put into one file.
const LARGEST_FILE: u32 = 1_000;
/// What whoever is paid reads.
const TEXT: &str = "Refund of a prepaid balance";

/// `POST /admin/payouts`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// Whose balance.
    payer: String,
    /// Which balance: `"USD"`.
    currency: String,
    /// How much: `"5 USD"`; all of it, when it does not say.
    amount: Option<String>,
    /// Whom it goes to.
    name: String,
    /// Their account.
    account: String,
    /// Out of which of our accounts; any that there is in the currency, when it does not say.
    rail: Option<String>,
    /// Who orders it.
    by: String,
    /// The caller's own name for this payout; ordering twice under one name is ordering once.
    id: Option<String>,
}

/// `POST /admin/payment-files`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// Of which account; need not be said where there is one only.
    rail: Option<String>,
    /// The name of a file that was written before, to have it again.
    file: Option<String>,
}

/// Takes money out of a balance, in whole units of the account; what is smaller stays.
pub(super) async fn order(State(admin): State<Admin>, Json(order): Json<Order>) -> Response {
    match ordered(&admin, order).await {
        Ok(record) => Json(shown(&record)).into_response(),
        Err(refused) => refused,
    }
}

async fn ordered(admin: &Admin, order: Order) -> Result<PayoutRecord, Response> {
    let bad = |detail: &str| problem(StatusCode::BAD_REQUEST, detail);
    let site = admin.seller().site.load_full();
    let unknown = || bad("No balance in this currency can be paid out here over such a rail.");
    let (asset, _) = site.prepaid(&order.currency).ok_or_else(unknown)?;
    let account = site.funding(order.rail.as_deref(), &order.currency).ok_or_else(unknown)?;
    let payee_account = account.payee(&order.account).map_err(|error| bad(&error.to_string()))?;
    if order.name.trim().is_empty() || order.name.chars().count() > 70 || order.by.trim().is_empty() {
        return Err(bad("Say whom it is paid to, in at most 70 characters, and who orders it."));
    }
    let payer = PayerId::new(order.payer);
    let amount = match &order.amount {
        Some(amount) => priced(amount, &asset).map_err(|detail| bad(&detail))?,
        None => available(admin, &payer, &asset).await?,
    };
    let leaving = Rate::PARITY.convert(amount, asset.decimals(), account.asset().decimals(), Rounding::Down);
    let leaving = leaving.map_err(|error| bad(&error.to_string()))?.amount;
    if leaving.is_zero() {
        return Err(bad("That is less than the smallest amount that the bank pays."));
    }
    let new = NewPayout {
        id: PayoutId::from_bytes(order.id.as_deref().map_or_else(rand::random, named)),
        payer,
        asset,
        rail: account.name().to_owned(),
        account: account.asset().clone(),
        currency: account.currency(),
        leaving,
        payee_name: order.name.trim().to_owned(),
        payee_account,
        by: order.by,
        at: admin.seller().now(),
    };
    match admin.seller().books.submit(Command::Bank(BankCommand::PayOut(Box::new(new)))).await {
        Ok(Outcome::Bank(BankOutcome::PaidOut(record))) => Ok(*record),
        Ok(Outcome::Insufficient { .. }) => Err(problem(StatusCode::CONFLICT, "The balance does not hold so much.")),
        Ok(Outcome::Conflict) => Err(problem(StatusCode::CONFLICT, "This id was used for another payout.")),
        Ok(_) => Err(problem(StatusCode::UNPROCESSABLE_ENTITY, "The books do not take this payout.")),
        Err(error) => Err(problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())),
    }
}

fn priced(amount: &str, asset: &Asset) -> Result<Amount, String> {
    let price: Price = amount.parse().map_err(|error| format!("{error}"))?;
    if price.currency().as_str() != asset.code() {
        return Err(format!("The amount is in {}, and the balance in {}.", price.currency(), asset.code()));
    }
    price.in_asset(asset, Rounding::Exact).map(|converted| converted.amount).map_err(|error| error.to_string())
}

async fn available(admin: &Admin, payer: &PayerId, asset: &Asset) -> Result<Amount, Response> {
    let id = AccountId::new(AccountKind::Payer(payer.clone()), asset);
    match admin.seller().books.account(&id).await {
        Ok(found) => Ok(found.and_then(|account| account.available()).unwrap_or(Amount::ZERO)),
        Err(error) => Err(problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())),
    }
}

/// Puts what is ordered into a payment file, or writes one again that was made before.
pub(super) async fn write(State(admin): State<Admin>, Json(wish): Json<Wish>) -> Response {
    match written(&admin, wish).await {
        Ok(file) => Json(file).into_response(),
        Err(refused) => refused,
    }
}

async fn written(admin: &Admin, wish: Wish) -> Result<Value, Response> {
    let site = admin.seller().site.load_full();
    let account = only(&site, wish.rail.as_deref()).ok_or_else(|| {
        problem(StatusCode::BAD_REQUEST, "Say which account pays: the NAME of its [rails.NAME] table.")
    })?;
    let books = &admin.seller().books;
    let unavailable = |error: &dyn std::fmt::Display| problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
    let ordered = match &wish.file {
        Some(_) => Vec::new(),
        None => books.unwritten_payouts(account.name(), LARGEST_FILE).await.map_err(|error| unavailable(&error))?,
    };
    let file = wish.file.unwrap_or_else(|| format!("FARTHING-{:016X}", rand::random::<u64>()));
    let payouts = ordered.iter().map(|record| record.order.id).collect();
    let command = BankCommand::Write { file: file.clone(), payouts, at: admin.seller().now() };
    let records = match books.submit(Command::Bank(command)).await {
        Ok(Outcome::Bank(BankOutcome::Written(records))) => records,
        Ok(_) => return Err(problem(StatusCode::UNPROCESSABLE_ENTITY, "The books do not take this file.")),
        Err(error) => return Err(unavailable(&error)),
    };
    let Some(first) = records.first() else {
        return Err(problem(StatusCode::NOT_FOUND, "Nothing is ordered that could be paid out."));
    };
    let orders: Vec<PaymentOrder> = records.iter().map(payment).collect();
    let made = account.payment_file(&PaymentOrders { id: &file, at: first.updated_at, orders: &orders });
    let text = made.map_err(|error| problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()))?;
    Ok(json!({ "file": file, "payouts": records.iter().map(shown).collect::<Vec<_>>(), "text": text }))
}

fn only<'a>(site: &'a Site, rail: Option<&str>) -> Option<&'a dyn FundingAccount> {
    let mut named = site.fundings.iter().filter(|account| rail.is_none_or(|rail| account.name() == rail));
    match (named.next(), named.next()) {
        (Some(account), None) => Some(account.as_ref()),
        _ => None,
    }
}

fn payment(record: &PayoutRecord) -> PaymentOrder {
    PaymentOrder {
        end_to_end: record.order.id.end_to_end(),
        amount: record.order.leaving,
        payee_name: record.order.payee_name.clone(),
        payee_account: record.order.payee_account.clone(),
        text: TEXT.to_owned(),
    }
}

fn shown(record: &PayoutRecord) -> Value {
    let order = &record.order;
    json!({
        "id": order.id.to_string(),
        "state": record.state.as_str(),
        "payer": order.payer.as_str(),
        "rail": order.rail,
        "amount": order.leaving.to_string(),
        "asset": order.account.to_string(),
        "display": order.account.display(order.leaving),
        "name": order.payee_name,
        "account": order.payee_account,
        "end_to_end": order.id.end_to_end(),
        "file": record.file,
    })
}

fn named(id: &str) -> [u8; 16] {
    let hash: [u8; 32] =
        Sha256::new().chain_update(b"farthing/payout/1\0").chain_update(id.as_bytes()).finalize().into();
    let mut name = [0; 16];
    name.copy_from_slice(hash.split_at(16).0);
    name
}
