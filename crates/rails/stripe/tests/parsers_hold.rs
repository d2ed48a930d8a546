//! The fuzz targets, driven with mutated seeds in every test run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../../../../fuzz/src/mutation.rs"]
#[expect(unreachable_pub, reason = "shared with other crates' tests")]
mod mutation;
#[path = "../../../../fuzz/src/stripe.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod stripe;

#[test]
fn any_bytes_come_to_a_value_or_a_refusal() {
    mutation::drive(&mutation::seeds("rail_stripe"), stripe::read, 1);
}
