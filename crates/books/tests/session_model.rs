//! Random schedules of session commands against a model that only remembers what it was told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod session_schedule;

use farthing_books::testing::MemoryStore;
use farthing_books::{Command, Outcome};
use proptest::collection::vec;
use proptest::prelude::*;
use session_schedule::{Outsider, any_command};

/// Everything there is, to compare with.
fn contents(books: &MemoryStore) -> String {
    let MemoryStore { accounts, transfers, payments, sessions, .. } = books;
    let kept: Vec<_> =
        sessions.values().map(|session| (&session.voucher, &session.pending, &session.unposted)).collect();
    format!("{accounts:?} {transfers:?} {payments:?} {sessions:?} {kept:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn delivered_is_signed_for_and_signed_is_deposited(commands in vec(any_command(), 1..80)) {
        let mut books = MemoryStore::default();
        let mut outsider = Outsider::default();
        for command in &commands {
            let outcome = books.batch(std::slice::from_ref(command)).unwrap().remove(0);
            outsider.sees(command, &outcome);
            outsider.check(&mut books);
        }
    }

    #[test]
    fn batches_are_nothing_but_faster(commands in vec(any_command(), 1..80), sizes in vec(1..8_usize, 80)) {
        let (mut one_by_one, mut batched) = (MemoryStore::default(), MemoryStore::default());
        let mut shelf = farthing_books::Shelf::default();
        let mut rest = commands.as_slice();
        for size in sizes {
            let (batch, later) = rest.split_at(size.min(rest.len()));
            rest = later;
            let together = farthing_books::store::run(&mut batched, &mut shelf, batch, Some(3)).unwrap();
            let single: Vec<Outcome> = batch
                .iter()
                .map(|command: &Command| one_by_one.batch(std::slice::from_ref(command)).unwrap().remove(0))
                .collect();
            prop_assert_eq!(together, single);
        }
        prop_assert_eq!(contents(&batched), contents(&one_by_one));
    }
}
