//! A disk that fails: whoever waits is told, nothing is half there, and afterwards it works again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use std::path::PathBuf;
use std::time::Duration;

use farthing_books::testing::samples::{at, grant, prepaid};
use farthing_books::{ClaimOutcome, Command, PaymentState};
use farthing_store::{Books, Sharing, StoreError};
use rusqlite::Connection;

/// Books whose writes of payments can be made to fail from beside.
struct Breakable {
    _folder: tempfile::TempDir,
    path: PathBuf,
    books: Books,
}

impl Breakable {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books.db");
        let books = Books::open(&path, Sharing::Exclusive).unwrap();
        books.submit(grant(1, 1, 1_000)).await.unwrap();
        Self { _folder: folder, path, books }
    }

    fn beside(&self, sql: &str) {
        let connection = Connection::open(&self.path).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn break_writes(&self) {
        self.beside(
            "CREATE TRIGGER broken_insert BEFORE INSERT ON payments BEGIN SELECT RAISE(ABORT, 'no room'); END;
             CREATE TRIGGER broken_update BEFORE UPDATE ON payments BEGIN SELECT RAISE(ABORT, 'no room'); END;",
        );
    }

    fn mend_writes(&self) {
        self.beside("DROP TRIGGER broken_insert; DROP TRIGGER broken_update;");
    }
}

#[tokio::test]
async fn a_failed_commit_leaves_nothing_and_the_next_one_works() {
    let broken = Breakable::new().await;
    broken.break_writes();
    let refused = broken.books.claim(prepaid(1, 1, 10)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    let verification = broken.books.verify().await.unwrap();
    assert_eq!((verification.transfers, verification.payments), (1, 0), "the ledger entry went with the claim");
    broken.mend_writes();
    assert!(matches!(broken.books.claim(prepaid(1, 1, 10)).await, Ok(ClaimOutcome::Won(_))));
    assert_eq!(broken.books.verify().await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn what_nobody_waits_for_is_tried_until_it_is_durable() {
    let broken = Breakable::new().await;
    let new = prepaid(1, 1, 10);
    let payment = new.id;
    broken.books.claim(new).await.unwrap();
    broken.break_writes();
    broken.books.submit_later(Command::Deliver { payment, status: 200, at: at(1) }).unwrap();
    broken.books.submit_later(Command::Close { payment, response: None, at: at(2) }).unwrap();
    tokio::time::sleep(Duration::from_millis(250)).await;
    let stands = broken.books.payment(payment).await.unwrap().unwrap().state;
    assert_eq!(stands, PaymentState::Posted);
    broken.mend_writes();
    for _ in 0..100 {
        if broken.books.payment(payment).await.unwrap().unwrap().state == PaymentState::Closed {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the delivery was lost");
}

#[tokio::test]
async fn closed_books_say_so() {
    let broken = Breakable::new().await;
    let other = broken.books.clone();
    broken.books.submit_later(grant(2, 1, 5)).unwrap();
    broken.books.clone().close().await.unwrap();
    assert_eq!(other.submit(grant(3, 1, 5)).await, Err(StoreError::Closed));
    let reopened = Books::open(&broken.path, Sharing::Exclusive).unwrap();
    assert_eq!(reopened.verify().await.unwrap().transfers, 2, "what was handed in before is durable");
}
