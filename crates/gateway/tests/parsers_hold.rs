//! The fuzz targets, driven with mutated seeds in every test run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../../../fuzz/src/configuration.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod configuration;
#[path = "../../../fuzz/src/mutation.rs"]
#[expect(unreachable_pub, reason = "shared with other crates' tests")]
mod mutation;
#[path = "../../../fuzz/src/target.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod target;

#[test]
fn any_configuration_comes_to_a_value_or_a_sentence() {
    mutation::drive(&mutation::seeds("gateway_config"), configuration::gateway, 1);
}

#[test]
fn any_target_is_settled_once() {
    mutation::drive(&mutation::seeds("request_target"), target::request, 1);
}
