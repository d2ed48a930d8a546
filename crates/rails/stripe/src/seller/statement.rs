//! The account's balance transactions, as the statement that the books are reconciled with.
//!
//! Stripe lists the newest first. Reading begins at the newest, goes back to the beginning, and from then on
//! reads what is newer than the newest that was seen. The cursor says which: `back NEWEST OLDEST`, `after NEWEST`.

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{Cursor, Direction, Movement, ProofKey, RailError, RailStatement};
use serde_json::Value;

use super::Stripe;
use super::intent::{fee_of, id, movement};
use crate::api::{Form, Heard};
use crate::asset_of;

/// So many stand on a page.
const PAGE: &str = "100";

/// How far the list has been read.
enum Read<'a> {
    Nothing,
    Back { newest: &'a str, oldest: &'a str },
    After { newest: &'a str },
}

impl<'a> Read<'a> {
    fn of(cursor: &'a Cursor) -> Option<Self> {
        let mut words = cursor.0.split(' ');
        Some(match (words.next()?, words.next(), words.next()) {
            ("", None, None) => Self::Nothing,
            ("back", Some(newest), Some(oldest)) => Self::Back { newest, oldest },
            ("after", Some(newest), None) => Self::After { newest },
            _ => return None,
        })
    }
}

impl Stripe {
    pub(super) async fn page_after(&self, after: &Cursor) -> Result<RailStatement, RailError> {
        let read = Read::of(after).ok_or_else(|| RailError("the cursor is not one of Stripe's".to_owned()))?;
        let since = self.settings.statement_from.map(|from| from.unix_millis().div_euclid(1_000).to_string());
        let form = Form::default().with("limit", PAGE).with_some("created[gte]", since.as_deref());
        let form = match &read {
            Read::Nothing => form,
            Read::Back { oldest, .. } => form.with("starting_after", oldest),
            Read::After { newest } => form.with("ending_before", newest),
        };
        let page = match self.api.get("v1/balance_transactions", &form).await {
            Heard::Said(said) if said.is_success() => said.body,
            Heard::Said(said) => return Err(RailError(format!("Stripe gives no balance transactions: {said}"))),
            Heard::Unreached => return Err(RailError("Stripe cannot be reached".to_owned())),
            Heard::Nothing(what) => return Err(RailError(format!("Stripe gave {what}"))),
        };
        let list = page.get("data").and_then(Value::as_array);
        let list = list.ok_or_else(|| RailError("Stripe gave no list of balance transactions".to_owned()))?;
        let more = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
        let name = |each: Option<&Value>| each.and_then(|each| id(each, "txn_")).map(str::to_owned);
        let (first, last) = (name(list.first()), name(list.last()));
        let unreadable = || RailError("a balance transaction cannot be read".to_owned());
        let mut movements = Vec::new();
        for transaction in list.iter().rev() {
            movements.extend(movements_of(transaction).ok_or_else(unreadable)?);
        }
        Ok(RailStatement { movements, next: next(&read, after, first, last, more), more })
    }
}

fn next(read: &Read<'_>, after: &Cursor, first: Option<String>, last: Option<String>, more: bool) -> Cursor {
    let (Some(first), Some(last)) = (first, last) else {
        return match read {
            Read::Back { newest, .. } => Cursor(format!("after {newest}")),
            _ => after.clone(),
        };
    };
    Cursor(match read {
        Read::Nothing if more => format!("back {first} {last}"),
        Read::Back { newest, .. } if more => format!("back {newest} {last}"),
        Read::Back { newest, .. } => format!("after {newest}"),
        Read::Nothing | Read::After { .. } => format!("after {first}"),
    })
}

