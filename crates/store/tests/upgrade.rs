//! A schema of the first version is brought to the newest, and nothing in it counts for less.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod places;

use farthing_books::testing::samples::{at, challenge, grant, payer, prepaid, usd};
use farthing_books::{AccountId, AccountKind, ClaimOutcome, Command, NewPayment, Outcome, PaymentState};
use farthing_store::{Look, Sharing};
use places::Place;

/// Version 1 as it was released. Never edited: later versions must go on from it.
const VERSION_1: &str = include_str!("../src/engine/postgres/migrations/0001.sql");

/// A payment of version 1 with its transfers and its response.
const FILLED: &str = "
    INSERT INTO accounts VALUES (1, 'grants', 'USD.6@ledger', '1000', '0', '0', '0'),
        (2, 'payer/did:key:z6MkTestPayer1', 'USD.6@ledger', '400', '1000', '0', '0'),
        (3, 'revenue/weather', 'USD.6@ledger', '0', '400', '0', '0');
    INSERT INTO transfers (id, debit, credit, amount, phase, payment, at)
        VALUES (decode(repeat('01', 16), 'hex'), 1, 2, '1000', 'single', NULL, 1800000000000);
    INSERT INTO payments (id, challenge, proof, method, intent, route, request, payer, amount, asset, prepaid, idempotency,
        kept, state, reference, fee, claimed_at, settled_at, updated_at, status, passed_on, rail)
        VALUES (decode('PAYMENT', 'hex'), 'CHALLENGE', 'balance/CHALLENGE', 'balance', 'charge', 'weather',
        'GET /v1/weather', 'did:key:z6MkTestPayer1', '400', 'USD.6@ledger', 1, decode(repeat('07', 32), 'hex'), '',
        'closed', 'trf', '0', 1800000000000, 1800000000000, 1800000000001, 200, '0', 'balance');
    INSERT INTO transfers (id, debit, credit, amount, phase, payment, at)
        VALUES (decode('TRANSFER', 'hex'), 2, 3, '400', 'single', decode('PAYMENT', 'hex'), 1800000000000);
    INSERT INTO responses VALUES (decode('PAYMENT', 'hex'), 200, '[]', '\\x68656c6c6f');";

/// What a program of version 2 writes when it closes a payment: it says nothing of the time.
const OF_BEFORE: &str = "INSERT INTO responses (payment, status, headers, body) VALUES ($1, 200, '[]', '\\x01')";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn books_of_version_1_go_on_as_they_were() {
    let place = Place::server();
    let schema = place.address().split_once("?schema=").unwrap().1.to_owned();
    let payment = prepaid(1, 1, 400);
    let transfers = farthing_books::retention::transfers_of(payment.id);
    let placed = farthing_books::TransferId::of(payment.id, farthing_books::ledger::Purpose::Charge);
    // The one other that ends as it does: as charges were named then.
    let of_before = |id: &&farthing_books::TransferId| id.0[6..] == placed.0[6..] && **id != placed;
    let charge = transfers.iter().find(of_before).copied().unwrap_or(placed);
    let filled = FILLED
        .replace("PAYMENT", &hex(payment.id.as_bytes()))
        .replace("TRANSFER", &hex(&charge.0))
        .replace("CHALLENGE", challenge(1).as_str());
    let version = "CREATE TABLE farthing_books (id BIGINT PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL); \
                   INSERT INTO farthing_books VALUES (1, 1)";
    let made = format!("CREATE SCHEMA {schema}; SET search_path TO {schema}; {version}; {VERSION_1}; {filled}");
    place.tamper(&made).unwrap();

    let books = place.open(Sharing::Exclusive);
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
    let known = books.payment(payment.id).await.unwrap().unwrap();
    assert_eq!((known.state, &known.key), (PaymentState::Closed, &payment.proof.key));
    assert_eq!(books.response(payment.id).await.unwrap().unwrap().body, b"hello");
    let lost = books.claim(payment.clone()).await.unwrap();
    assert!(matches!(lost, ClaimOutcome::Lost(_)), "used up before, and still");

    // What a program of version 2 writes when it closes a payment says nothing of the time, and is found.
    let new = prepaid(2, 1, 5);
    assert!(matches!(books.claim(new.clone()).await.unwrap(), ClaimOutcome::Won(_)));
    let of_before = OF_BEFORE.replace("$1", &format!("decode('{}', 'hex')", hex(new.id.as_bytes())));
    place.tamper(&of_before).unwrap();
    assert_eq!(books.response(new.id).await.unwrap().unwrap().body, [1]);
    let refused = place.tamper("DELETE FROM transfers").unwrap_err();
    assert!(refused.contains("append-only"), "{refused}");

    let Outcome::Transferred = books.submit(grant(2, 1, 10)).await.unwrap() else { panic!("a grant of its own") };
    books.submit(Command::Deliver { payment: new.id, status: 200, at: at(3) }).await.unwrap();
    let balance = AccountId::new(AccountKind::Payer(payer(1)), &usd());
    assert_eq!(books.account(&balance).await.unwrap().unwrap().available().unwrap().units(), 605);
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());

    // It leaves in time like any other.
    let late = at(30 * 24 * 3_600 * 1_000);
    let newest = NewPayment { at: late, ..prepaid(3, 1, 5) };
    assert!(matches!(books.claim(newest).await.unwrap(), ClaimOutcome::Won(_)));
    let pruned = books.prune(late, Look::Everywhere, |_| {}).await.unwrap();
    assert_eq!((pruned.payments, pruned.transfers), (1, 1));
    assert_eq!(books.response(payment.id).await.unwrap(), None);
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
    books.close().await.unwrap();
}
