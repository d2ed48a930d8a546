use farthing_protocol::Timestamp;

use super::{Denial, shown};
use crate::limit::is_method;
use crate::{Level, Purchase, Rule};

/// What holds whatever is bought: that the policy is still in force, that it is the time for payments, that the money
/// comes from where it may, and that the caller says what it is for.
pub(super) fn denied(level: &Level, purchase: &Purchase, now: Timestamp) -> Option<Denial> {
    let (policy, name, method) = (&level.policy, &level.name, purchase.method.as_str());
    if let Some(expires) = policy.expires.filter(|expires| *expires <= now) {
        return Some((Rule::Expired, format!("the policy of {name} expired at {}", expires.to_rfc3339())));
    }
    if let Some(hours) = policy.hours.filter(|hours| !hours.include(now)) {
        let (from, to) = (hours.from, hours.to);
        let sentence = format!("{name} pays from {from} to {to} on the days that its policy names, and not now");
        return Some((Rule::Hours, sentence));
    }
    if let Some(methods) =
        policy.methods.as_ref().filter(|methods| !methods.iter().any(|entry| is_method(entry, method)))
    {
        let sources = if methods.is_empty() { "nothing".to_owned() } else { methods.join(", ") };
        return Some((
            Rule::Method,
            format!("it would be paid by {}, and {name} pays out of {sources}", shown(method)),
        ));
    }
    let missing = policy.required_tags.iter().find(|tag| purchase.tags.get(*tag).is_none_or(String::is_empty))?;
    Some((Rule::Tags, format!("the policy of {name} wants to know the {missing}; say it with --tag {missing}=...")))
}
