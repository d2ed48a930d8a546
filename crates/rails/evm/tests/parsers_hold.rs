//! The fuzz targets, driven with mutated seeds in every test run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../../../../fuzz/src/evm.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod evm;
#[path = "../../../../fuzz/src/mutation.rs"]
#[expect(unreachable_pub, reason = "shared with other crates' tests")]
mod mutation;

#[test]
fn any_bytes_come_to_a_value_or_a_refusal() {
    mutation::drive(&mutation::seeds("rail_evm"), evm::credential, 1);
    mutation::drive(&mutation::seeds("rail_evm_calldata"), evm::bytes, 1);
}
