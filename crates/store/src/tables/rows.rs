//! Rows to and from SQL. What does not read back is damage, named by its column.

use farthing_books::ledger::Phase;
use farthing_books::{
    Account, AccountId, MovementRecord, PaymentRecord, PaymentState, Seen, StoredResponse, Transfer, TransferId,
};
use farthing_money::Amount;
use farthing_protocol::{ChallengeId, Timestamp};
use farthing_rail::{Direction, PayerId, PaymentId, ProofKey, SessionId};
use rusqlite::types::{FromSql, ValueRef};

use crate::StoreError;
use crate::engine::Row;

/// The columns of a payment, in the order in which [`payment`] reads them.
pub(crate) const PAYMENT: &str = "id, challenge, proof_key, method, intent, route, request, payer, amount, asset, prepaid, \
     idempotency, kept, state, reference, fee, refund, reason, deadline, status, claimed_at, settled_at, updated_at, \
     consumed, confirm_at, passed_on, rail, session, tops_up, taken_back";

/// How many those are.
pub(crate) const PAYMENT_COLUMNS: usize = 30;

/// The payments that are not final: word for word the condition of their index, or it is not used.
pub(crate) const IN_PROGRESS: &str =
    "state <> 'closed' AND state <> 'rejected' AND state <> 'refunded' AND state <> 'reversed'";

/// The columns of an account, in the order in which [`account`] reads them.
pub(crate) const ACCOUNT: &str = "name, asset, debits, credits, debits_pending, credits_pending, id";

/// Transfers with the names of their accounts, in the order in which [`transfer`] reads them.
pub(crate) const TRANSFERS: &str = "SELECT t.id, d.name, d.asset, c.name, c.asset, t.amount, t.phase, t.hold, t.payment, \
     t.at FROM transfers t JOIN accounts d ON d.id = t.debit JOIN accounts c ON c.id = t.credit";

pub(crate) fn payment(row: &Row<'_>) -> Result<PaymentRecord, StoreError> {
    let challenge = row.get_ref(1)?.as_str().map_err(|_| damaged("challenge"))?;
    Ok(PaymentRecord {
        id: PaymentId::from_bytes(row.get(0)?),
        challenge: ChallengeId::read(challenge).map_err(|_| damaged("challenge"))?,
        key: match row.get::<Option<Box<str>>>(2)? {
            Some(key) => ProofKey::new(key),
            None => key_of_challenge(row.get_ref(3)?.as_str().map_err(|_| damaged("method"))?, challenge),
        },
        method: row.get(3)?,
        intent: row.get(4)?,
        route: row.get(5)?,
        request: row.get(6)?,
        payer: row.get::<Option<Box<str>>>(7)?.map(PayerId::new),
        amount: parsed(row, 8, "amount")?,
        asset: parsed(row, 9, "asset")?,
        prepaid: row.get(10)?,
        idempotency: row.get(11)?,
        kept: row.get(12)?,
        state: PaymentState::from_word(row.get_ref(13)?.as_str().map_err(|_| damaged("state"))?)
            .ok_or_else(|| damaged("state"))?,
        reference: row.get(14)?,
        fee: parsed(row, 15, "fee")?,
        refund: row.get(16)?,
        reason: row.get(17)?,
        deadline: row.get::<Option<i64>>(18)?.map(Timestamp::from_unix_millis),
        status: row.get(19)?,
        claimed_at: instant(row, 20)?,
        settled_at: row.get::<Option<i64>>(21)?.map(Timestamp::from_unix_millis),
        updated_at: instant(row, 22)?,
        consumed: keys(row, 23)?,
        confirm_at: row.get::<Option<i64>>(24)?.map(Timestamp::from_unix_millis),
        passed_on: parsed(row, 25, "passed_on")?,
        rail: row.get(26)?,
        session: row.get::<Option<[u8; 16]>>(27)?.map(SessionId::from_bytes),
        tops_up: row
            .get::<Option<String>>(28)?
            .map(|asset| asset.parse())
            .transpose()
            .map_err(|_| damaged("tops_up"))?,
        taken_back: match row.get_ref(29)? {
            ValueRef::Null => Amount::ZERO,
            _ => parsed(row, 29, "taken_back")?,
        },
    })
}

/// A payment, and the number of the process that changed it last, which stands behind the columns of it.
pub(crate) fn payment_and_node(row: &Row<'_>) -> Result<(PaymentRecord, i64), StoreError> {
    Ok((payment(row)?, row.get(PAYMENT_COLUMNS)?))
}

/// The key of a proof that says no more than which challenge it answers. It is not stored: whoever presents that
/// challenge again names the same payment.
pub(crate) fn key_of_challenge(method: &str, challenge: &str) -> ProofKey {
    ProofKey::new(format!("{method}/{challenge}"))
}

/// The keys of a payment's movements.
fn keys(row: &Row<'_>, index: usize) -> Result<Vec<ProofKey>, StoreError> {
    let Some(text) = row.get::<Option<String>>(index)? else { return Ok(Vec::new()) };
    let keys: Vec<Box<str>> = serde_json::from_str(&text).map_err(|_| damaged("consumed"))?;
    Ok(keys.into_iter().map(ProofKey::new).collect())
}

