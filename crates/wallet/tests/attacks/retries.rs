//! W-21: whatever a seller answers to a payment, the same call shows the same payment again, and one is counted.

use std::sync::atomic::{AtomicUsize, Ordering};

use farthing_wallet::{Outcome, PayingClient, PayingMiddleware};

use crate::double::{Act, Seller, counted};
use crate::x402_double::{Buyer, Shop, demand, entry, goods, list, took};
use crate::{POLICY, buyer, double, session_double};

/// What proves nothing of a payment.
const STATUSES: [u16; 13] = [400, 401, 403, 404, 408, 409, 410, 422, 425, 429, 500, 502, 503];

async fn pay(client: &PayingClient, seller: &Seller, path: &str) -> Outcome {
    client.pay(seller.get(path), None).await.unwrap()
}

#[tokio::test]
async fn w_21_a_seller_that_takes_and_answers_with_an_error_is_shown_one_payment() {
    let (seller, (directory, client)) = (Seller::start().await, buyer());
    for (bought, status) in STATUSES.into_iter().enumerate() {
        seller.will((0..6).map(|_| Act::TakeAndAnswer(status)));
        let path = format!("/{status}");
        let first = pay(&client, &seller, &path).await;
        assert!(matches!(first, Outcome::ServerError { .. } | Outcome::Unknown { repeatable: true, .. }), "{first:?}");
        // Another process, for as long as it takes.
        let client = double::client(&directory.path().join("home"));
        let mut calls = 0;
        while !matches!(pay(&client, &seller, &path).await, Outcome::Paid { .. }) {
            calls += 1;
            let counts = (seller.credentials(), seller.charges(), counted(client.wallet()).await);
            let spent = 1000 * u64::try_from(bought).unwrap();
            assert_eq!(counts, (bought + 1, bought + 1, (spent, 1000)), "{status}");
            assert!(calls < 8, "{status}");
        }
        let seen = seller.seen().into_iter().filter(|seen| seen.line.ends_with(&path));
        let keys: Vec<_> = seen.filter_map(|seen| seen.headers.get("idempotency-key").cloned()).collect();
        assert!(keys.len() > 6 && keys.iter().all(|key| *key == keys[0]), "{status}: one payment has one key");
    }
    let bought = STATUSES.len();
    assert_eq!((seller.credentials(), seller.charges()), (bought, bought));
    assert_eq!(counted(client.wallet()).await, (1000 * u64::try_from(bought).unwrap(), 0));
}

#[tokio::test]
async fn w_21_an_answer_that_never_comes_is_waited_for_with_the_same_payment() {
    let (seller, (directory, client)) = (Seller::start().await, buyer());
    seller.will((0..3).map(|_| Act::TakeAndStaySilent));
    assert!(matches!(pay(&client, &seller, "/report").await, Outcome::Unknown { repeatable: true, .. }));
    assert!(matches!(
        pay(&double::client(&directory.path().join("home")), &seller, "/report").await,
        Outcome::Paid { .. }
    ));
    assert_eq!((seller.presentations(), seller.credentials(), seller.charges()), (4, 1, 1));
    assert_eq!(counted(client.wallet()).await, (1000, 0));
}

#[tokio::test]
async fn w_21_the_same_holds_for_x402_and_through_a_middleware() {
    let buyer = Buyer::new("total = \"1 USD\"");
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let paying = PayingMiddleware::without_redirects(buyer.client.clone());
    let paying = reqwest_middleware::ClientBuilder::new(http).with(paying).build();
    for (bought, status) in (1..).zip(STATUSES) {
        let answers = AtomicUsize::new(0);
        let shop = Shop::start(move |shop, seen| match seen.payment() {
            Some(payment) if answers.fetch_add(1, Ordering::SeqCst) >= 6 => goods(&took(&payment)),
            Some(_) => crate::x402_double::plain(status),
            None => demand(&list(&shop.origin, vec![entry("10000")])),
        })
        .await;
        let mut calls = 0;
        while !paying.get(format!("{}/report", shop.origin)).send().await.is_ok_and(|answer| answer.status() == 200) {
            calls += 1;
            assert!(calls < 8, "{status}");
        }
        let spent = 10_000 * u64::try_from(bought).unwrap();
        assert_eq!((buyer.inked.count(), buyer.counted().await), (bought, (spent, 0)), "{status}");
        let headers = shop.headers();
        assert!(headers.iter().all(|header| *header == headers[0]), "{status}");
    }
}

#[tokio::test]
async fn w_21_a_voucher_that_is_answered_with_an_error_is_not_raised_by_the_same_call() {
    let directory = tempfile::tempdir().unwrap();
    double::create(directory.path(), Some(POLICY));
    let (client, shop) = (session_double::client(directory.path()), session_double::Shop::start().await);
    let call = || client.pay(shop.get("/"), None);
    assert!(matches!(call().await.unwrap(), Outcome::Paid { .. }));
    // 410 says that the session is over.
    for (bought, status) in (2..).zip(STATUSES.into_iter().filter(|status| *status != 410)) {
        shop.will((0..3).map(|_| session_double::Act::Answer(status)));
        let mut calls = 0;
        while !matches!(call().await.unwrap(), Outcome::Paid { .. }) {
            calls += 1;
            assert!(calls < 8, "{status}");
        }
        assert!(calls > 0, "{status}");
        let total = session_double::newest(&client).await.signed.units();
        assert_eq!((total, shop.channel().spent), (1000 * bought, 1000 * bought), "{status}: {:?}", shop.shown());
    }
}
