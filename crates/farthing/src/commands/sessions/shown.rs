//! Sessions as people and as scripts read them.

use farthing_wallet::client::plain;
use farthing_wallet::sessions::{KeptSession, SessionState};
use serde_json::{Value, json};

use crate::terminal;

/// So much of a channel's name tells it from others in a list.
const SHORT: usize = 12;

pub(super) fn list(sessions: &[KeptSession], as_json: bool) {
    if as_json {
        let listed: Vec<Value> = sessions.iter().map(to_json).collect();
        return terminal::say_json(&listed.into());
    }
    if sessions.is_empty() {
        return terminal::say("no sessions");
    }
    let row = |session: &KeptSession| {
        let asset = |amount| session.asset.display(amount).to_string();
        vec![
            name(session),
            session.method.clone(),
            session.origin.to_string(),
            session.state.to_string(),
            asset(session.deposit),
            asset(session.spent),
            locked(session),
        ]
    };
    let rows: Vec<Vec<String>> = sessions.iter().map(row).collect();
    terminal::say_table(&["session", "method", "at", "state", "deposited", "spent", "locked"], 4, &rows);
}

pub(super) fn one(session: &KeptSession, as_json: bool) {
    if as_json {
        return terminal::say_json(&to_json(session));
    }
    let asset = |amount| session.asset.display(amount).to_string();
    let mut lines = vec![
        ("session", session.channel.clone().unwrap_or_else(|| "not signed yet".into())),
        ("method", session.method.clone()),
        ("at", session.origin.to_string()),
        ("state", session.state.to_string()),
        ("deposited", asset(session.deposit)),
        ("signed for", asset(session.signed)),
        ("spent", format!("{}, as the seller says", asset(session.spent))),
        ("locked", locked(session)),
        ("opened", session.opened_at.to_rfc3339()),
        ("last used", session.used_at.to_rfc3339()),
    ];
    lines.extend(session.collect_until.map(|until| ("can be taken back", until.to_rfc3339())));
    lines.extend(session.reason.as_ref().map(|reason| ("because", plain(reason))));
    for (what, value) in lines {
        terminal::say(&format!("{what:<18} {value}"));
    }
}

/// What a list calls a session.
pub(super) fn name(session: &KeptSession) -> String {
    let channel = session.channel.as_deref().map(plain).unwrap_or_else(|| "(opening)".into());
    channel.chars().take(SHORT).collect()
}

/// What lies in it unspent.
fn locked(session: &KeptSession) -> String {
    if session.state == SessionState::Closed { "-".into() } else { session.locked().to_string() }
}

fn to_json(session: &KeptSession) -> Value {
    let text = |amount: farthing_money::Amount| amount.to_string();
    json!({
        "channel": session.channel,
        "method": session.method,
        "origin": session.origin.to_string(),
        "state": session.state.as_str(),
        "asset": session.asset.to_string(),
        "deposit": text(session.deposit),
        "signed": text(session.signed),
        "spent": text(session.spent),
        "locked": if session.state == SessionState::Closed { Value::Null } else { session.locked().to_string().into() },
        "opened_at": session.opened_at.to_rfc3339(),
        "used_at": session.used_at.to_rfc3339(),
        "collect_until": session.collect_until.map(|until| until.to_rfc3339()),
        "reason": session.reason,
    })
}
