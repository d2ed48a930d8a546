//! Lists and statements.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod places;

use std::time::Duration;

use farthing_books::testing::samples::{at, external, grant, payer, prepaid, rejected, settled, usd};
use farthing_books::{Command, NewPayment, PaymentFilter, PaymentState};
use farthing_store::{Books, Sharing};
use places::{Place, on_both_engines};

on_both_engines! {
    payments_are_listed_by_what_is_asked_for,
    a_payment_that_could_be_disputed_for_months_is_missed_as_a_final_one_is,
    a_statement_adds_up_what_was_paid,
    transfers_are_exported_in_order,
}

async fn filled(place: &Place) -> Books {
    let books = place.open(Sharing::Exclusive);
    books.submit(grant(1, 1, 1_000)).await.unwrap();
    for number in 0..10_u32 {
        let new = if number % 2 == 0 { prepaid(number, 1, 10) } else { external(number, 20) };
        let new = NewPayment { at: at(i64::from(number)), route: format!("route-{}", number % 3), ..new };
        books.claim(new).await.unwrap();
    }
    let (paid, refused) = (external(1, 20).id, external(3, 20).id);
    books
        .submit(Command::Settle { payment: paid, settled: settled("0x1", 2), confirm_at: None, at: at(20) })
        .await
        .unwrap();
    books.submit(Command::Reject { payment: refused, rejected: rejected(), at: at(20) }).await.unwrap();
    books
}

async fn payments_are_listed_by_what_is_asked_for(place: Place) {
    let books = filled(&place).await;
    let count = async |filter: PaymentFilter| books.payments(filter).await.unwrap().len();
    let all = PaymentFilter::default();
    assert_eq!(count(all.clone()).await, 10);
    assert_eq!(count(PaymentFilter { state: Some(PaymentState::Posted), ..all.clone() }).await, 6);
    assert_eq!(count(PaymentFilter { payer: Some(payer(1)), ..all.clone() }).await, 5);
    assert_eq!(count(PaymentFilter { route: Some("route-0".into()), ..all.clone() }).await, 4);
    assert_eq!(count(PaymentFilter { since: Some(at(2)), until: Some(at(5)), ..all.clone() }).await, 3);
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = books.payments(PaymentFilter { after, limit: 3, ..all.clone() }).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.into_iter().map(|payment| payment.claimed_at));
    }
    assert_eq!(seen, (0..10).map(at).collect::<Vec<_>>(), "pages follow each other");
}

async fn a_payment_that_could_be_disputed_for_months_is_missed_as_a_final_one_is(place: Place) {
    let books = place.open(Sharing::Exclusive);
    let now = at(1_000_000);
    let soon = now.after(Duration::from_secs(5));
    let next_week = now.after(Duration::from_secs(7 * 24 * 60 * 60));
    for (number, confirm_at) in [(1, None), (2, Some(soon)), (3, Some(next_week))] {
        let new = external(number, 20);
        let (payment, reference) = (new.id, format!("0x{number}"));
        books.claim(new).await.unwrap();
        let settled = settled(&reference, 0);
        books.submit(Command::Settle { payment, settled, confirm_at, at: at(20) }).await.unwrap();
    }
    let missed = books.not_seen(now, 10).await.unwrap();
    let missed: Vec<_> = missed.iter().map(|payment| payment.id).collect();
    assert_eq!(missed, [external(1, 20).id, external(3, 20).id]);
}

async fn a_statement_adds_up_what_was_paid(place: Place) {
    let books = filled(&place).await;
    let statement = books.statement(at(0), at(100)).await.unwrap();
    let total = statement.total(&usd()).unwrap();
    assert_eq!((total.count, total.gross.units(), total.fees.units()), (6, 70, 2));
    assert_eq!(statement.lines.len(), 4, "the balance on three routes, the rail on one");
    assert_eq!(books.statement(at(0), at(1)).await.unwrap().total(&usd()).unwrap().count, 1);
}

async fn transfers_are_exported_in_order(place: Place) {
    let books = filled(&place).await;
    let first = books.transfers(0, 5).await.unwrap();
    let rest = books.transfers(first.last().unwrap().0, 100).await.unwrap();
    assert_eq!((first.len(), rest.len()), (5, 3), "a grant, five prepaid, one settled and its fee");
    assert!(first.iter().chain(&rest).map(|(sequence, _)| *sequence).is_sorted());
}
