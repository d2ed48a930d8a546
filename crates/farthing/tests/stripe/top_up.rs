//! A price that no card can carry: the wallet fills a balance by card, under its own cap, and pays out of that.

use std::time::Duration;

use farthing_testing_stripe::Trouble;
use serde_json::Value;

use crate::shop::{Shop, reconcile};
use crate::support::seller::Seller;
use crate::wallet::{good, run, wallet};

async fn held(seller: &Seller, name: &str) -> String {
    let shown: Value = reqwest::get(format!("{}/admin/accounts", seller.admin)).await.unwrap().json().await.unwrap();
    let all = shown["accounts"].as_array().unwrap();
    let found = all.iter().find(|account| account["account"].as_str().unwrap().starts_with(name));
    found.map_or("nothing".to_owned(), |account| account["balance"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_card_payment_buys_many_small_requests_and_the_rest_goes_back_to_the_card() {
    let shop = Shop::new().await;
    let seller = shop.open();
    let home = wallet(&shop, &seller, "0.01 USD");
    let url = format!("{}/small/x", seller.listen);
    let refused = run(home.path(), &["pay", "--wallet", "agent", &url]);
    assert_eq!(refused.status.code(), Some(3), "a policy that says nothing of balances fills none");
    good(home.path(), &["policy", "set", "--wallet", "agent", "--prepaid", "5 USD"]);
    for _ in 0..4 {
        good(home.path(), &["pay", "--wallet", "agent", &url]);
    }
    assert_eq!((shop.double.succeeded().len(), shop.upstream.hits()), (1, 4));
    assert_eq!(held(&seller, "payer/").await, "4.996 USD");

    let listed = reqwest::get(format!("{}/admin/payments", seller.admin)).await.unwrap();
    let listed: Value = listed.json().await.unwrap();
    let top_up = listed["payments"].as_array().unwrap().iter().find(|payment| payment["intent"] == "topup").unwrap();
    let place = format!("{}/admin/payments/{}/refund", seller.admin, top_up["id"].as_str().unwrap());
    let answer = reqwest::Client::new().post(place).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    assert_eq!(held(&seller, "payer/").await, "0.006 USD", "what is below a cent stays");
    let report = reconcile(&seller);
    assert_eq!(report["suspense"].as_array().map(Vec::len), Some(0), "{report}");
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_the_card_charge_fills_the_balance_once_and_serves_the_request() {
    let shop = Shop::new().await;
    let seller = shop.open();
    let home = wallet(&shop, &seller, "0.01 USD");
    good(home.path(), &["policy", "set", "--wallet", "agent", "--prepaid", "5 USD"]);
    shop.double.desk().expect("POST payment_intents", [Trouble::LostAfter; 2]);
    let url = format!("{}/small/x", seller.listen);
    let mut status = None;
    for _ in 0..20 {
        status = run(home.path(), &["pay", "--wallet", "agent", &url]).status.code();
        if status == Some(0) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(status, Some(0));
    assert_eq!((shop.double.succeeded().len(), shop.upstream.hits()), (1, 1));
    assert_eq!(held(&seller, "payer/").await, "4.999 USD");
    seller.verify_books();
}
