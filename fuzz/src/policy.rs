//! Policies as owners write them, and what they decide. Each takes any bytes, must not panic, and checks that what was
//! read can be written and read again as the same value.

use std::sync::Arc;

use farthing_policy::{Decision, Known, Level, Policy, Purchase, decide};
use farthing_protocol::Timestamp;

/// Takes any bytes.
pub type EntryPoint = fn(&[u8]);

/// Every entry point by name.
pub const ALL: [(&str, EntryPoint); 2] = [("policy_text", text), ("policy_decision", decision)];

/// The TOML of a policy.
pub fn text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<Policy>() {
        Ok(policy) => {
            let written = policy.to_toml().expect("what was read can be written");
            assert_eq!(written.parse::<Policy>().as_ref(), Ok(&policy), "{written}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A policy, a line of three dashes, and the JSON of a purchase: the same question has the same answer, and what one
/// more level is asked for is never allowed because of it.
pub fn decision(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some((policy, purchase)) = text.split_once("\n---\n") else { return };
    let Ok(policy) = policy.parse::<Policy>() else { return };
    let Ok(purchase) = serde_json::from_str::<Purchase>(purchase) else { return };
    let level = |name: &str| Level { name: name.to_owned(), policy: Arc::new(policy.clone()) };
    let (alone, below) = ([level("agent")], [level("agent"), level("group/company")]);
    let (known, now) = (Known { payee_paid: true, pinned: None }, Timestamp::from_unix_millis(1_795_046_400_000));
    let decided = decide(&alone, &purchase, &known, now);
    assert_eq!(decided, decide(&alone, &purchase, &known, now));
    let is_denied = |decision: &Decision| matches!(decision, Decision::Deny { .. });
    assert_eq!(is_denied(&decided), is_denied(&decide(&below, &purchase, &known, now)));
}
