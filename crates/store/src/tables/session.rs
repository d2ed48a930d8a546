//! Sessions to and from SQL. A draw writes the few columns that it changes, and no blob that it does not.

use std::collections::BTreeMap;

use farthing_books::session::PendingDeposit;
use farthing_books::shelf::{Extent, ProofUse};
use farthing_books::{SessionRecord, SessionState, Shelf};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{PayerId, PaymentId, ProofKey, SessionId};
use rusqlite::params;

use super::rows::{damaged, instant, parsed};
use crate::StoreError;
use crate::engine::{Connection, Row};

/// The columns of a session, in the order in which [`record`] reads them.
pub(crate) const SESSION: &str = "id, channel, payer, signer, asset, prepaid, method, rail, kept, opened_at, held, spent, \
     units, unposted, used_at, updated_at, accepted, voucher, state, deposit, settled, collected, collecting, \
     collections, transfers, reason, close_requested_at, collect_until, seen_at, ended_at, pending_key, \
     pending_amount, pending_kept, pending_claimed_at, ask_at";

/// The sessions that are not final: word for word the condition of their index, or it is not used.
pub(crate) const IN_PROGRESS: &str = "state <> 'closed' AND state <> 'refused'";

/// What a proof was used for, in the order in which [`proof_use`] reads it.
pub(super) const BY_PROOF: &str = "SELECT id, 0 FROM payments WHERE proof_key = ?1 \
     UNION ALL SELECT session, 1 FROM deposits WHERE key = ?1 LIMIT 1";

/// The proofs of deposits, in the order in which [`deposit`] reads them.
pub(super) const DEPOSITS: &str = "SELECT key, session FROM deposits";

pub(super) fn proof_use(row: &Row<'_>) -> Result<ProofUse, StoreError> {
    let id = row.get(0)?;
    Ok(if row.get(1)? {
        ProofUse::Deposit(SessionId::from_bytes(id))
    } else {
        ProofUse::Payment(PaymentId::from_bytes(id))
    })
}

pub(super) fn deposit(row: &Row<'_>) -> Result<(ProofKey, SessionId), StoreError> {
    Ok((ProofKey::new(row.get::<Box<str>>(0)?), SessionId::from_bytes(row.get(1)?)))
}

pub(crate) fn record(row: &Row<'_>) -> Result<SessionRecord, StoreError> {
    Ok(SessionRecord {
        id: SessionId::from_bytes(row.get(0)?),
        channel: row.get(1)?,
        payer: PayerId::new(row.get::<Box<str>>(2)?),
        signer: row.get(3)?,
        asset: parsed(row, 4, "asset")?,
        prepaid: row.get(5)?,
        method: row.get(6)?,
        rail: row.get(7)?,
        kept: row.get(8)?,
        opened_at: instant(row, 9)?,
        held: parsed(row, 10, "held")?,
        spent: parsed(row, 11, "spent")?,
        units: counted(row, 12, "units")?,
        unposted: unposted(row, 13)?,
        used_at: instant(row, 14)?,
        updated_at: instant(row, 15)?,
        accepted: parsed(row, 16, "accepted")?,
        voucher: row.get(17)?,
        state: SessionState::from_word(row.get_ref(18)?.as_str().map_err(|_| damaged("state"))?)
            .ok_or_else(|| damaged("state"))?,
        deposit: parsed(row, 19, "deposit")?,
        settled: parsed(row, 20, "settled")?,
        collected: parsed(row, 21, "collected")?,
        collecting: row.get::<Option<[u8; 16]>>(22)?.map(PaymentId::from_bytes),
        collections: counted(row, 23, "collections")?,
        transfers: counted(row, 24, "transfers")?,
        reason: row.get(25)?,
        close_requested_at: maybe_instant(row, 26)?,
        collect_until: maybe_instant(row, 27)?,
        seen_at: maybe_instant(row, 28)?,
        ended_at: maybe_instant(row, 29)?,
        pending: pending(row)?,
    })
}

