//! The books against Stripe's balance transactions.

use std::process::Command;

use serde_json::Value;

use crate::shop::{Shop, reconcile};
use crate::support::FARTHING;

fn admin(seller: &crate::support::seller::Seller, path: &str) -> String {
    format!("{}{path}", seller.admin)
}

/// Pays a payment back. Until its delivery is written down, which is a moment after it went out, it is in flight.
async fn refund(seller: &crate::support::seller::Seller, id: &str) {
    let url = admin(seller, &format!("/admin/payments/{id}/refund"));
    for _ in 0..600 {
        let order = reqwest::Client::new().post(&url).json(&serde_json::json!({ "reason": "a test" }));
        let answer = order.send().await.unwrap();
        if answer.status() != 409 {
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the payment stays in flight");
}

#[tokio::test(flavor = "multi_thread")]
async fn s_33_charges_refunds_and_fees_come_to_stripe_s_balance_to_the_last_cent() {
    let shop = Shop::new().await;
    let seller = shop.open();
    for _ in 0..3 {
        let credential = shop.credential(&seller, "pm_card_visa").await;
        assert_eq!(shop.present(&seller, &credential).await.unwrap().status(), 200);
    }
    let payments = reqwest::get(admin(&seller, "/admin/payments")).await.unwrap().text().await.unwrap();
    let payments: Value = serde_json::from_str(&payments).unwrap();
    let id = payments["payments"][0]["id"].as_str().unwrap_or_else(|| panic!("{payments}")).to_owned();
    refund(&seller, &id).await;
    shop.double.desk().transaction("payout", "po_1", -300, 0, "usd");

    let report = reconcile(&seller);
    assert_eq!(report["clean"], true, "{report}");
    let accounts = reqwest::get(admin(&seller, "/admin/accounts")).await.unwrap().text().await.unwrap();
    let accounts: Value = serde_json::from_str(&accounts).unwrap();
    let of = |name: &str| {
        let list = accounts["accounts"].as_array().unwrap_or_else(|| panic!("{accounts}"));
        let found = list.iter().find(|account| account["account"].as_str().is_some_and(|text| text.starts_with(name)));
        found.map_or("0 USD".to_owned(), |account| account["balance"].to_string().trim_matches('"').to_owned())
    };
    let cents = shop.double.desk().balance();
    let balance = format!("{}.{:02} USD", cents / 100, cents % 100);
    assert_eq!((of("confirmed/stripe"), of("clearing/stripe")), (balance, "0 USD".to_owned()), "{accounts}");
    seller.verify_books();

    // Three sales of five dollars, of which one went back: what all three fees were, for a dollar that stayed.
    let fees = Command::new(FARTHING).args(["books", "fees", "--json", "--data"]).arg(shop.path()).output().unwrap();
    let fees: Value = serde_json::from_slice(&fees.stdout).unwrap();
    let line = &fees["rails"][0];
    let read = |member: &str| line[member].as_str().unwrap().parse::<u128>().unwrap();
    assert_eq!((read("sold"), read("refunds"), read("kept")), (1_500, 500, 1_000), "{fees}");
    assert_eq!((line["rail"].as_str(), read("cost")), (Some("stripe"), read("fees") + read("other_fees")), "{fees}");
    let spent: Value = of("fees/stripe").into();
    assert_eq!(spent, format!("{}.{:02} USD", read("cost") / 100, read("cost") % 100).as_str(), "{accounts}");
    let per_dollar = farthing_money::Amount::new(read("cost") * 1_000).to_decimal(6);
    assert_eq!(line["cost_per_unit"], per_dollar.as_str(), "{fees}");
}
