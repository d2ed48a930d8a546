//! Named steps of a payment at which a crash test kills the process.

/// Kills the process, without any clean-up, when `FARTHING_FAILPOINT` names this step.
#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, reason = "only crash tests are built with this")]
pub(crate) fn reach(step: &str) {
    if std::env::var("FARTHING_FAILPOINT").as_deref() == Ok(step) {
        std::process::abort();
    }
}

/// Nothing, in every program that people use.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach(_step: &str) {}
