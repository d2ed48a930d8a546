//! The random schedules of the books' own tests, on disk: the file and the memory never disagree.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod places;

#[path = "../../books/tests/schedule/mod.rs"]
mod schedule;

use farthing_books::Command;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::at;
use farthing_store::Sharing;
use futures_util::future::join_all;
use places::Place;
use proptest::collection::vec;
use proptest::prelude::*;
use schedule::{Outsider, any_command};

/// Runs a schedule in memory and on disk side by side; the file is closed and opened again midway.
///
/// Whoever comes to a server after another left takes over what that had in hand first, as a gateway that starts does.
async fn run(commands: &[Command], sharing: Sharing, place: Place, on_server: bool) {
    let mut memory = MemoryStore::default();
    let mut outsider = Outsider::default();
    let (before, after) = commands.split_at(commands.len() / 2);
    let recover = [Command::Recover { deadline: at(9_000_000), at: at(1_000) }];
    let taken_over = if on_server { recover.as_slice() } else { &[] };
    for (first, part) in [([].as_slice(), before), (taken_over, after)] {
        let books = place.open(sharing);
        let commands: Vec<&Command> = first.iter().chain(part).collect();
        // Those that come while the first is written are one batch.
        for some in commands.chunks(6) {
            let outcomes = join_all(some.iter().map(|command| books.submit((*command).clone()))).await;
            for (command, outcome) in some.iter().zip(outcomes) {
                let expected = memory.batch(std::slice::from_ref(*command)).unwrap().remove(0);
                assert_eq!(outcome.as_ref(), Ok(&expected), "{command:?}");
                outsider.sees(command, &expected);
            }
        }
        outsider.check(&mut memory);
        let mut accounts = books.accounts().await.unwrap();
        accounts.sort_by(|one, other| one.id.cmp(&other.id));
        assert_eq!(accounts, memory.accounts.values().cloned().collect::<Vec<_>>());
        let transfers = books.transfers(0, u32::MAX).await.unwrap().into_iter().map(|(_, transfer)| transfer);
        assert_eq!(transfers.collect::<Vec<_>>(), memory.transfers);
        for payment in memory.payments.values() {
            assert_eq!(books.payment(payment.id).await.unwrap().as_ref(), Some(payment));
        }
        assert_eq!(books.verify().await.unwrap(), memory.verify());
        books.close().await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn the_file_and_the_server_agree_with_the_memory(
        commands in vec(any_command(), 1..40),
        owner in any::<bool>(),
        on_server in any::<bool>(),
    ) {
        // A process that lives has nothing to recover on a server, and a file cannot tell.
        let is_meant = |command: &Command| !on_server || !matches!(command, Command::Recover { .. });
        let commands: Vec<Command> = commands.into_iter().filter(is_meant).collect();
        let sharing = if owner { Sharing::Exclusive } else { Sharing::Shared };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(run(&commands, sharing, Place::new(on_server), on_server));
    }
}
