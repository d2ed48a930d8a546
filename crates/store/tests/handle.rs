//! The handle as the gateway and the wallet use it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod places;

use std::time::Duration;

use farthing_books::budget::{BudgetCharge, BudgetKey, Counts, Reservation, ReserveOutcome, Rolling};
use farthing_books::testing::samples::{
    at, challenge, external, grant, payer, prepaid, price, reservation, settled, usd,
};
use farthing_books::{AccountId, AccountKind, ClaimOutcome, Command, Outcome, PaymentState, StoredResponse};
use farthing_money::Amount;
use farthing_rail::PaymentId;
use farthing_store::{Sharing, StoreError};
use places::{Place, on_both_engines};

on_both_engines! {
    a_prepaid_payment_goes_its_whole_way,
    a_proof_that_is_the_challenge_is_not_stored_and_reads_back,
    what_is_due_is_found,
    two_hundred_claims_of_one_challenge_have_one_winner,
    reservations_are_counted_and_listed,
    a_rolling_window_reads_back_as_it_was_written,
    what_was_captured_of_a_payment_is_kept,
    a_credential_visits_once_and_is_forgotten_when_it_is_over,
}

async fn a_proof_that_is_the_challenge_is_not_stored_and_reads_back(place: Place) {
    let books = place.open(Sharing::Exclusive);
    books.submit(grant(1, 1, 1_000)).await.unwrap();
    let (plain, mut other) = (prepaid(1, 1, 400), prepaid(2, 1, 400));
    other.proof.key = farthing_rail::ProofKey::new("balance/something-else");
    for new in [&plain, &other] {
        assert!(matches!(books.claim(new.clone()).await.unwrap(), ClaimOutcome::Won(_)));
        assert!(matches!(books.claim(new.clone()).await.unwrap(), ClaimOutcome::Lost(_)));
    }
    books.close().await.unwrap();
    let books = place.open(Sharing::Exclusive);
    for new in [&plain, &other] {
        let stored = books.payment(new.id).await.unwrap().unwrap();
        assert_eq!(stored.key, new.proof.key);
        assert!(matches!(books.claim(new.clone()).await.unwrap(), ClaimOutcome::Lost(_)), "nor is it claimed again");
    }
    let taken = farthing_books::NewPayment { proof: other.proof.clone(), ..prepaid(3, 1, 1) };
    assert_eq!(books.claim(taken).await.unwrap(), ClaimOutcome::ProofUsed(other.id));
}

async fn a_prepaid_payment_goes_its_whole_way(place: Place) {
    let books = place.open(Sharing::Exclusive);
    books.submit(grant(1, 1, 1_000)).await.unwrap();
    let new = prepaid(1, 1, 400);
    let (id, key) = (new.id, [7; 32]);
    let claimed = books.claim(farthing_books::NewPayment { idempotency: Some(key), ..new }).await.unwrap();
    let ClaimOutcome::Won(payment) = claimed else { panic!("{claimed:?}") };
    assert_eq!(payment.state, PaymentState::Posted);
    assert_eq!(books.payment(PaymentId::of(&challenge(1))).await.unwrap().as_ref(), Some(&*payment));

    let response = StoredResponse {
        status: 200,
        headers: vec![("x-bytes".to_owned(), vec![0, 65, 0xff]), ("x-bytes".to_owned(), b"two".to_vec())],
        body: b"sunny".to_vec(),
    };
    books.submit_later(Command::Deliver { payment: id, status: 200, at: at(1) }).unwrap();
    let close = Command::Close { payment: id, response: Some(Box::new(response.clone())), at: at(2) };
    let Outcome::Payment(closed) = books.submit(close).await.unwrap() else { panic!() };
    assert_eq!((closed.state, closed.status), (PaymentState::Closed, Some(200)));
    assert_eq!(books.response(id).await.unwrap(), Some(response));

    let balance = AccountId::new(AccountKind::Payer(payer(1)), &usd());
    let account = books.account(&balance).await.unwrap().unwrap();
    assert_eq!(account.available(), Some(Amount::new(600)));
    assert_eq!(books.accounts().await.unwrap().len(), 3);
    let refused = books.claim(prepaid(2, 1, 601)).await.unwrap();
    assert_eq!(refused, ClaimOutcome::Insufficient { available: Amount::new(600) });
    assert_eq!(books.payment(PaymentId::of(&challenge(2))).await.unwrap(), None, "the credential is still good");

    let verification = books.verify().await.unwrap();
    assert_eq!(verification.findings, Vec::<String>::new());
    assert_eq!((verification.transfers, verification.accounts, verification.payments), (2, 3, 1));
    books.close().await.unwrap();
    let again = place.open(Sharing::Exclusive);
    assert_eq!(again.payment(id).await.unwrap().unwrap(), *closed, "every field reads back");
}

