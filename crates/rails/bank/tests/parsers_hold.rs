//! The fuzz target, driven with its seeds, each cut off and changed here and there, in every test run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../../../../fuzz/src/bank.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod bank;

use std::path::Path;

#[test]
fn statements_come_to_a_sum_or_to_a_sentence() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/seeds/bank_statement");
    let seeds: Vec<Vec<u8>> =
        std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty());
    for seed in seeds {
        bank::statement(&seed);
        for at in (0..seed.len()).step_by(41) {
            let mut changed = seed.clone();
            changed[at] = changed[at].wrapping_add(1);
            bank::statement(&changed);
            bank::statement(&seed[..at]);
        }
    }
}
