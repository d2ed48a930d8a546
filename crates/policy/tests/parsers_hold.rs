//! The fuzz targets, driven with mutated seeds in every test run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../../../fuzz/src/bytes.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod bytes;
#[path = "../../../fuzz/src/mutation.rs"]
#[expect(unreachable_pub, reason = "shared with other crates' tests")]
mod mutation;
#[path = "../../../fuzz/src/policy.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod policy;
#[path = "../../../fuzz/src/policy_model.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod policy_model;

#[test]
fn any_policy_and_any_question_come_to_an_answer() {
    for (name, entry_point) in policy::ALL {
        mutation::drive(&mutation::seeds(name), entry_point, 1);
    }
}

#[test]
fn any_rules_and_any_payments_are_decided_as_a_model_without_counters_decides() {
    mutation::drive(&mutation::seeds("policy_model"), policy_model::compare, 1);
}
