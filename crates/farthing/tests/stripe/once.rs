//! Lost answers and repeated requests: one PaymentIntent, one delivery.

use farthing_testing_stripe::Trouble;

use crate::shop::Shop;

const CREATE: &str = "POST payment_intents";

#[tokio::test(flavor = "multi_thread")]
async fn s_28_a_card_buys_once_and_its_receipt_names_the_payment_at_stripe() {
    let shop = Shop::new().await;
    let seller = shop.open();
    let credential = shop.credential(&seller, "pm_card_visa").await;
    let answer = shop.present(&seller, &credential).await.unwrap();
    assert_eq!(answer.status(), 200);
    let receipt = farthing_protocol::Receipt::parse(answer.headers()["payment-receipt"].to_str().unwrap()).unwrap();
    let taken = shop.double.succeeded();
    assert_eq!((taken.len(), receipt.reference.as_str()), (1, taken[0]["id"].as_str().unwrap()));
    let again = shop.present(&seller, &credential).await.unwrap();
    assert_eq!(again.status(), 402);
    assert!(again.text().await.unwrap().contains("invalid-challenge"));
    assert_eq!((shop.double.desk().count(CREATE), shop.upstream.hits()), (1, 1));
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn s_28_the_seller_s_reference_is_echoed_and_stands_in_the_receipt() {
    let shop = Shop::new().await;
    let seller = shop.open();
    let url = format!("{}/named/x", seller.listen);
    for (echo, status) in [(None, 402), (Some("order-8"), 402), (Some("order-7"), 200)] {
        let challenge = shop.buyer.challenges(reqwest::Method::GET, &url).await.remove(0);
        let mut payload = serde_json::json!({ "spt": shop.double.token("pm_card_visa", 500) });
        if let Some(echo) = echo {
            payload["externalId"] = echo.into();
        }
        let credential = shop.buyer.with_payload(&challenge, payload);
        let answer = shop.buyer.get(&url, &credential).send().await.unwrap();
        assert_eq!(answer.status(), status, "{echo:?}");
        if let Some(header) = answer.headers().get("payment-receipt") {
            let receipt = farthing_protocol::Receipt::parse(header.to_str().unwrap()).unwrap();
            assert_eq!(receipt.external_id.as_deref(), Some("order-7"));
        } else {
            assert!(answer.text().await.unwrap().contains("invalid-challenge"));
        }
    }
    assert_eq!(shop.double.desk().count(CREATE), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_28_each_refusal_is_told_in_the_words_of_the_protocol() {
    let shop = Shop::new().await;
    let seller = shop.open();
    for (method, problem) in [
        ("pm_card_chargeDeclinedInsufficientFunds", "verification-failed"),
        ("pm_card_authenticationRequired", "payment-action-required"),
    ] {
        let credential = shop.credential(&seller, method).await;
        let answer = shop.present(&seller, &credential).await.unwrap();
        assert_eq!(answer.status(), 402, "{method}");
        assert!(answer.headers().contains_key("www-authenticate"), "a fresh challenge");
        let told = answer.text().await.unwrap();
        assert!(told.contains(problem) && !told.contains("insufficient_funds"), "{told}");
    }
    assert_eq!((shop.double.succeeded().len(), shop.upstream.hits()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn s_29_a_lost_answer_asks_for_the_same_credential_and_ends_in_one_charge() {
    for trouble in [Trouble::LostBefore, Trouble::LostAfter, Trouble::NotLetIn(429), Trouble::FailedAfter(500)] {
        let shop = Shop::new().await;
        let seller = shop.open();
        shop.double.desk().expect(CREATE, [trouble]);
        let credential = shop.credential(&seller, "pm_card_visa").await;
        let first = shop.present(&seller, &credential).await.unwrap();
        assert_eq!(first.status(), 503, "{trouble:?}");
        assert!(first.headers().contains_key("retry-after") && !first.headers().contains_key("www-authenticate"));
        assert_eq!(shop.present_until_known(&seller, &credential).await.status(), 200, "{trouble:?}");
        assert_eq!((shop.double.desk().intents.len(), shop.upstream.hits()), (1, 1), "{trouble:?}");
        seller.verify_books();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s_29_a_process_that_is_killed_in_doubt_is_followed_by_one_that_knows() {
    for trouble in [Trouble::LostBefore, Trouble::LostAfter, Trouble::Slow(30_000)] {
        let shop = Shop::new().await;
        let seller = shop.open();
        shop.double.desk().expect(CREATE, [trouble]);
        let credential = shop.credential(&seller, "pm_card_visa").await;
        let presented = shop.present(&seller, &credential);
        if let Trouble::Slow(_) = trouble {
            let asked = async {
                while shop.double.desk().count(CREATE) == 0 {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
            };
            tokio::select! { _ = presented => panic!("it waits"), () = asked => {} }
        } else {
            assert_eq!(presented.await.unwrap().status(), 503, "{trouble:?}");
        }
        drop(seller);
        let reborn = shop.open();
        assert_eq!(shop.present_until_known(&reborn, &credential).await.status(), 200, "{trouble:?}");
        assert_eq!((shop.double.desk().intents.len(), shop.upstream.hits()), (1, 1), "{trouble:?}");
        reborn.verify_books();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s_30_forty_presenters_of_one_credential_are_one_charge_and_one_delivery() {
    let shop = Shop::new().await;
    let seller = shop.open();
    shop.double.desk().expect(CREATE, [Trouble::Slow(300)]);
    let credential = shop.credential(&seller, "pm_card_visa").await;
    let all = futures_util::future::join_all((0..40).map(|_| shop.present(&seller, &credential))).await;
    let delivered = all.into_iter().filter(|answer| answer.as_ref().unwrap().status() == 200).count();
    assert_eq!((delivered, shop.double.desk().intents.len(), shop.upstream.hits()), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn s_30_one_token_under_two_challenges_is_one_charge() {
    let shop = Shop::new().await;
    let seller = shop.open();
    let url = format!("{}/card/x", seller.listen);
    let spt = shop.double.token("pm_card_visa", 500);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let challenge = shop.buyer.challenges(reqwest::Method::GET, &url).await.remove(0);
        let credential = shop.buyer.with_payload(&challenge, serde_json::json!({ "spt": spt }));
        answers.push(shop.present(&seller, &credential).await.unwrap().status().as_u16());
    }
    assert_eq!(answers, [200, 402]);
    assert_eq!(shop.double.desk().count(CREATE), 1);
}
