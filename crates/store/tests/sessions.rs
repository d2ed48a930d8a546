//! Sessions on disk: what the file holds is what the memory would, and two nodes that share it never serve
//! more than was signed for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod places;

#[path = "../../books/tests/session_schedule/mod.rs"]
mod session_schedule;

use farthing_books::session::SessionFilter;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, grant, payer};
use farthing_books::testing::sessions::{close, deliver, deposit, draw, id, opening, tender, voucher};
use farthing_books::{Command, NewSession, Outcome, SessionCommand, SessionOutcome, SessionState};
use farthing_money::Amount;
use farthing_store::{Books, Drawn, Sharing};
use futures_util::future::join_all;
use places::{Place, on_both_engines};
use proptest::collection::vec;
use proptest::prelude::*;
use session_schedule::{Outsider, any_command};

on_both_engines! {
    every_column_reads_back,
    a_session_that_is_opened_in_one_batch_with_the_vouchers_and_ends_of_others_is_written_whole,
    sessions_are_listed_by_what_is_asked_for,
    a_statement_says_what_sessions_delivered,
    g_08_of_two_nodes_with_one_voucher_at_the_same_instant_one_serves,
    streams_of_one_channel_share_what_is_signed_for,
}

/// A prepaid session of so much.
async fn prepaid(books: &Books, amount: u128) {
    books.submit(grant(1, 0, amount)).await.unwrap();
    let open = SessionCommand::Open(Box::new(opening(0, amount)));
    assert!(matches!(books.change_session(open).await, Ok(SessionOutcome::Done(_))));
}

async fn every_column_reads_back(place: Place) {
    let books = place.open(Sharing::Exclusive);
    let new = opening(1, 100);
    let SessionOutcome::Done(opening) = books.change_session(SessionCommand::Open(Box::new(new))).await.unwrap() else {
        panic!("a new session")
    };
    assert_eq!(books.session(id(1)).await.unwrap().as_ref(), Some(&*opening));
    let key = opening.pending.as_ref().unwrap().key.clone();
    let reason = "no answer".to_owned();
    let doubt = SessionCommand::Doubt { session: id(1), key: key.clone(), reason, ask_at: at(9), at: at(1) };
    books.change_session(doubt).await.unwrap();
    assert!(books.sessions_due(at(8), 9).await.unwrap().is_empty());
    assert_eq!(books.sessions_due(at(9), 9).await.unwrap().len(), 1);
    let standing = farthing_rail::ChannelStanding {
        collect_until: Some(at(70)),
        ..farthing_books::testing::sessions::standing(100, 3)
    };
    let deposited = SessionCommand::Deposited { session: id(1), key, standing, at: at(2) };
    books.change_session(deposited).await.unwrap();
    for command in [draw(1, Some(40), 30), deliver(1, 30, 20), draw(1, None, 5)] {
        assert!(matches!(books.change_session(command).await, Ok(SessionOutcome::Drawn(_))));
    }
    let top_up =
        SessionCommand::TopUp { session: id(1), payer: None, deposit: Box::new(deposit("more/1", 50)), at: at(3) };
    let SessionOutcome::Done(stands) = books.change_session(top_up).await.unwrap() else { panic!("an addition") };
    assert_eq!((stands.accepted, stands.held, stands.spent), (Amount::new(40), Amount::new(5), Amount::new(20)));
    books.close().await.unwrap();
    let books = place.open(Sharing::Exclusive);
    assert_eq!(books.session(id(1)).await.unwrap().as_ref(), Some(&*stands));
    assert_eq!(books.session_by_channel("evm", "channel-1").await.unwrap().as_ref(), Some(&*stands));
    assert_eq!(books.session_by_channel("balance", "channel-1").await.unwrap(), None);
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
}

/// While the writer is at the grant, the rest of each round waits, and is one batch.
async fn a_session_that_is_opened_in_one_batch_with_the_vouchers_and_ends_of_others_is_written_whole(place: Place) {
    let (books, mut memory) = (place.open(Sharing::Exclusive), MemoryStore::default());
    for number in (0..20).step_by(2) {
        let mut round = vec![grant(u8::try_from(number).unwrap(), number, 100)];
        round.extend(number.checked_sub(2).map(|before| Command::Session(draw(before, Some(20), 10))));
        round.extend(number.checked_sub(4).map(|before| Command::Session(close(before, at(5)))));
        let voucher = voucher(number, 10);
        round.push(Command::Session(SessionCommand::Open(Box::new(NewSession { voucher, ..opening(number, 100) }))));
        let expected = memory.batch(&round).unwrap();
        let outcomes = join_all(round.into_iter().map(|command| books.submit(command))).await;
        assert_eq!(outcomes.into_iter().map(Result::unwrap).collect::<Vec<_>>(), expected);
        for session in memory.sessions.values() {
            assert_eq!(books.session(session.id).await.unwrap().as_ref(), Some(session));
        }
    }
    assert_eq!(books.verify().await.unwrap(), memory.verify());
}

async fn sessions_are_listed_by_what_is_asked_for(place: Place) {
    let books = place.open(Sharing::Exclusive);
    for number in 1..=6 {
        books.change_session(SessionCommand::Open(Box::new(opening(number, 10)))).await.unwrap();
    }
    let count = async |filter: SessionFilter| books.sessions(filter).await.unwrap().len();
    let all = SessionFilter::default();
    assert_eq!(count(all.clone()).await, 3, "the even ones have no balance to be taken from");
    assert_eq!(count(SessionFilter { state: Some(SessionState::Open), ..all.clone() }).await, 0);
    assert_eq!(count(SessionFilter { in_progress: true, ..all.clone() }).await, 3);
    assert_eq!(count(SessionFilter { payer: Some(payer(3)), rail: Some("evm".to_owned()), ..all.clone() }).await, 1);
    assert_eq!(count(SessionFilter { after: Some(id(3)), ..all.clone() }).await, 1);
    assert_eq!(count(SessionFilter { limit: 2, ..all }).await, 2);
}