async fn what_is_due_is_found(place: Place) {
    let books = place.open(Sharing::Exclusive);
    for number in [1, 2] {
        books.claim(external(number, 100)).await.unwrap();
    }
    let unknown = farthing_books::testing::samples::unknown();
    let first = external(1, 100).id;
    books.submit(Command::Doubt { payment: first, unknown, at: at(0) }).await.unwrap();
    assert!(books.due(at(1_999), 10).await.unwrap().is_empty());
    let due = books.due(at(2_000), 10).await.unwrap();
    assert_eq!(due.iter().map(|payment| payment.id).collect::<Vec<_>>(), [first]);
    books
        .submit(Command::Settle { payment: first, settled: settled("0xab", 3), confirm_at: None, at: at(9) })
        .await
        .unwrap();
    assert!(books.due(at(2_000), 10).await.unwrap().is_empty());
    books.close().await.unwrap();
    let books = place.open(Sharing::Exclusive);
    let recovered = books.submit(Command::Recover { deadline: at(5_000), at: at(20) }).await.unwrap();
    assert_eq!(recovered, Outcome::Recovered { entitled: 1, unknown: 1 });
    assert_eq!(books.due(at(5_000), 10).await.unwrap().len(), 2);
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
}

async fn two_hundred_claims_of_one_challenge_have_one_winner(place: Place) {
    let books = place.open(Sharing::Exclusive);
    books.submit(grant(1, 1, 1_000_000)).await.unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let books = books.clone();
            tokio::spawn(async move { books.claim(prepaid(1, 1, 10)).await.unwrap() })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            ClaimOutcome::Won(_) => won += 1,
            ClaimOutcome::Lost(winner) => assert_eq!(winner.id, prepaid(1, 1, 10).id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(won, 1);
    let balance = AccountId::new(AccountKind::Payer(payer(1)), &usd());
    assert_eq!(books.account(&balance).await.unwrap().unwrap().debits, Amount::new(10));
}

async fn reservations_are_counted_and_listed(place: Place) {
    let books = place.open(Sharing::Shared);
    let limits = [("agent/total", 100), ("agent/day", 60)];
    assert_eq!(books.reserve(reservation(1, 50, &limits)).await.unwrap(), ReserveOutcome::Reserved);
    let ReserveOutcome::Exceeded { charge, .. } = books.reserve(reservation(2, 20, &limits)).await.unwrap() else {
        panic!("the day has room for 10");
    };
    assert_eq!(charge.key.0, "agent/day");
    let confirm = Command::Confirm {
        reservation: reservation(1, 50, &limits).id,
        receipt: Some("r".into()),
        cost: None,
        at: at(1),
    };
    assert_eq!(books.submit(confirm).await.unwrap(), Outcome::Done);
    let counter = books.budget(&charge.key).await.unwrap().unwrap();
    assert_eq!((counter.spent, counter.reserved), (50, 0));
    let listed = books.reservations("agent", 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].reservation, reservation(1, 50, &limits));
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
}

