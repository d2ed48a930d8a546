//! Keys and tokens of a full run, at trace level, are searched for wherever they could have leaked.

use std::path::Path;

use farthing_testing_stripe::{SELLER_KEY, Trouble};

use crate::shop::{Shop, WEBHOOK_SECRET, reconcile};

#[tokio::test(flavor = "multi_thread")]
async fn s_32_no_key_and_no_token_is_found_anywhere() {
    let shop = Shop::new().await;
    let seller = shop.open();
    shop.double.desk().expect("POST payment_intents", [Trouble::LostAfter]);
    let mut told = String::new();
    for method in ["pm_card_visa", "pm_card_chargeDeclined", "pm_card_authenticationRequired", "pm_card_visa"] {
        let credential = shop.credential(&seller, method).await;
        told.push_str(&shop.present_until_known(&seller, &credential).await.text().await.unwrap());
    }
    // A token that was used: Stripe's message repeats it.
    let url = format!("{}/card/x", seller.listen);
    let spt = shop.double.desk().tokens.keys().next().unwrap().clone();
    shop.double.desk().tokens.get_mut(&spt).unwrap()["used"] = true.into();
    let challenge = shop.buyer.challenges(reqwest::Method::GET, &url).await.remove(0);
    let odd = shop.buyer.with_payload(&challenge, serde_json::json!({ "spt": format!("{spt}x") }));
    told.push_str(&shop.present(&seller, &odd).await.unwrap().text().await.unwrap());
    told.push_str(&reconcile(&seller).to_string());

    let mut places = vec![("the gateway's log".to_owned(), seller.log()), ("what was told".to_owned(), told)];
    for path in ["/metrics", "/admin/payments", "/admin/accounts"] {
        let text = reqwest::get(format!("{}{path}", seller.admin)).await.unwrap().text().await.unwrap();
        places.push((path.to_owned(), text));
    }
    files_under(shop.path(), &mut places);
    for secret in [SELLER_KEY, WEBHOOK_SECRET, "spt_1Double"] {
        for (place, text) in &places {
            assert!(!text.contains(secret), "{secret} is in {place}");
        }
    }
}

fn files_under(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, found);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}
