use std::str::FromStr;

use farthing_money::{Amount, Currency, Price};
use farthing_protocol::{Challenge, Timestamp};
use farthing_store::{Found, Statements, StoreError};
use rusqlite::ToSql;

use super::{KeptDeposit, KeptSession, SessionState};

const COLUMNS: &str = "id, wallet, origin, method, terms, asset, payee, unit, unit_cost, currency, state, channel, \
    kept, deposit, signed, free, spent, challenge, url, reason, collect_until, opened_at, used_at";

/// An amount as it is stored: 39 digits, which hold every amount and compare as text.
pub(super) fn stored(amount: Amount) -> String {
    format!("{:039}", amount.units())
}

pub(super) fn millionths(price: Price) -> i64 {
    i64::try_from(price.millionths()).unwrap_or(i64::MAX)
}

/// The sessions that a condition lets through, with their deposits.
pub(super) fn sessions(file: &Statements<'_>, of: &str, key: &[&dyn ToSql]) -> Result<Vec<KeptSession>, StoreError> {
    let mut found = file.many(&format!("SELECT {COLUMNS} FROM wallet_sessions WHERE {of}"), key, session)?;
    for session in &mut found {
        session.deposits = deposits(file, session.id, session.unit_cost.currency())?;
    }
    Ok(found)
}

fn session(row: &Found<'_>) -> Result<KeptSession, StoreError> {
    let currency: Currency = parsed(row, 9)?;
    let state: String = row.get(10)?;
    let header: String = row.get(17)?;
    let challenge = Challenge::parse_all([header.as_bytes()]).pop().and_then(Result::ok);
    let time = |at: Option<i64>| at.map(Timestamp::from_unix_millis);
    Ok(KeptSession {
        id: row.get(0)?,
        wallet: row.get(1)?,
        origin: parsed(row, 2)?,
        method: row.get(3)?,
        terms: row.get(4)?,
        asset: parsed(row, 5)?,
        payee: row.get(6)?,
        unit: amount(row, 7)?,
        unit_cost: price(row.get(8)?, currency),
        state: SessionState::from_word(&state).ok_or_else(|| unreadable(10, "a state"))?,
        channel: row.get(11)?,
        kept: row.get(12)?,
        deposit: amount(row, 13)?,
        signed: amount(row, 14)?,
        free: amount(row, 15)?,
        spent: amount(row, 16)?,
        challenge: challenge.ok_or_else(|| unreadable(17, "a challenge"))?,
        url: row.get(18)?,
        reason: row.get(19)?,
        collect_until: time(row.get(20)?),
        opened_at: Timestamp::from_unix_millis(row.get(21)?),
        used_at: Timestamp::from_unix_millis(row.get(22)?),
        deposits: Vec::new(),
    })
}

fn deposits(file: &Statements<'_>, session: i64, currency: Currency) -> Result<Vec<KeptDeposit>, StoreError> {
    let sql = "SELECT reservation, amount, fee, cost, standing FROM wallet_deposits WHERE session = ?1 ORDER BY rowid";
    file.many(sql, &[&session], |row| {
        let standing: String = row.get(4)?;
        Ok(KeptDeposit {
            reservation: row.get(0)?,
            amount: amount(row, 1)?,
            fee: amount(row, 2)?,
            cost: price(row.get(3)?, currency),
            is_in: standing == "in",
        })
    })
}

fn price(millionths: i64, currency: Currency) -> Price {
    Price::from_millionths(u64::try_from(millionths).unwrap_or_default(), currency)
}

pub(super) fn amount(row: &Found<'_>, column: usize) -> Result<Amount, StoreError> {
    parsed::<u128>(row, column).map(Amount::new)
}

fn parsed<T: FromStr>(row: &Found<'_>, column: usize) -> Result<T, StoreError> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| unreadable(column, "what this software wrote"))
}

pub(super) fn unreadable(column: usize, what: &str) -> StoreError {
    StoreError::Unavailable(format!("column number {column} is not {what}"))
}
