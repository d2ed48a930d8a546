use farthing_books::ApprovalRecord;
use farthing_books::approval::Facts;
use farthing_money::Home;
use serde_json::{Value, json};

use crate::client::plain;

/// An approval for programs: what binds, and where it stands. No query, header or body of the request is in it.
pub fn to_json(record: &ApprovalRecord) -> Value {
    let mut shown = facts(&record.facts);
    let answer = record.answer.as_ref().map(|answer| {
        let decision = if answer.allow { "allow" } else { "deny" };
        json!({
            "decision": decision,
            "by": plain(&answer.by),
            "reason": answer.reason.as_deref().map(plain),
            "at": answer.at.to_rfc3339(),
        })
    });
    let rest = json!({
        "id": record.id.to_string(),
        "state": record.state.as_str(),
        "level": record.level,
        "rule": record.rule,
        "sentence": plain(&record.sentence),
        "asked_at": record.asked_at.to_rfc3339(),
        "deadline": record.deadline.to_rfc3339(),
        "answer": answer,
    });
    if let (Some(shown), Value::Object(rest)) = (shown.as_object_mut(), rest) {
        shown.extend(rest);
    }
    shown
}

fn facts(facts: &Facts) -> Value {
    let chain = match facts.asset.home() {
        Home::Chain { chain, .. } => Some(chain),
        _ => None,
    };
    json!({
        "facts": facts.digest().to_string(),
        "wallet": facts.wallet,
        "origin": plain(&facts.origin),
        "request": plain(&facts.bought),
        "payee": facts.payee.as_deref().map(plain),
        "method": facts.method,
        "asset": facts.asset.to_string(),
        "chain": chain,
        "amount": facts.asset.display(facts.amount),
        "cost": facts.cost.to_string(),
    })
}
