//! Named steps of a payment at which a crash test kills the process.

/// Kills the process, without any clean-up, when `FARTHING_FAILPOINT` names this step, or at the third time with
/// `STEP:3`.
#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, reason = "only crash tests are built with this")]
pub(crate) fn reach(step: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static REACHED: AtomicU32 = AtomicU32::new(0);

    let Ok(named) = std::env::var("FARTHING_FAILPOINT") else { return };
    let (name, times) = named.split_once(':').unwrap_or((&named, "1"));
    if name == step && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == times.parse().unwrap_or(1) {
        std::process::abort();
    }
}

/// Nothing, in every program that people use.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach(_step: &str) {}