/// What a balance transaction shows: what moved, and what Stripe took for it. `None` is what cannot be read.
fn movements_of(transaction: &Value) -> Option<Vec<Movement>> {
    let name = id(transaction, "txn_")?;
    let text = |member: &str| transaction.get(member).and_then(Value::as_str);
    let number = |member: &str| transaction.get(member).and_then(Value::as_i64);
    let asset = match asset_of(text("currency")?) {
        Ok(asset) => asset,
        Err(error) => {
            tracing::warn!(transaction = name, %error, "a balance transaction is in a currency that is not read here");
            return Some(Vec::new());
        }
    };
    let kind = text("type")?;
    let (amount, fee) = (number("amount")?, number("fee").unwrap_or_default());
    let at = Timestamp::from_unix_millis(number("created")?.checked_mul(1_000)?);
    let (key, reference) = named(transaction, kind, name);
    let line = |key: ProofKey, units: i64, direction: Direction| Movement {
        key,
        reference: reference.to_owned(),
        direction,
        payer: None,
        amount: Amount::new(u128::from(units.unsigned_abs())),
        asset: asset.clone(),
        at,
    };
    let direction = match (kind, amount) {
        ("stripe_fee" | "network_cost" | "tax_fee" | "contribution", ..0) => Direction::Fee,
        (_, ..0) => Direction::Out,
        _ => Direction::In,
    };
    let mut lines = Vec::new();
    if amount != 0 {
        lines.push(line(key.clone(), amount, direction));
    }
    match fee {
        0 => {}
        1.. => lines.push(line(fee_of(&key), fee, Direction::Fee)),
        _ => lines.push(line(fee_of(&key), fee, Direction::In)),
    }
    Some(lines)
}

/// The key of a transaction, and what people look it up by. Charges, refunds and transfers have one each, and
/// go by their own names, which are known before the transaction is; all others by the transaction's.
fn named<'a>(transaction: &'a Value, kind: &str, name: &'a str) -> (ProofKey, &'a str) {
    let prefixes: &[&str] = match kind {
        "charge" | "payment" => &["ch_", "py_"],
        "refund" | "payment_refund" => &["re_", "pyr_"],
        "transfer" => &["tr_"],
        "application_fee" => &["fee_"],
        _ => &[],
    };
    let source = transaction.get("source").filter(|source| !source.is_null());
    let source = prefixes.iter().find_map(|prefix| id(source?, prefix));
    (movement(source.unwrap_or(name)), source.unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(kind: &str, source: &str, amount: i64, fee: i64) -> Vec<(String, &'static str, u128)> {
        let transaction = json!({
            "id": "txn_9", "type": kind, "source": source, "amount": amount, "fee": fee, "currency": "usd", "created": 7,
        });
        let lines = movements_of(&transaction).unwrap();
        lines
            .into_iter()
            .map(|line| (line.key.as_str().to_owned(), line.direction.as_str(), line.amount.units()))
            .collect()
    }

    #[test]
    fn a_transaction_shows_what_moved_and_what_it_cost() {
        let line = |key: &str, direction, units| (key.to_owned(), direction, units);
        let expected = vec![line("stripe/ch_1", "in", 500), line("stripe/ch_1/fee", "fee", 45)];
        assert_eq!(lines("charge", "ch_1", 500, 45), expected);
        assert_eq!(lines("refund", "re_1", -500, 0), vec![line("stripe/re_1", "out", 500)]);
        let dispute = vec![line("stripe/txn_9", "out", 500), line("stripe/txn_9/fee", "fee", 1_500)];
        assert_eq!(lines("adjustment", "dp_1", -500, 1_500), dispute);
        assert_eq!(lines("payout", "po_1", -400, 0), vec![line("stripe/txn_9", "out", 400)]);
        assert_eq!(lines("stripe_fee", "", -30, 0), vec![line("stripe/txn_9", "fee", 30)]);
    }

    #[test]
    fn the_list_is_read_back_to_its_beginning_and_then_forward() {
        let some = |text: &str| Some(text.to_owned());
        let step = |cursor: &str, first: Option<String>, last: Option<String>, more| {
            let cursor = Cursor(cursor.to_owned());
            next(&Read::of(&cursor).unwrap(), &cursor, first, last, more).0
        };
        assert_eq!(step("", None, None, false), "");
        assert_eq!(step("", some("txn_9"), some("txn_5"), true), "back txn_9 txn_5");
        assert_eq!(step("back txn_9 txn_5", some("txn_4"), some("txn_2"), true), "back txn_9 txn_2");
        assert_eq!(step("back txn_9 txn_2", some("txn_1"), some("txn_0"), false), "after txn_9");
        assert_eq!(step("back txn_9 txn_2", None, None, false), "after txn_9");
        assert_eq!(step("after txn_9", None, None, false), "after txn_9");
        assert_eq!(step("after txn_9", some("txn_12"), some("txn_10"), true), "after txn_12");
        assert!(Read::of(&Cursor("7".into())).is_none());
    }
}
