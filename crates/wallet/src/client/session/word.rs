//! What a server says of a session: in the challenge of a 402, in receipts, in need-voucher events. Each is a
//! claim about one channel, and is believed no further than this wallet signed.

use farthing_money::Amount;
use farthing_protocol::{Challenge, JsonObject, Receipt};
use serde_json::Value;

use crate::sessions::{KeptSession, Told};

/// What `methodDetails.sessionSnapshot` of a challenge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Snapshot {
    pub(in crate::client) deposit: Option<Amount>,
    pub(in crate::client) accepted: Amount,
    pub(in crate::client) spent: Amount,
    pub(in crate::client) required: Option<Amount>,
}

/// A server that claims more than was signed for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server claims that {claimed} is spent of a session of which only {signed} was ever signed for")]
pub(in crate::client) struct Overclaim {
    claimed: String,
    signed: String,
}

impl Snapshot {
    /// Of this session; `None` where the challenge says nothing of it. What it says of another is not looked at.
    pub(in crate::client) fn of(challenge: &Challenge, channel: &str) -> Option<Self> {
        let request = challenge.request().decode().ok()?;
        let snapshot = request.get("methodDetails")?.get("sessionSnapshot")?.as_object()?;
        if !is_about(snapshot, channel) {
            return None;
        }
        let spent = amount(snapshot, "spent")?;
        Some(Self {
            deposit: amount(snapshot, "deposit"),
            accepted: amount(snapshot, "acceptedCumulative")?,
            required: amount(snapshot, "requiredCumulative"),
            spent,
        })
    }

    pub(in crate::client) fn checked(&self, session: &KeptSession) -> Result<Told, Overclaim> {
        checked(Told { accepted: self.accepted, spent: self.spent }, session)
    }
}

/// What a receipt says of this session; `None` where it is about another one, or says nothing of it.
pub(in crate::client) fn told_by(receipt: &Receipt, channel: &str) -> Option<Told> {
    if !is_about(&receipt.extra, channel) {
        return None;
    }
    Some(Told { accepted: amount(&receipt.extra, "acceptedCumulative")?, spent: amount(&receipt.extra, "spent")? })
}

/// The word of a server, unless it claims more than this wallet signed.
pub(in crate::client) fn checked(told: Told, session: &KeptSession) -> Result<Told, Overclaim> {
    let claimed = told.accepted.max(told.spent);
    if claimed > session.signed {
        let shown = |amount| session.asset.display(amount).to_string();
        return Err(Overclaim { claimed: shown(claimed), signed: shown(session.signed) });
    }
    Ok(told)
}

/// Whether an object with a `channelId` is about this channel.
pub(in crate::client) fn is_about(object: &JsonObject, channel: &str) -> bool {
    object.get("channelId").and_then(Value::as_str).is_some_and(|named| named.eq_ignore_ascii_case(channel))
}

pub(in crate::client) fn amount(object: &JsonObject, member: &str) -> Option<Amount> {
    object.get(member)?.as_str()?.parse().ok()
}
