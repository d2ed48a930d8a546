//! Named steps of a payment at which a crash test can stop the process.
//!
//! Compiled in only with the `failpoints` feature. The process aborts, without unwinding and
//! without flushing anything, when it reaches the step that `FARTHING_FAILPOINT` names. `stop:STEP` stops it there
//! once, as a machine that hangs does, until somebody sends it SIGCONT; `hold:STEP` holds the one task that reaches it
//! first for seconds, while the rest of the process goes on.

#[cfg(feature = "failpoints")]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "failpoints")]
use std::time::{Duration, Instant};

use farthing_protocol::Timestamp;

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

/// What the machine's clock shows.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn shifted(now: Timestamp) -> Timestamp {
    now
}

/// What the machine's clock shows, with as many seconds more as `FARTHING_CLOCK_AHEAD` says, or fewer.
#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, reason = "compiled into crash tests only")]
pub(crate) fn shifted(now: Timestamp) -> Timestamp {
    static AHEAD: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    let said = || std::env::var("FARTHING_CLOCK_AHEAD").ok().and_then(|seconds| seconds.parse::<i64>().ok());
    let ahead = *AHEAD.get_or_init(|| said().unwrap_or_default());
    Timestamp::from_unix_millis(now.unix_millis().saturating_add(ahead.saturating_mul(1_000)))
}

/// Passes a step, or dies there, or stops there until it is told to go on.
#[cfg(feature = "failpoints")]
pub(crate) fn reach(step: &str) {
    let tables = [STEPS, SESSION_STEPS, SUBSCRIPTION_STEPS];
    debug_assert!(tables.iter().any(|table| table.contains(&step)), "{step} is not in the table of failpoints");
    if chosen() == Some(step) {
        std::process::abort();
    }
    if chosen().and_then(|chosen| chosen.strip_prefix("stop:")) == Some(step) {
        stop_once();
    }
    if chosen().and_then(|chosen| chosen.strip_prefix("hold:")) == Some(step) {
        hold_once();
    }
}

/// Holds this thread, for longer than it takes until a process is taken for dead.
#[cfg(feature = "failpoints")]
fn hold_once() {
    const LONG: Duration = Duration::from_secs(6);
    static HELD: AtomicBool = AtomicBool::new(false);
    if !HELD.swap(true, Ordering::Relaxed) {
        std::thread::sleep(LONG);
    }
}

/// Stops this process, and returns when it goes on. The signal may reach another thread first, and this one would walk
/// on: it rests until time has jumped.
#[cfg(feature = "failpoints")]
fn stop_once() {
    const REST: Duration = Duration::from_millis(10);
    static STOPPED: AtomicBool = AtomicBool::new(false);
    if STOPPED.swap(true, Ordering::Relaxed) {
        return;
    }
    let mut since = Instant::now();
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    while since.elapsed() < Duration::from_secs(1) {
        since = Instant::now();
        std::thread::sleep(REST);
    }
}

#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, reason = "compiled into crash tests only")]
fn chosen() -> Option<&'static str> {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("FARTHING_FAILPOINT").ok()).as_deref()
}
