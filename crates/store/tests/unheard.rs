//! A commit of which nobody heard: what nobody waits for is written once, and what it held for those who were told that
//! it failed is free again. On a simulated server and a simulated file; `nodes.rs` does it to a PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::testing::samples::{at, grant};
use farthing_books::testing::sessions::{deliver, draw, id, opening};
use farthing_books::{Command, Outcome, SessionCommand};
use farthing_money::Amount;
use farthing_store::{BEAT, Books, Engine, Fate, StoreError};

/// Works on what waits.
async fn next(engine: &mut Engine, fate: Fate) {
    assert_eq!(tokio::time::timeout(BEAT, engine.wait()).await, Ok(true), "something waits");
    engine.commit(fate);
}

/// Makes a batch of these: the first are waited for, and nobody waits for the others.
async fn batch(
    (books, engine): &mut (Books, Engine),
    waited: Vec<Command>,
    later: Vec<Command>,
    fate: Fate,
) -> Vec<Result<Outcome, StoreError>> {
    let waiting: Vec<_> = waited
        .into_iter()
        .map(|command| {
            let books = books.clone();
            tokio::spawn(async move { books.submit(command).await })
        })
        .collect();
    tokio::task::yield_now().await;
    for command in later {
        books.submit_later(command).unwrap();
    }
    next(engine, fate).await;
    let mut told = Vec::new();
    for waiter in waiting {
        told.push(waiter.await.unwrap());
    }
    told
}

/// A session of 100, of which 10 are held.
async fn with_a_session(mut at: (Books, Engine)) -> (Books, Engine) {
    let open = SessionCommand::Open(Box::new(opening(0, 100)));
    let commands = vec![grant(1, 0, 100), Command::Session(open), Command::Session(draw(0, Some(10), 10))];
    let told = batch(&mut at, commands, Vec::new(), Fate::Durable).await;
    assert!(told.iter().all(Result::is_ok), "{told:?}");
    at
}

async fn assert_stands(books: &Books, spent: u128, held: u128) {
    let record = books.session(id(0)).await.unwrap().unwrap();
    assert_eq!((record.spent, record.held), (Amount::new(spent), Amount::new(held)));
}

fn among_others(name: &str) -> (Books, Engine) {
    Books::by_hand_among_others(name, at(0)).unwrap()
}

#[tokio::test]
async fn what_is_in_the_books_unheard_is_not_written_again_and_what_it_holds_is_free_again() {
    for (name, is_shared) in [("unheard-file", false), ("unheard-server", true)] {
        let opened = if is_shared { among_others(name) } else { Books::by_hand(name).unwrap() };
        let mut opened = with_a_session(opened).await;
        let hold = || vec![Command::Session(draw(0, Some(30), 10))];
        let spend = || vec![Command::Session(deliver(0, 10, 10))];
        let told = batch(&mut opened, hold(), spend(), Fate::Unanswered).await;
        assert!(matches!(told[..], [Err(StoreError::Unavailable(_))]), "{told:?}");
        assert_stands(&opened.0, 10, 10).await;
        // Others see that it lives, and the next attempt fails before it begins.
        opened.1.beat(at(1));
        let told = batch(&mut opened, hold(), Vec::new(), Fate::Lost).await;
        assert!(matches!(told[..], [Err(StoreError::Unavailable(_))]), "{told:?}");
        let told = batch(&mut opened, hold(), Vec::new(), Fate::Durable).await;
        assert!(matches!(told[..], [Ok(Outcome::Session(_))]), "{told:?}");
        assert_stands(&opened.0, 10, 10).await;
        assert_eq!(opened.0.verify().await.unwrap().findings, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_hold_of_which_nobody_heard_is_given_back_though_nothing_else_is_to_be_written() {
    let mut opened = with_a_session(among_others("unheard-hold")).await;
    batch(&mut opened, vec![Command::Session(draw(0, Some(20), 10))], Vec::new(), Fate::Unanswered).await;
    assert_stands(&opened.0, 0, 20).await;
    // It is unheard of once more, and given back once.
    next(&mut opened.1, Fate::Unanswered).await;
    next(&mut opened.1, Fate::Durable).await;
    assert_stands(&opened.0, 0, 10).await;
}

#[tokio::test]
async fn what_was_lost_is_written_again() {
    let mut opened = with_a_session(among_others("unheard-lost")).await;
    batch(&mut opened, Vec::new(), vec![Command::Session(deliver(0, 10, 10))], Fate::Lost).await;
    assert_stands(&opened.0, 0, 10).await;
    next(&mut opened.1, Fate::Durable).await;
    assert_stands(&opened.0, 10, 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_heard_of_before_others_took_its_writer_for_dead_is_left_to_them() {
    let mut held_up = with_a_session(among_others("unheard-dead")).await;
    let mut other = among_others("unheard-dead");
    let hold = vec![Command::Session(draw(0, Some(30), 20))];
    batch(&mut held_up, hold, vec![Command::Session(deliver(0, 10, 10))], Fate::Unanswered).await;
    assert_stands(&held_up.0, 10, 20).await;
    while !other.0.has_left_behind() {
        tokio::time::sleep(BEAT).await;
        other.1.beat(at(1));
    }
    batch(&mut other, vec![Command::Recover { deadline: at(9), at: at(8) }], Vec::new(), Fate::Durable).await;
    assert_stands(&other.0, 10, 0).await;
    let told = batch(&mut held_up, vec![Command::Session(draw(0, Some(30), 20))], Vec::new(), Fate::Durable).await;
    assert!(matches!(told[..], [Ok(Outcome::Session(_))]), "{told:?}");
    assert_stands(&held_up.0, 10, 20).await;
}
