//! Records of the books as operators read them.

use farthing_books::{Account, MovementRecord, PaymentRecord, SessionRecord};
use serde_json::{Map, Value, json};

/// One payment.
pub(super) fn payment(record: &PaymentRecord) -> Value {
    let time = |at: farthing_protocol::Timestamp| at.to_rfc3339();
    json!({
        "id": record.id.to_string(),
        "state": record.state.as_str(),
        "challenge": record.challenge.as_str(),
        "method": record.method,
        "intent": record.intent,
        "route": record.route,
        "request": record.request,
        "payer": record.payer.as_ref().map(farthing_rail::PayerId::as_str),
        "amount": record.amount.to_string(),
        "asset": record.asset.to_string(),
        "display": record.asset.display(record.amount),
        "fee": record.fee.to_string(),
        "passed_on": record.passed_on.to_string(),
        "rail": record.rail,
        "reference": record.reference,
        "refund": record.refund,
        "reason": record.reason,
        "status": record.status,
        "movements": record.consumed.iter().map(farthing_rail::ProofKey::as_str).collect::<Vec<_>>(),
        "confirm_at": record.confirm_at.map(time),
        "deadline": record.deadline.map(time),
        "claimed_at": time(record.claimed_at),
        "settled_at": record.settled_at.map(time),
        "updated_at": time(record.updated_at),
    })
}

/// One session. What it was signed for with is not shown.
pub(super) fn session(record: &SessionRecord) -> Value {
    let time = |at: farthing_protocol::Timestamp| at.to_rfc3339();
    json!({
        "id": record.id.to_string(),
        "state": record.state.as_str(),
        "channel": record.channel,
        "method": record.method,
        "rail": record.rail,
        "payer": record.payer.as_str(),
        "asset": record.asset.to_string(),
        "prepaid": record.prepaid,
        "deposit": record.deposit.to_string(),
        "accepted": record.accepted.to_string(),
        "held": record.held.to_string(),
        "spent": record.spent.to_string(),
        "display": record.asset.display(record.spent),
        "units": record.units,
        "settled": record.settled.to_string(),
        "collected": record.collected.to_string(),
        "uncollected": record.uncollected().to_string(),
        "unposted": record.unposted.iter().map(|(route, sum)| (route.clone(), Value::from(sum.to_string()))).collect::<Map<_, _>>(),
        "pending": record.pending.as_ref().map(|pending| pending.amount.to_string()),
        "collecting": record.collecting.map(|payment| payment.to_string()),
        "close_requested_at": record.close_requested_at.map(time),
        "collect_until": record.collect_until.map(time),
        "reason": record.reason,
        "opened_at": time(record.opened_at),
        "used_at": time(record.used_at),
        "seen_at": record.seen_at.map(time),
        "ended_at": record.ended_at.map(time),
        "updated_at": time(record.updated_at),
    })
}

/// One movement of a rail's statement, as far as the statement has shown it.
pub(super) fn movement(record: &MovementRecord) -> Value {
    let seen = record.seen.as_ref();
    json!({
        "key": record.key.as_str(),
        "payment": record.payment.map(|payment| payment.to_string()),
        "suspended": record.suspended,
        "direction": seen.map(|seen| seen.direction.as_str()),
        "rail": seen.map(|seen| seen.rail.as_str()),
        "reference": seen.map(|seen| seen.reference.as_str()),
        "payer": seen.and_then(|seen| seen.payer.as_ref()).map(farthing_rail::PayerId::as_str),
        "amount": seen.map(|seen| seen.amount.to_string()),
        "asset": seen.map(|seen| seen.asset.to_string()),
        "display": seen.map(|seen| seen.asset.display(seen.amount)),
        "at": seen.map(|seen| seen.at.to_rfc3339()),
    })
}

/// One account.
pub(super) fn account(account: &Account) -> Value {
    json!({
        "account": account.id.kind.to_string(),
        "balance": account.balance(),
        "asset": account.id.asset.to_string(),
        "debits": account.debits.to_string(),
        "credits": account.credits.to_string(),
        "debits_pending": account.debits_pending.to_string(),
        "credits_pending": account.credits_pending.to_string(),
    })
}
