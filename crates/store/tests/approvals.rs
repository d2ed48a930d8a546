//! Approvals on disk, shared by processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod places;

use farthing_books::budget::ReserveOutcome;
use farthing_books::testing::questions::{PATIENCE, answer, approved, facts, question};
use farthing_books::testing::samples::at;
use farthing_books::{ApprovalOutcome, ApprovalState, Command};
use farthing_store::Sharing;
use places::{Place, on_both_engines};

on_both_engines! {
    what_was_asked_and_answered_reads_back_in_another_process,
    the_largest_time_seen_counts_for_who_only_looks,
    one_of_many_at_once_pays_with_an_answer,
}

async fn what_was_asked_and_answered_reads_back_in_another_process(place: Place) {
    let open = || place.open(Sharing::Shared);
    let (agent, owner) = (open(), open());
    let asked = agent.ask(question(1, facts(1, 100), 0)).await.unwrap();
    assert_eq!(owner.approvals(None, at(1), 9).await.unwrap(), std::slice::from_ref(&asked));
    assert_eq!(owner.waiting("agent", at(1)).await.unwrap(), 1);
    let said = owner.answer(asked.id, answer(true, 1), at(1)).await.unwrap();
    let ApprovalOutcome::Stands(said) = said else { panic!("{said:?}") };
    let record = agent.ask(question(2, facts(1, 100), 2)).await.unwrap();
    assert_eq!(record, *said);
    assert_eq!(record.answer, Some(answer(true, 1)));
    assert_eq!(agent.approvals(Some("other"), at(1), 9).await.unwrap(), []);

    assert_eq!(agent.reserve(approved(1, 1, &facts(1, 100), 2)).await.unwrap(), ReserveOutcome::Reserved);
    assert_eq!(owner.reserve(approved(2, 1, &facts(1, 100), 2)).await.unwrap(), ReserveOutcome::NotApproved);
    let reservation = owner.reservations("agent", 9).await.unwrap().remove(0).reservation;
    assert_eq!(reservation, approved(1, 1, &facts(1, 100), 2));
    assert_eq!(owner.approval(asked.id, at(2)).await.unwrap().unwrap().used_by, Some(reservation.id));

    let release = Command::Release { reservation: reservation.id, reason: "nothing was signed".to_owned(), at: at(3) };
    agent.submit(release).await.unwrap();
    assert_eq!(owner.approval(asked.id, at(3)).await.unwrap().unwrap().state, ApprovalState::Allowed);
    assert_eq!(owner.waiting("agent", at(3)).await.unwrap(), 0);
}

async fn the_largest_time_seen_counts_for_who_only_looks(place: Place) {
    let books = place.open(Sharing::Shared);
    let first = books.ask(question(1, facts(1, 100), 0)).await.unwrap();
    books.ask(question(2, facts(2, 100), PATIENCE)).await.unwrap();
    let seen = books.approval(first.id, at(0)).await.unwrap().unwrap();
    assert_eq!(seen.state, ApprovalState::Expired);
    assert_eq!(books.waiting("agent", at(0)).await.unwrap(), 1);
}

async fn one_of_many_at_once_pays_with_an_answer(place: Place) {
    let open = || place.open(Sharing::Shared);
    let books = [open(), open(), open()];
    let asked = books[0].ask(question(1, facts(1, 1), 0)).await.unwrap();
    books[1].answer(asked.id, answer(true, 1), at(1)).await.unwrap();
    let mut tries = Vec::new();
    for number in 0..30 {
        let books = books[number as usize % 3].clone();
        tries.push(tokio::spawn(async move { books.reserve(approved(number, 1, &facts(1, 1), 2)).await.unwrap() }));
    }
    let mut reserved = 0;
    for tried in tries {
        reserved += usize::from(tried.await.unwrap() == ReserveOutcome::Reserved);
    }
    assert_eq!(reserved, 1);
}
