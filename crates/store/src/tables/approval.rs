//! Approvals to and from SQL.

use farthing_books::approval::{Answer, ApprovalUse, Facts, FactsDigest};
use farthing_books::{ApprovalId, ApprovalRecord, ApprovalState, Shelf};
use farthing_money::Price;
use farthing_protocol::Timestamp;
use rusqlite::params;
use serde_json::{Value, json};

use super::rows::{damaged, instant, parsed};
use crate::StoreError;
use crate::engine::{Connection, Row};

/// The columns of an approval, in the order in which [`record`] reads them.
pub(crate) const APPROVAL: &str = "id, wallet, request, bought, origin, payee, method, asset, amount, cost, currency, \
     level, rule, sentence, asked_at, deadline, state, answer, used_by, updated_at";

/// The newest approval of these facts.
pub(crate) const BY_DIGEST: &str = "SELECT id FROM approvals WHERE digest = ?1 ORDER BY sequence DESC LIMIT 1";

/// The largest time that approvals and the newest reservation have seen.
pub(crate) const LATEST: &str = "SELECT max(seen) FROM (SELECT coalesce((SELECT max(updated_at) FROM approvals), 0) AS seen \
     UNION ALL SELECT coalesce((SELECT at FROM reservations ORDER BY sequence DESC LIMIT 1), 0)) both_times";

pub(crate) fn id(row: &Row<'_>) -> Result<ApprovalId, StoreError> {
    Ok(ApprovalId(row.get(0)?))
}

pub(crate) fn record(row: &Row<'_>) -> Result<ApprovalRecord, StoreError> {
    let facts = Facts {
        wallet: row.get(1)?,
        request: row.get(2)?,
        bought: row.get(3)?,
        origin: row.get(4)?,
        payee: row.get(5)?,
        method: row.get(6)?,
        asset: parsed(row, 7, "asset")?,
        amount: parsed(row, 8, "amount")?,
        cost: Price::from_millionths(parsed(row, 9, "cost")?, parsed(row, 10, "currency")?),
    };
    let answer = row.get::<Option<String>>(17)?;
    Ok(ApprovalRecord {
        id: id(row)?,
        facts,
        level: row.get(11)?,
        rule: row.get(12)?,
        sentence: row.get(13)?,
        asked_at: instant(row, 14)?,
        deadline: instant(row, 15)?,
        state: ApprovalState::from_word(row.get_ref(16)?.as_str().map_err(|_| damaged("state"))?)
            .ok_or_else(|| damaged("state"))?,
        answer: answer.map(|text| read_answer(&text).ok_or_else(|| damaged("answer"))).transpose()?,
        used_by: row.get(18)?,
        updated_at: instant(row, 19)?,
    })
}

fn read_answer(text: &str) -> Option<Answer> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let word = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    Some(Answer {
        allow: answer.get("allow")?.as_bool()?,
        by: word("by")?,
        reason: word("reason"),
        proof: word("proof"),
        at: Timestamp::from_unix_millis(answer.get("at")?.as_i64()?),
    })
}

fn answer_text(answer: &Answer) -> String {
    let Answer { allow, by, reason, proof, at } = answer;
    json!({ "allow": allow, "by": by, "reason": reason, "proof": proof, "at": at.unix_millis() }).to_string()
}

/// What a reservation used up, from how it is stored.
pub(crate) fn read_use(text: &str) -> Option<ApprovalUse> {
    let (id, facts): (String, [u8; 32]) = serde_json::from_str(text).ok()?;
    Some(ApprovalUse { id: id.parse().ok()?, facts: FactsDigest(facts) })
}

/// The same as it is stored.
pub(crate) fn use_text(used: &ApprovalUse) -> String {
    json!([used.id.to_string(), used.facts.0]).to_string()
}

/// Writes the changed ones.
pub(crate) fn changes(connection: &Connection, shelf: &Shelf) -> Result<(), StoreError> {
    for record in shelf.approvals.changes().filter_map(|change| change.row) {
        let write = "INSERT INTO approvals (id, digest, wallet, request, bought, origin, payee, method, asset, amount, cost, \
             currency, level, rule, sentence, asked_at, deadline, state, answer, used_by, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21) \
             ON CONFLICT (id) DO UPDATE SET state = excluded.state, answer = excluded.answer, \
             used_by = excluded.used_by, updated_at = excluded.updated_at";
        let facts = &record.facts;
        connection.write(
            write,
            params![
                record.id.0,
                facts.digest().0,
                facts.wallet,
                facts.request,
                facts.bought,
                facts.origin,
                facts.payee,
                facts.method,
                facts.asset.to_string(),
                facts.amount.to_string(),
                facts.cost.millionths().to_string(),
                facts.cost.currency().as_str(),
                record.level,
                record.rule,
                record.sentence,
                record.asked_at.unix_millis(),
                record.deadline.unix_millis(),
                record.state.as_str(),
                record.answer.as_ref().map(answer_text),
                record.used_by,
                record.updated_at.unix_millis(),
            ],
        )?;
    }
    Ok(())
}
