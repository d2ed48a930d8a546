//! Where a payment goes when a server sends the request elsewhere: nowhere but to the origin of the offer.

use crate::x402_double;

use axum::http::Response;
use farthing_wallet::client::Unconfirmed;
use farthing_wallet::policy::Rule;
use farthing_wallet::{Outcome, PayingMiddleware};
use x402_double::{Buyer, Shop, demand, entry, goods, list, redirect, took};

const POLICY: &str = "total = \"0.1 USD\"";

async fn honest() -> Shop {
    Shop::honest(|origin| list(origin, vec![entry("10000")])).await
}

#[tokio::test]
async fn control_a_redirect_on_the_same_origin_is_followed_before_and_after_signing() {
    let shop = Shop::start(|shop, seen| match (seen.uri.path(), seen.payment()) {
        ("/report", _) => redirect("/new"),
        ("/new", Some(_)) => redirect(&format!("{}/newest", shop.origin)),
        (_, Some(payment)) => goods(&took(&payment)),
        (_, None) => demand(&list(&shop.origin, vec![entry("10000")])),
    })
    .await;
    let buyer = Buyer::new(POLICY);
    assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
    assert_eq!(buyer.inked.count(), 1);
}

#[tokio::test]
async fn i_19_c_11_a_redirect_to_another_origin_is_not_paid_unless_the_list_names_it() {
    let target = honest().await;
    let hop = Shop::start({
        let to = format!("{}/report", target.origin);
        move |_, _| redirect(&to)
    })
    .await;
    let first = Shop::start({
        let to = format!("{}/report", hop.origin);
        move |_, _| redirect(&to)
    })
    .await;
    let buyer = Buyer::new(POLICY);
    let outcome = buyer.pay(&first).await;
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::Redirect), .. }), "{outcome:?}");
    assert_eq!((buyer.inked.count(), target.credentials()), (0, 0));
    let allowed = Buyer::new(&format!("total = \"1 USD\"\n[[origin]]\nurl = \"{}\"", target.origin));
    assert!(matches!(allowed.pay(&first).await, Outcome::Paid { .. }));
    assert_eq!((first.credentials(), hop.credentials(), target.credentials()), (0, 0, 1));
}

#[tokio::test]
async fn i_25_c_11_a_payment_follows_no_redirect_to_another_origin() {
    let thief = honest().await;
    let to = format!("{}/report", thief.origin);
    let shop = Shop::start(move |shop, seen| match seen.payment() {
        Some(_) => redirect(&to),
        None => demand(&list(&shop.origin, vec![entry("10000")])),
    })
    .await;
    let buyer = Buyer::new(POLICY);
    assert!(matches!(buyer.pay(&shop).await, Outcome::ServerError { .. }));
    assert_eq!((thief.seen().len(), buyer.inked.count(), buyer.counted().await), (0, 1, (0, 10_000)));
}

#[tokio::test]
async fn i_25_a_client_that_may_carry_a_payment_along_is_not_given_one() {
    let (buyer, shop) = (Buyer::new(POLICY), honest().await);
    let chain = |client: reqwest::Client, paying| reqwest_middleware::ClientBuilder::new(client).with(paying).build();
    let following = chain(reqwest::Client::new(), PayingMiddleware::new(buyer.client.clone()));
    let refusal = following.get(format!("{}/report", shop.origin)).send().await.unwrap_err().to_string();
    assert!(refusal.contains("carry across a redirect"), "{refusal}");
    assert_eq!(buyer.inked.count(), 0);
    let staying = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let staying = chain(staying, PayingMiddleware::without_redirects(buyer.client.clone()));
    let response = staying.get(format!("{}/report", shop.origin)).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "goods");
}

#[tokio::test]
async fn c_13_a_response_through_a_middleware_says_that_its_payment_is_not_confirmed() {
    let shop = Shop::start(|shop, seen| match seen.payment() {
        Some(_) => Response::new("goods".into()),
        None => demand(&list(&shop.origin, vec![entry("10000")])),
    })
    .await;
    let buyer = Buyer::new(POLICY);
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let paying = PayingMiddleware::without_redirects(buyer.client.clone());
    let client = reqwest_middleware::ClientBuilder::new(client).with(paying).build();
    let response = client.get(format!("{}/report", shop.origin)).send().await.unwrap();
    assert!(response.extensions().get::<Unconfirmed>().is_some_and(|word| word.sentence.contains("says nothing")));
    assert_eq!((response.text().await.unwrap().as_str(), buyer.counted().await), ("goods", (0, 10_000)));
}
