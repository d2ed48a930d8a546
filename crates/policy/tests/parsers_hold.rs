//! The fuzz targets, driven with mutated seeds in every test run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../../../fuzz/src/mutation.rs"]
#[expect(unreachable_pub, reason = "shared with other crates' tests")]
mod mutation;
#[path = "../../../fuzz/src/policy.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod policy;

#[test]
fn any_policy_and_any_question_come_to_an_answer() {
    for (name, entry_point) in policy::ALL {
        mutation::drive(&mutation::seeds(name), entry_point, 1);
    }
}
