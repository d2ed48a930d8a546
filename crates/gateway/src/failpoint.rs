//! Named steps of a payment at which a crash test can stop the process.
//!
//! Compiled in only with the `failpoints` feature. The process aborts, without unwinding and
//! without flushing anything, when it reaches the step that `FARTHING_FAILPOINT` names.

/// Every step, in the order in which a payment passes them.
pub const STEPS: &[&str] = &[
    "before-claim",
    "after-claim",
    "before-settle",
    "after-settle",
    "after-post",
    "before-upstream",
    "after-upstream",
    "after-deliver",
    "before-close",
    "after-close",
];

/// Every step of a session beside those, in the order in which one passes them.
pub const SESSION_STEPS: &[&str] = &[
    "before-open",
    "after-open",
    "before-deposit",
    "after-deposit",
    "after-deposited",
    "before-draw",
    "after-draw",
    "before-spend",
    "after-spend",
    "before-top-up",
    "after-top-up",
    "before-session-close",
    "after-session-close",
    "before-collect",
    "after-collect",
    "after-collected",
];

/// Every step of a subscription's later period.
pub const SUBSCRIPTION_STEPS: &[&str] = &["before-renewal", "after-renewal-claim", "after-renewal"];

/// Passes a step.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn reach(_step: &str) {}

/// Passes a step, or dies there.
#[cfg(feature = "failpoints")]
pub(crate) fn reach(step: &str) {
    let tables = [STEPS, SESSION_STEPS, SUBSCRIPTION_STEPS];
    debug_assert!(tables.iter().any(|table| table.contains(&step)), "{step} is not in the table of failpoints");
    if chosen() == Some(step) {
        std::process::abort();
    }
}

#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, reason = "compiled into crash tests only")]
fn chosen() -> Option<&'static str> {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("FARTHING_FAILPOINT").ok()).as_deref()
}
