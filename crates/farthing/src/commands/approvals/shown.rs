//! Approvals as people and as scripts read them: the facts that bind, and nothing that a seller wrote for people.

use farthing_wallet::ApprovalRecord;
use farthing_wallet::client::plain;
use serde_json::Value;

use crate::terminal;

pub(super) fn list(records: &[ApprovalRecord], as_json: bool) {
    if as_json {
        let listed: Vec<Value> = records.iter().map(farthing_wallet::approvals::to_json).collect();
        return terminal::say_json(&listed.into());
    }
    if records.is_empty() {
        return terminal::say("nothing waits for an answer");
    }
    let row = |record: &ApprovalRecord| {
        let facts = &record.facts;
        vec![
            record.id.to_string(),
            record.state.as_str().to_owned(),
            facts.wallet.clone(),
            plain(&facts.origin),
            plain(&facts.bought),
            facts.payee.as_deref().map(plain).unwrap_or_else(|| "-".into()),
            record.deadline.to_rfc3339(),
            facts.cost.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = records.iter().map(row).collect();
    terminal::say_table(&["approval", "state", "wallet", "at", "for", "to", "until", "cost"], 7, &rows);
}

pub(super) fn one(record: &ApprovalRecord, as_json: bool) {
    if as_json {
        return terminal::say_json(&farthing_wallet::approvals::to_json(record));
    }
    let facts = &record.facts;
    let mut lines = vec![
        ("approval", record.id.to_string()),
        ("state", record.state.as_str().to_owned()),
        ("wallet", facts.wallet.clone()),
        ("pays", format!("{}, which costs at most {}", facts.asset.display(facts.amount), facts.cost)),
        ("asset", facts.asset.to_string()),
        ("to", facts.payee.as_deref().map(plain).unwrap_or_else(|| "the server itself".into())),
        ("at", plain(&facts.origin)),
        ("for", plain(&facts.bought)),
        ("by", facts.method.clone()),
        ("because", format!("{} ({} of {})", plain(&record.sentence), record.rule, record.level)),
        ("asked", record.asked_at.to_rfc3339()),
        ("until", record.deadline.to_rfc3339()),
    ];
    if let Some(answer) = &record.answer {
        let word = if answer.allow { "allowed" } else { "denied" };
        lines.push(("answer", format!("{word} by {} at {}", plain(&answer.by), answer.at.to_rfc3339())));
        lines.extend(answer.reason.as_deref().map(|reason| ("reason", plain(reason))));
    }
    for (what, value) in lines {
        terminal::say(&format!("{what:<10} {value}"));
    }
}
