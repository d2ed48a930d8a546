//! Named steps of a payment at which a crash test kills the process, or has it wait.

/// Kills the process, without any clean-up, when `FARTHING_FAILPOINT` names this step, or at the third time with
/// `STEP:3`. With `FARTHING_HOLD=STEP=FILE` it makes the file when it comes there first, and goes on once the file is
/// gone. With `FARTHING_DAWDLE=20` it takes up to 20 milliseconds over every eighth step.
#[cfg(feature = "failpoints")]
pub(crate) fn reach(step: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static REACHED: AtomicU32 = AtomicU32::new(0);

    hold(step);
    dawdle();
    let Some(named) = told("FARTHING_FAILPOINT") else { return };
    let (name, times) = named.split_once(':').unwrap_or((&named, "1"));
    if name == step && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == times.parse().unwrap_or(1) {
        std::process::abort();
    }
}

#[cfg(feature = "failpoints")]
fn hold(step: &str) {
    use std::sync::atomic::{AtomicBool, Ordering};
    static HELD: AtomicBool = AtomicBool::new(false);

    let held = told("FARTHING_HOLD").unwrap_or_default();
    let Some((_, file)) = held.split_once('=').filter(|(name, _)| *name == step) else { return };
    if HELD.swap(true, Ordering::Relaxed) || std::fs::write(file, "").is_err() {
        return;
    }
    while std::path::Path::new(file).exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[cfg(feature = "failpoints")]
fn dawdle() {
    use std::hash::BuildHasher as _;

    let Some(most) = told("FARTHING_DAWDLE") else { return };
    let random = std::collections::hash_map::RandomState::new().hash_one(most.len());
    if random.is_multiple_of(8) {
        std::thread::sleep(std::time::Duration::from_millis((random >> 8) % most.parse().unwrap_or(1)));
    }
}

#[cfg(feature = "failpoints")]
#[expect(clippy::disallowed_methods, reason = "only crash tests are built with this")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Nothing, in every program that people use.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach(_step: &str) {}