/// The keys of a payment's movements as they are stored.
pub(crate) fn keys_text(keys: &[ProofKey]) -> Result<Option<String>, StoreError> {
    if keys.is_empty() {
        return Ok(None);
    }
    let keys: Vec<&str> = keys.iter().map(ProofKey::as_str).collect();
    serde_json::to_string(&keys).map(Some).map_err(|error| StoreError::Fault(error.to_string()))
}

/// The columns of a movement, in the order in which [`movement`] reads them.
pub(crate) const MOVEMENT: &str = "key, payment, suspended, rail, reference, payer, amount, asset, at, direction";

pub(crate) fn movement(row: &Row<'_>) -> Result<MovementRecord, StoreError> {
    let seen = match row.get::<Option<String>>(3)? {
        None => None,
        Some(rail) => Some(Seen {
            rail,
            direction: Direction::from_word(row.get_ref(9)?.as_str().map_err(|_| damaged("direction"))?)
                .ok_or_else(|| damaged("direction"))?,
            reference: row.get(4)?,
            payer: row.get::<Option<Box<str>>>(5)?.map(PayerId::new),
            amount: parsed(row, 6, "amount")?,
            asset: parsed(row, 7, "asset")?,
            at: instant(row, 8)?,
        }),
    };
    Ok(MovementRecord {
        key: ProofKey::new(row.get::<Box<str>>(0)?),
        payment: row.get::<Option<[u8; 16]>>(1)?.map(PaymentId::from_bytes),
        suspended: row.get(2)?,
        seen,
    })
}

/// An account and its row number. One that stands below its bound is damage.
pub(crate) fn account(row: &Row<'_>) -> Result<(Account, i64), StoreError> {
    let account = Account {
        id: AccountId { kind: parsed(row, 0, "name")?, asset: parsed(row, 1, "asset")? },
        debits: parsed(row, 2, "debits")?,
        credits: parsed(row, 3, "credits")?,
        debits_pending: parsed(row, 4, "debits_pending")?,
        credits_pending: parsed(row, 5, "credits_pending")?,
    };
    Ok((account, row.get(6)?))
}

pub(crate) fn transfer(row: &Row<'_>) -> Result<Transfer, StoreError> {
    let hold = row.get::<Option<[u8; 16]>>(7)?.map(TransferId);
    let phase = match (row.get_ref(6)?.as_str().map_err(|_| damaged("phase"))?, hold) {
        ("single", None) => Phase::Single,
        ("pending", None) => Phase::Pending,
        ("post", Some(hold)) => Phase::Post(hold),
        ("void", Some(hold)) => Phase::Void(hold),
        _ => return Err(damaged("phase")),
    };
    Ok(Transfer {
        id: TransferId(row.get(0)?),
        debit: AccountId { kind: parsed(row, 1, "name")?, asset: parsed(row, 2, "asset")? },
        credit: AccountId { kind: parsed(row, 3, "name")?, asset: parsed(row, 4, "asset")? },
        amount: parsed(row, 5, "amount")?,
        phase,
        payment: row.get::<Option<[u8; 16]>>(8)?.map(PaymentId::from_bytes),
        at: instant(row, 9)?,
    })
}

/// The SQL words of a phase: its name and the hold it ends.
pub(crate) fn phase_words(phase: Phase) -> (&'static str, Option<[u8; 16]>) {
    match phase {
        Phase::Single => ("single", None),
        Phase::Pending => ("pending", None),
        Phase::Post(hold) => ("post", Some(hold.0)),
        Phase::Void(hold) => ("void", Some(hold.0)),
    }
}

pub(crate) fn response(row: &Row<'_>) -> Result<StoredResponse, StoreError> {
    let headers: Vec<(String, String)> =
        serde_json::from_str(row.get_ref(1)?.as_str().map_err(|_| damaged("headers"))?)
            .map_err(|_| damaged("headers"))?;
    let bytes = |value: String| -> Result<Vec<u8>, StoreError> {
        value.chars().map(|byte| u8::try_from(byte).map_err(|_| damaged("headers"))).collect()
    };
    Ok(StoredResponse {
        status: row.get(0)?,
        headers: headers
            .into_iter()
            .map(|(name, value)| Ok((name, bytes(value)?)))
            .collect::<Result<_, StoreError>>()?,
        body: row.get(2)?,
    })
}

/// The headers of a response as they are stored.
pub(crate) fn headers_text(response: &StoredResponse) -> Result<String, StoreError> {
    let characters = |value: &[u8]| value.iter().copied().map(char::from).collect::<String>();
    let pairs: Vec<(&str, String)> =
        response.headers.iter().map(|(name, value)| (name.as_str(), characters(value))).collect();
    serde_json::to_string(&pairs).map_err(|error| StoreError::Fault(error.to_string()))
}

pub(crate) fn parsed<T: std::str::FromStr>(row: &Row<'_>, index: usize, column: &'static str) -> Result<T, StoreError> {
    row.get_ref(index)?.as_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| damaged(column))
}

pub(super) fn instant(row: &Row<'_>, index: usize) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_unix_millis(i64::column_result(row.get_ref(index)?).map_err(|_| damaged("an instant"))?))
}

pub(super) fn damaged(column: &str) -> StoreError {
    StoreError::Damaged(format!("column {column} holds something else than was written"))
}