async fn a_rolling_window_reads_back_as_it_was_written(place: Place) {
    let books = place.open(Sharing::Shared);
    let window = Rolling::new(Duration::from_secs(3_600));
    let dollars = Counts::Money(price(0).currency());
    let charge =
        |key: &str, counts, window| BudgetCharge { key: BudgetKey(key.to_owned()), counts, limit: 100, window };
    let charges = vec![
        charge("agent/tag/\"quoted\"", dollars, window),
        charge("agent/payments", Counts::Payments, None),
        charge("agent/hour/payments", Counts::Payments, window),
    ];
    for number in 0..3 {
        let wanted = Reservation { charges: charges.clone(), at: at(1_000_000), ..reservation(number, 10, &[]) };
        assert_eq!(books.reserve(wanted.clone()).await.unwrap(), ReserveOutcome::Reserved);
        assert_eq!(books.reservations("agent", 1).await.unwrap()[0].reservation, wanted);
    }
    books.close().await.unwrap();
    let books = place.open(Sharing::Shared);
    let figures = async |index: usize| {
        let counter = books.budget(&charges[index].key).await.unwrap().unwrap();
        (counter.clone().at(at(1_000_001)).reserved, counter.at(at(5_000_000)).reserved)
    };
    assert_eq!((figures(0).await, figures(1).await, figures(2).await), ((30, 0), (3, 3), (3, 0)));
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn an_owner_of_a_file_is_alone_and_may_be_watched() {
    let place = Place::file();
    let books = place.open(Sharing::Exclusive);
    let second = place.try_open(Sharing::Exclusive).err().unwrap();
    assert!(matches!(&second, StoreError::InUse(_)), "{second}");
    assert!(matches!(place.try_open(Sharing::Shared).err(), Some(StoreError::InUse(_))));
    let watcher = place.try_open(Sharing::ReadOnly).unwrap();
    books.submit(grant(1, 1, 5)).await.unwrap();
    assert_eq!(watcher.accounts().await.unwrap().len(), 2);
    assert_eq!(watcher.submit(grant(2, 1, 5)).await, Err(StoreError::ReadOnly));
    books.close().await.unwrap();
    place.try_open(Sharing::Exclusive).unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_of_the_file_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::file();
    let books = place.open(Sharing::Exclusive);
    books.submit(grant(1, 1, 5)).await.unwrap();
    for entry in std::fs::read_dir(place.location().file().unwrap().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
    }
}

async fn what_was_captured_of_a_payment_is_kept(place: Place) {
    let books = place.open(Sharing::Exclusive);
    let new = external(1, 400);
    let payment = new.id;
    books.claim(new).await.unwrap();
    let settled = farthing_rail::Settled { captured: Some(Amount::new(150)), ..settled("0xabc", 0) };
    books.submit(Command::Settle { payment, settled, confirm_at: None, at: at(1) }).await.unwrap();
    assert_eq!(books.payment(payment).await.unwrap().unwrap().amount, Amount::new(150));
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
}

async fn a_credential_visits_once_and_is_forgotten_when_it_is_over(place: Place) {
    let books = place.open(Sharing::Exclusive);
    let (one, other) = (challenge(1), challenge(2));
    let day = std::time::Duration::from_secs(24 * 3_600);
    for (credential, first) in [(&one, true), (&one, false), (&other, true), (&other, false)] {
        let until = if *credential == one { at(5) } else { at(5).after(day) };
        assert_eq!(books.visit(credential, until).await.unwrap(), first);
    }
    books.forget_visits(at(6).after(day)).await.unwrap();
    assert!(!books.visit(&other, at(5)).await.unwrap(), "it could still be presented to a clock that is behind");
    assert!(books.visit(&one, at(5)).await.unwrap(), "nobody takes its challenge any more");
    books.close().await.unwrap();
}
