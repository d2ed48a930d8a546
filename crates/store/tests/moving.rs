//! Books moved from a file to a server and back: the same books, or none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[allow(unused, reason = "these tests are about places, and name both")]
mod places;

use farthing_books::testing::samples::{at, external, grant, prepaid, reservation, settled};
use farthing_books::{ClaimOutcome, Command, NewPayment, PaymentState, StoredResponse};
use farthing_store::{Books, MoveError, Sharing, StoreError, move_books};
use places::Place;

/// Some of everything that a gateway and a wallet write.
async fn fill(books: &Books) {
    books.submit(grant(1, 1, 100_000)).await.unwrap();
    for number in 0..2_500_u32 {
        let new = NewPayment { idempotency: Some([u8::try_from(number % 251).unwrap(); 32]), ..prepaid(number, 1, 3) };
        if number < 200 {
            let payment = new.id;
            books.claim(new).await.unwrap();
            books.submit_later(Command::Deliver { payment, status: 200, at: at(1) }).unwrap();
            let response = StoredResponse { status: 200, headers: Vec::new(), body: vec![0, 1, 255] };
            let response = Some(Box::new(response));
            books.submit_later(Command::Close { payment, response, at: at(2) }).unwrap();
        } else {
            books.submit_later(Command::Claim(Box::new(prepaid(number, 1, 3)))).unwrap();
        }
    }
    books.claim(external(9_000, 7)).await.unwrap();
    let payment = external(9_000, 7).id;
    books.submit(Command::Settle { payment, settled: settled("0x1", 1), confirm_at: None, at: at(3) }).await.unwrap();
    books.reserve(reservation(1, 50, &[("agent/total", 100)])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn books_arrive_as_they_left_and_go_on() {
    let (file, server, back) = (Place::file(), Place::server(), Place::file());
    let books = file.open(Sharing::Exclusive);
    fill(&books).await;
    let refused = move_books(file.location().clone(), server.location().clone()).await;
    assert!(matches!(refused, Err(MoveError::Store(StoreError::InUse(_)))), "{refused:?}");
    let before = books.transfers(0, u32::MAX).await.unwrap();
    books.close().await.unwrap();

    let moved = move_books(file.location().clone(), server.location().clone()).await.unwrap();
    assert!(moved.tables.contains(&("payments", 2_501)), "{:?}", moved.tables);
    let again = move_books(file.location().clone(), server.location().clone()).await;
    assert!(matches!(again, Err(MoveError::NotEmpty(_))), "{again:?}");

    let books = server.open(Sharing::Exclusive);
    assert_eq!(books.transfers(0, u32::MAX).await.unwrap(), before);
    let lost = books.claim(prepaid(3, 1, 3)).await.unwrap();
    assert!(matches!(lost, ClaimOutcome::Lost(payment) if payment.state == PaymentState::Closed), "used up there too");
    assert!(books.response(prepaid(3, 1, 3).id).await.unwrap().is_some());
    assert!(matches!(books.claim(prepaid(9_001, 1, 3)).await.unwrap(), ClaimOutcome::Won(_)));
    let last = books.transfers(0, u32::MAX).await.unwrap().pop().unwrap();
    assert!(last.0 > before.last().unwrap().0, "what is new comes after what was there");
    let busy = move_books(server.location().clone(), back.location().clone()).await;
    assert!(matches!(busy, Err(MoveError::InUse(_))), "{busy:?}");
    let there = books.verify().await.unwrap();
    books.close().await.unwrap();

    move_books(server.location().clone(), back.location().clone()).await.unwrap();
    let books = back.open(Sharing::Exclusive);
    assert_eq!(books.verify().await.unwrap(), there);
    assert!(matches!(books.claim(prepaid(9_002, 1, 3)).await.unwrap(), ClaimOutcome::Won(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_do_not_add_up_are_not_moved() {
    let (file, server) = (Place::file(), Place::server());
    let books = file.open(Sharing::Exclusive);
    books.submit(grant(1, 1, 100)).await.unwrap();
    books.close().await.unwrap();
    let inner = rusqlite::Connection::open(file.location().file().unwrap()).unwrap();
    inner.execute_batch("UPDATE accounts SET credits = '99' WHERE credits = '100'").unwrap();
    drop(inner);
    let refused = move_books(file.location().clone(), server.location().clone()).await;
    assert!(matches!(refused, Err(MoveError::Unsound(_))), "{refused:?}");
    let books = server.open(Sharing::Exclusive);
    assert!(books.accounts().await.unwrap().is_empty(), "nothing was kept of it");
}