async fn a_statement_says_what_sessions_delivered(place: Place) {
    let books = place.open(Sharing::Exclusive);
    prepaid(&books, 100).await;
    for command in [draw(0, Some(50), 30), deliver(0, 30, 20), SessionCommand::Post { session: id(0), at: at(7) }] {
        books.change_session(command).await.unwrap();
    }
    let statement = books.statement(at(0), at(9)).await.unwrap();
    let (key, sums) = statement.lines.first_key_value().unwrap();
    assert_eq!((key.payer.clone(), key.route.as_str(), key.rail.as_str()), (Some(payer(0)), "weather", "balance"));
    assert_eq!((sums.count, sums.gross.units()), (0, 20));
    assert!(books.statement(at(8), at(9)).await.unwrap().lines.is_empty(), "posted before");
}

async fn g_08_of_two_nodes_with_one_voucher_at_the_same_instant_one_serves(place: Place) {
    let nodes = [place.open(Sharing::Shared), place.open(Sharing::Shared)];
    prepaid(&nodes[0], 1_000).await;
    for total in (10..=400_u128).step_by(10) {
        let draws = nodes.each_ref().map(|node| {
            let (node, voucher) = (node.clone(), Some(Box::new(voucher(0, total))));
            tokio::spawn(
                async move { node.draw(id(0), tender(0), voucher, Amount::ZERO, Amount::new(10), at(1)).await },
            )
        });
        let mut served = 0;
        for drawn in draws {
            match drawn.await.unwrap().unwrap() {
                Drawn::Held(_) => served += 1,
                Drawn::Refused(..) => {}
                Drawn::NotFound => panic!("it is there"),
            }
        }
        assert_eq!(served, 1, "a voucher over {total} pays for one request");
    }
    assert_eq!(nodes[1].session(id(0)).await.unwrap().unwrap().held, Amount::new(400));
}

async fn streams_of_one_channel_share_what_is_signed_for(place: Place) {
    let books = place.open(Sharing::Exclusive);
    prepaid(&books, 1_000).await;
    books.change_session(draw(0, Some(1_000), 0)).await.unwrap();
    let streams: Vec<_> = (0..8)
        .map(|_| {
            let books = books.clone();
            tokio::spawn(async move {
                let mut served = 0;
                while let SessionOutcome::Drawn(_) = books.change_session(draw(0, None, 3)).await.unwrap() {
                    books.submit_later(Command::Session(deliver(0, 3, 2))).unwrap();
                    served += 1;
                }
                served
            })
        })
        .collect();
    let mut served = 0;
    for stream in streams {
        served += stream.await.unwrap();
    }
    let SessionOutcome::Done(session) = books.change_session(close(0, at(5))).await.unwrap() else { panic!("open") };
    assert_eq!((session.held, session.spent), (Amount::ZERO, Amount::new(2 * served)));
    assert!(session.accepted.units() - session.spent.units() < 3, "all that was signed for is used");
}

/// Runs a schedule in memory and on disk side by side; between any two commands the process may die, be it
/// another one of two nodes that goes on. (Processes that share a server and live keep what they are at.)
async fn run(commands: &[(Command, bool)], sharing: Sharing, place: Place) {
    let (mut memory, mut outsider) = (MemoryStore::default(), Outsider::default());
    let mut nodes = vec![place.open(sharing)];
    for (turn, (command, dies)) in commands.iter().enumerate() {
        if *dies && sharing == Sharing::Shared && nodes.len() == 1 {
            nodes.push(place.open(sharing));
        } else if *dies {
            nodes.swap_remove(turn % nodes.len()).close().await.unwrap();
            if nodes.is_empty() {
                nodes.push(place.open(sharing));
            }
            let recover = Command::Recover { deadline: at(1_000), at: at(15) };
            let expected = memory.batch(std::slice::from_ref(&recover)).unwrap().remove(0);
            assert_eq!(nodes[0].submit(recover).await.unwrap(), expected);
        }
        let expected: Outcome = memory.batch(std::slice::from_ref(command)).unwrap().remove(0);
        let outcome = nodes[turn % nodes.len()].submit(command.clone()).await.unwrap();
        assert_eq!(outcome, expected, "{command:?}");
        outsider.sees(command, &outcome);
    }
    outsider.check(&mut memory);
    let books = nodes.remove(0);
    for session in memory.sessions.values() {
        assert_eq!(books.session(session.id).await.unwrap().as_ref(), Some(session));
    }
    assert_eq!(books.verify().await.unwrap(), memory.verify());
    books.close().await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn g_07_whoever_dies_and_whoever_goes_on_no_voucher_is_lost(
        commands in vec((any_command(), proptest::bool::weighted(0.1)), 1..60),
        owner in any::<bool>(),
        on_server in proptest::bool::weighted(0.3),
    ) {
        let on_server = on_server && owner;
        // A process that lives has nothing to recover on a server, and a file cannot tell.
        let is_meant = |(command, _): &(Command, bool)| !on_server || !matches!(command, Command::Recover { .. });
        let commands: Vec<(Command, bool)> = commands.into_iter().filter(is_meant).collect();
        let sharing = if owner { Sharing::Exclusive } else { Sharing::Shared };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(run(&commands, sharing, Place::new(on_server)));
    }
}
