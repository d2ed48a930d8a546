//! The fuzz targets' entry points under mutated seeds, for a bounded time and from a fixed start.
//!
//! `FARTHING_PARSERS_SECONDS` lets a run last longer than the second it takes by default.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../fuzz/src/atxp.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod atxp;
#[path = "../../../fuzz/src/x402.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod entry_points;
#[path = "../../../fuzz/src/mutation.rs"]
#[expect(unreachable_pub, reason = "shared with other crates' tests")]
mod mutation;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    #[expect(clippy::disallowed_methods, reason = "a test reads its own settings")]
    let seconds = std::env::var("FARTHING_PARSERS_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let trials = entry_points::ALL.into_iter().chain(atxp::ALL).map(|(name, entry_point)| {
        Trial::test(name, move || {
            mutation::drive(&mutation::seeds(name), entry_point, seconds);
            Ok::<(), Failed>(())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}
