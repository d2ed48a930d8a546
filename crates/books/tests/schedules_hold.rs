//! The fuzz targets, driven with mutated seeds in every test run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../../../fuzz/src/books.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod books;
#[path = "../../../fuzz/src/mutation.rs"]
#[expect(unreachable_pub, reason = "shared with other crates' tests")]
mod mutation;
#[path = "../../../fuzz/src/vouchers.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod vouchers;

#[test]
fn any_schedule_of_commands_leaves_books_that_add_up() {
    mutation::drive(&mutation::seeds("books_schedule"), books::schedule, 1);
}

#[test]
fn any_sequence_of_vouchers_comes_to_what_a_pencil_would_write() {
    mutation::drive(&mutation::seeds("session_vouchers"), vouchers::sequence, 1);
}