fn pending(row: &Row<'_>) -> Result<Option<PendingDeposit>, StoreError> {
    let Some(key) = row.get::<Option<Box<str>>>(30)? else { return Ok(None) };
    Ok(Some(PendingDeposit {
        key: ProofKey::new(key),
        amount: parsed(row, 31, "pending_amount")?,
        kept: row.get(32)?,
        claimed_at: instant(row, 33)?,
        ask_at: maybe_instant(row, 34)?,
    }))
}

fn unposted(row: &Row<'_>, index: usize) -> Result<BTreeMap<String, Amount>, StoreError> {
    let Some(text) = row.get_ref(index)?.as_str_or_null().map_err(|_| damaged("unposted"))? else {
        return Ok(BTreeMap::new());
    };
    let sums: BTreeMap<String, String> = serde_json::from_str(text).map_err(|_| damaged("unposted"))?;
    let read = |(route, sum): (String, String)| Ok((route, sum.parse().map_err(|_| damaged("unposted"))?));
    sums.into_iter().map(read).collect()
}

fn unposted_text(sums: &BTreeMap<String, Amount>) -> Result<Option<String>, StoreError> {
    if sums.is_empty() {
        return Ok(None);
    }
    let texts: BTreeMap<&str, String> = sums.iter().map(|(route, sum)| (route.as_str(), sum.to_string())).collect();
    serde_json::to_string(&texts).map(Some).map_err(|error| StoreError::Fault(error.to_string()))
}

/// Writes the sessions of a batch and the proofs of their deposits.
pub(super) fn changes(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for change in shelf.sessions.changes() {
        let Some(session) = change.row else { continue };
        match change.extent {
            _ if !change.stored => insert(connection, session)?,
            Extent::Counters => write_counters(connection, session)?,
            Extent::Voucher => write_voucher(connection, session)?,
            Extent::Whole => write_whole(connection, session)?,
        }
    }
    for change in shelf.proofs.changes() {
        if let Some(ProofUse::Deposit(session)) = change.row {
            let insert = "INSERT INTO deposits (key, session) VALUES (?1, ?2)";
            connection.write(insert, params![change.key.as_str(), session.as_bytes()])?;
        }
    }
    Ok(())
}

/// In one statement: what a batch writes is sent kind by kind, and an update of what is new could come before it.
fn insert(connection: &Connection, session: &SessionRecord) -> Result<(), StoreError> {
    let insert = "INSERT INTO sessions (id, channel, payer, signer, asset, prepaid, method, rail, kept, opened_at, held, spent, \
         units, unposted, used_at, updated_at, accepted, voucher, state, deposit, settled, collected, collecting, \
         collections, transfers, reason, close_requested_at, collect_until, seen_at, ended_at, pending_key, \
         pending_amount, pending_kept, pending_claimed_at, ask_at, node) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, \
         ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, \
         ?32, ?33, ?34, ?35, ?36)";
    let pending = session.pending.as_ref();
    connection.write(
        insert,
        params![
            session.id.as_bytes(),
            session.channel,
            session.payer.as_str(),
            session.signer,
            session.asset.to_string(),
            session.prepaid,
            session.method,
            session.rail,
            session.kept,
            session.opened_at.unix_millis(),
            session.held.to_string(),
            session.spent.to_string(),
            stored(session.units),
            unposted_text(&session.unposted)?,
            session.used_at.unix_millis(),
            session.updated_at.unix_millis(),
            session.accepted.to_string(),
            session.voucher,
            session.state.as_str(),
            session.deposit.to_string(),
            session.settled.to_string(),
            session.collected.to_string(),
            session.collecting.map(|payment| *payment.as_bytes()),
            stored(session.collections),
            stored(session.transfers),
            session.reason,
            session.close_requested_at.map(Timestamp::unix_millis),
            session.collect_until.map(Timestamp::unix_millis),
            session.seen_at.map(Timestamp::unix_millis),
            session.ended_at.map(Timestamp::unix_millis),
            pending.map(|pending| pending.key.as_str()),
            pending.map(|pending| pending.amount.to_string()),
            pending.map(|pending| pending.kept.as_slice()),
            pending.map(|pending| pending.claimed_at.unix_millis()),
            pending.and_then(|pending| pending.ask_at).map(Timestamp::unix_millis),
            connection.node(),
        ],
    )?;
    Ok(())
}

