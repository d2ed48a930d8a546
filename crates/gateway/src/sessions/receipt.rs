//! What a session's payer gets for a success (`Payment-Receipt`).

use farthing_money::Amount;
use farthing_protocol::{ChallengeId, Receipt, Timestamp};
use serde_json::Value;

use crate::route::SessionTerms;

/// How a session stands after what the receipt is for.
pub(super) struct Standing<'a> {
    pub(super) terms: &'a SessionTerms,
    pub(super) challenge: &'a ChallengeId,
    pub(super) channel: &'a str,
    /// The highest total signed for.
    pub(super) accepted: Amount,
    /// Delivered or promised, this included.
    pub(super) spent: Amount,
    /// Units ever delivered, these included.
    pub(super) units: u64,
    /// Where it was collected, if it was.
    pub(super) transaction: Option<&'a str>,
    pub(super) at: Timestamp,
}

/// The receipt. What the method says of every receipt, such as the chain, is in it.
pub(super) fn of(standing: &Standing<'_>) -> Receipt {
    let Standing { terms, challenge, channel, accepted, spent, units, transaction, at } = standing;
    let mut extra = terms.method.receipt_members();
    let said = [
        ("intent", Some(Value::from(terms.method.terms().intent.as_str()))),
        ("channelId", Some(Value::from(*channel))),
        ("acceptedCumulative", Some(Value::from(accepted.to_string()))),
        ("spent", Some(Value::from(spent.to_string()))),
        ("units", Some(Value::from(*units))),
        ("txHash", transaction.map(Value::from)),
    ];
    extra.extend(said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Receipt {
        method: terms.method.terms().method.clone(),
        reference: (*channel).to_owned(),
        timestamp: *at,
        challenge_id: Some((*challenge).clone()),
        external_id: None,
        extra,
    }
}
