//! The fuzz targets, driven with mutated seeds in every test run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../../../fuzz/src/facilitator.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod facilitator;
#[path = "../../../fuzz/src/mutation.rs"]
#[expect(unreachable_pub, reason = "shared with other crates' tests")]
mod mutation;

#[test]
fn any_configuration_comes_to_a_value_or_a_sentence() {
    mutation::drive(&mutation::seeds("facilitator_config"), facilitator::config, 1);
}