fn write_counters(connection: &Connection, session: &SessionRecord) -> Result<(), StoreError> {
    let update = "UPDATE sessions SET held = ?2, spent = ?3, units = ?4, unposted = ?5, used_at = ?6, updated_at = ?7, node = ?8 \
         WHERE id = ?1";
    connection.write(
        update,
        params![
            session.id.as_bytes(),
            session.held.to_string(),
            session.spent.to_string(),
            stored(session.units),
            unposted_text(&session.unposted)?,
            session.used_at.unix_millis(),
            session.updated_at.unix_millis(),
            connection.node(),
        ],
    )?;
    Ok(())
}

fn write_voucher(connection: &Connection, session: &SessionRecord) -> Result<(), StoreError> {
    let update = "UPDATE sessions SET held = ?2, spent = ?3, units = ?4, unposted = ?5, used_at = ?6, updated_at = ?7, \
         accepted = ?8, voucher = ?9, node = ?10 WHERE id = ?1";
    connection.write(
        update,
        params![
            session.id.as_bytes(),
            session.held.to_string(),
            session.spent.to_string(),
            stored(session.units),
            unposted_text(&session.unposted)?,
            session.used_at.unix_millis(),
            session.updated_at.unix_millis(),
            session.accepted.to_string(),
            session.voucher,
            connection.node(),
        ],
    )?;
    Ok(())
}

/// Everything that can change after a session was claimed.
fn write_whole(connection: &Connection, session: &SessionRecord) -> Result<(), StoreError> {
    write_voucher(connection, session)?;
    let update = "UPDATE sessions SET state = ?2, deposit = ?3, settled = ?4, collected = ?5, collecting = ?6, collections = ?7, \
         transfers = ?8, reason = ?9, close_requested_at = ?10, collect_until = ?11, seen_at = ?12, ended_at = ?13, \
         pending_key = ?14, pending_amount = ?15, pending_kept = ?16, pending_claimed_at = ?17, ask_at = ?18 \
         WHERE id = ?1";
    let pending = session.pending.as_ref();
    connection.write(
        update,
        params![
            session.id.as_bytes(),
            session.state.as_str(),
            session.deposit.to_string(),
            session.settled.to_string(),
            session.collected.to_string(),
            session.collecting.map(|payment| *payment.as_bytes()),
            stored(session.collections),
            stored(session.transfers),
            session.reason,
            session.close_requested_at.map(Timestamp::unix_millis),
            session.collect_until.map(Timestamp::unix_millis),
            session.seen_at.map(Timestamp::unix_millis),
            session.ended_at.map(Timestamp::unix_millis),
            pending.map(|pending| pending.key.as_str()),
            pending.map(|pending| pending.amount.to_string()),
            pending.map(|pending| pending.kept.as_slice()),
            pending.map(|pending| pending.claimed_at.unix_millis()),
            pending.and_then(|pending| pending.ask_at).map(Timestamp::unix_millis),
        ],
    )?;
    Ok(())
}

/// Counters beyond 63 bits stay at the largest that SQLite holds.
fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn counted(row: &Row<'_>, index: usize, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.get::<i64>(index)?).map_err(|_| damaged(column))
}

fn maybe_instant(row: &Row<'_>, index: usize) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.get::<Option<i64>>(index)?.map(Timestamp::from_unix_millis))
}
