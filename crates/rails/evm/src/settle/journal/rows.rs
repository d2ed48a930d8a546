use std::path::Path;

use alloy_primitives::{Address, B256, Bytes};
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use rusqlite::{Connection, Params, Row, params};

use super::thread::Read;
use super::{Purpose, State, Submission};

/// A chain id or a nonce fits 63 bits; what does not is stored as the largest number, which no
/// chain uses.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) enum Write {
    Append(Vec<Submission>),
    CloseBelow(u64, Address, u64),
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS submissions (
        payment      BLOB,
        purpose      TEXT NOT NULL,
        amount       TEXT,
        chain        INTEGER NOT NULL,
        signer       BLOB NOT NULL,
        nonce        INTEGER,
        hash         BLOB NOT NULL,
        raw          BLOB NOT NULL,
        valid_before INTEGER,
        open         INTEGER NOT NULL,
        at           INTEGER NOT NULL,
        PRIMARY KEY (chain, hash)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS submissions_of_payment ON submissions (payment, chain);
    CREATE INDEX IF NOT EXISTS submissions_of_signer ON submissions (chain, signer, nonce);
    CREATE INDEX IF NOT EXISTS submissions_open ON submissions (chain, signer, nonce) WHERE open = 1;";

const COLUMNS: &str = "payment, purpose, amount, chain, signer, nonce, hash, raw, valid_before, open, at";

pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // Two owners would give out the same nonces: the lock is held for as long as the file is open.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT;")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

pub(super) fn apply(connection: &Connection, write: &Write) -> rusqlite::Result<()> {
    match write {
        Write::Append(submissions) => submissions.iter().try_for_each(|submission| insert(connection, submission)),
        Write::CloseBelow(chain, signer, nonce) => {
            let mut statement = connection.prepare_cached(
                "UPDATE submissions SET open = 0 WHERE chain = ?1 AND signer = ?2 AND nonce < ?3 AND open = 1",
            )?;
            statement.execute(params![stored(*chain), signer.as_slice(), stored(*nonce)]).map(drop)
        }
    }
}

/// The same bytes written twice are one submission.
fn insert(connection: &Connection, submission: &Submission) -> rusqlite::Result<()> {
    let (payment, purpose, amount) = match &submission.purpose {
        Purpose::Settle(payment) => (Some(payment), "settle", None),
        Purpose::Refund(payment, amount) => (Some(payment), "refund", Some(amount.to_string())),
        Purpose::Fill => (None, "fill", None),
    };
    let mut statement = connection.prepare_cached(&format!(
        "INSERT OR IGNORE INTO submissions ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    ))?;
    statement
        .execute(params![
            payment.map(PaymentId::as_bytes),
            purpose,
            amount,
            stored(submission.chain),
            submission.signer.as_slice(),
            submission.nonce.map(stored),
            submission.hash.as_slice(),
            submission.raw.as_ref(),
            submission.valid_before.map(stored),
            submission.state == State::Open,
            submission.at.unix_millis(),
        ])
        .map(drop)
}

pub(super) fn find(connection: &Connection, read: &Read) -> rusqlite::Result<Vec<Submission>> {
    match read {
        Read::Purpose(chain, Purpose::Settle(payment)) => select(
            connection,
            "payment = ?1 AND chain = ?2 AND purpose = 'settle' ORDER BY rowid",
            params![payment.as_bytes(), stored(*chain)],
        ),
        Read::Purpose(chain, Purpose::Refund(payment, amount)) => select(
            connection,
            "payment = ?1 AND chain = ?2 AND purpose = 'refund' AND amount = ?3 ORDER BY rowid",
            params![payment.as_bytes(), stored(*chain), amount.to_string()],
        ),
        Read::Purpose(chain, Purpose::Fill) => {
            select(connection, "chain = ?1 AND purpose = 'fill' ORDER BY rowid", params![stored(*chain)])
        }
        Read::Open(chain, signer) => select(
            connection,
            "chain = ?1 AND signer = ?2 AND open = 1 AND nonce IS NOT NULL ORDER BY nonce, rowid",
            params![stored(*chain), signer.as_slice()],
        ),
        Read::Last(chain, signer) => select(
            connection,
            "chain = ?1 AND signer = ?2 AND nonce IS NOT NULL ORDER BY nonce DESC LIMIT 1",
            params![stored(*chain), signer.as_slice()],
        ),
        Read::Hash(chain, hash) => {
            select(connection, "chain = ?1 AND hash = ?2", params![stored(*chain), hash.as_slice()])
        }
    }
}

fn select(connection: &Connection, condition: &str, values: impl Params) -> rusqlite::Result<Vec<Submission>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM submissions WHERE {condition}"))?;
    statement.query_map(values, submission)?.collect()
}

fn submission(row: &Row<'_>) -> rusqlite::Result<Submission> {
    let payment: Option<[u8; 16]> = row.get(0)?;
    let payment = PaymentId::from_bytes(payment.unwrap_or_default());
    let amount: Option<String> = row.get(2)?;
    let purpose = match row.get_ref(1)?.as_str()? {
        "settle" => Purpose::Settle(payment),
        "refund" => Purpose::Refund(payment, amount.and_then(|amount| amount.parse().ok()).unwrap_or_default()),
        _ => Purpose::Fill,
    };
    let nonce: Option<i64> = row.get(5)?;
    let valid_before: Option<i64> = row.get(8)?;
    Ok(Submission {
        purpose,
        chain: row.get::<_, i64>(3)?.unsigned_abs(),
        signer: Address::from(row.get::<_, [u8; 20]>(4)?),
        nonce: nonce.map(i64::unsigned_abs),
        hash: B256::from(row.get::<_, [u8; 32]>(6)?),
        raw: Bytes::from(row.get::<_, Vec<u8>>(7)?),
        valid_before: valid_before.map(i64::unsigned_abs),
        state: if row.get(9)? { State::Open } else { State::Closed },
        at: Timestamp::from_unix_millis(row.get(10)?),
    })
}
