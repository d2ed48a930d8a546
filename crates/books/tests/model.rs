//! Random schedules of commands against a model that knows nothing of accounts and steps.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod schedule;

use farthing_books::Outcome;
use farthing_books::testing::MemoryStore;
use proptest::collection::vec;
use proptest::prelude::*;
use schedule::{Outsider, any_command};

/// Everything there is, to compare with.
fn contents(books: &MemoryStore) -> String {
    let MemoryStore { accounts, transfers, payments, responses, movements, cursors, .. } = books;
    let MemoryStore { counters, reservations, .. } = books;
    format!(
        "{accounts:?} {transfers:?} {payments:?} {responses:?} {movements:?} {cursors:?} {counters:?} {reservations:?}"
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_books_agree_with_an_outsider(commands in vec(any_command(), 1..60)) {
        let mut books = MemoryStore::default();
        let mut outsider = Outsider::default();
        for command in &commands {
            let outcome = books.batch(std::slice::from_ref(command)).unwrap().remove(0);
            outsider.sees(command, &outcome);
            outsider.check(&mut books);
        }
    }

    #[test]
    fn batches_are_nothing_but_faster(commands in vec(any_command(), 1..60), sizes in vec(1..8_usize, 60)) {
        let (mut one_by_one, mut batched) = (MemoryStore::default(), MemoryStore::default());
        let mut shelf = farthing_books::Shelf::default();
        let mut rest = commands.as_slice();
        for size in sizes {
            let (batch, later) = rest.split_at(size.min(rest.len()));
            rest = later;
            let together = farthing_books::store::run(&mut batched, &mut shelf, batch, Some(3)).unwrap();
            let single: Vec<Outcome> = batch
                .iter()
                .map(|command| one_by_one.batch(std::slice::from_ref(command)).unwrap().remove(0))
                .collect();
            prop_assert_eq!(together, single);
        }
        prop_assert_eq!(contents(&batched), contents(&one_by_one));
    }

    #[test]
    fn a_command_done_twice_is_done_once(commands in vec(any_command(), 1..40)) {
        let (mut once, mut twice) = (MemoryStore::default(), MemoryStore::default());
        for command in commands {
            once.batch(std::slice::from_ref(&command)).unwrap();
            twice.batch(&[command.clone(), command]).unwrap();
            prop_assert_eq!(contents(&once), contents(&twice));
        }
    }
}
