//! Files of other versions, and of other programs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::testing::samples::{challenge, payer, usd};
use farthing_books::{AccountId, AccountKind, PaymentState};
use farthing_money::Amount;
use farthing_rail::PaymentId;
use farthing_store::{Books, Sharing, StoreError};
use rusqlite::Connection;

/// Version 1 as it was released, with a payment in it. Never edited: later versions must read it.
const VERSION_1: &str = include_str!("schema/version-1.sql");

#[tokio::test]
async fn a_file_of_version_1_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.db");
    Connection::open(&path).unwrap().execute_batch(VERSION_1).unwrap();
    let books = Books::open(&path, Sharing::Exclusive).unwrap();
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
    let payment = books.payment(PaymentId::of(&challenge(1))).await.unwrap().unwrap();
    assert_eq!(books.reservations("agent", 9).await.unwrap().len(), 1);
    assert_eq!((payment.state, payment.amount), (PaymentState::Closed, Amount::new(400)));
    let balance = books.account(&AccountId::new(AccountKind::Payer(payer(1)), &usd())).await.unwrap().unwrap();
    assert_eq!(balance.available(), Some(Amount::new(600)));
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.db");
    drop(Books::open(&path, Sharing::Exclusive).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for sharing in [Sharing::Exclusive, Sharing::Shared, Sharing::ReadOnly] {
        let refused = Books::open(&path, sharing).err().unwrap();
        assert!(matches!(&refused, StoreError::Newer { found: 99, .. }), "{refused}");
        assert!(refused.to_string().contains("use the newer program"), "{refused}");
    }
}

#[test]
fn a_file_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    let refused = Books::open(&path, Sharing::Exclusive).err().unwrap();
    assert!(matches!(refused, StoreError::Foreign(_)), "{refused}");
    let tables: i64 =
        Connection::open(&path).unwrap().query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_folder_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("seller");
    std::fs::create_dir(&place).unwrap();
    for sharing in [Sharing::Exclusive, Sharing::Shared] {
        let refused = Books::open(&place, sharing).err().unwrap();
        assert!(matches!(refused, StoreError::Folder(_)), "{refused}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn transfers_cannot_be_rewritten() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(VERSION_1).unwrap();
    for sql in ["UPDATE transfers SET amount = '1'", "DELETE FROM transfers"] {
        let refused = connection.execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
}

#[tokio::test]
async fn damage_is_found_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("books.db");
    Connection::open(&path).unwrap().execute_batch(VERSION_1).unwrap();
    let looked_at = Books::open(&path, Sharing::ReadOnly).err().unwrap();
    assert!(matches!(looked_at, StoreError::Older { found: 1, .. }), "{looked_at}");
    Books::open(&path, Sharing::Exclusive).unwrap().close().await.unwrap();
    let damage = "UPDATE accounts SET credits = '401' WHERE name = 'revenue/weather';
                  UPDATE payments SET asset = 'dollars';
                  UPDATE budgets SET spent = '49';";
    Connection::open(&path).unwrap().execute_batch(damage).unwrap();
    let books = Books::open(&path, Sharing::ReadOnly).unwrap();
    let findings = books.verify().await.unwrap().findings.join("\n");
    for expected in [
        "revenue/weather (USD.6@ledger): credits are stored as 401, its transfers add up to 400",
        "column asset holds something else",
        "budget agent/total: spent is stored as 49, its reservations add up to 50",
    ] {
        assert!(findings.contains(expected), "{findings}");
    }
}
