//! A fault of the writer's own, for tests of what it leaves behind.
//!
//! Compiled in only with the `failpoints` feature. The writer panics at the moment that `FARTHING_FAILPOINT` names, in
//! the first batch that claims a payment.

use farthing_books::Command;

/// Before anything of the batch is durable.
pub(crate) const BEFORE_COMMIT: &str = "writer-before-commit";
/// All of it is durable, and nobody was told.
pub(crate) const AFTER_COMMIT: &str = "writer-after-commit";

/// Passes a moment.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn reach(_moment: &str, _commands: &[Command]) {}

/// Passes a moment, or panics there.
#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, clippy::panic, reason = "compiled into crash tests only")]
pub(crate) fn reach(moment: &str, commands: &[Command]) {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var("FARTHING_FAILPOINT").ok()).as_deref();
    if chosen == Some(moment) && commands.iter().any(|command| matches!(command, Command::Claim(_))) {
        panic!("a test asked for this, at {moment}");
    }
}
