//! A price that no rail can carry, paid by topping up a balance: the wallet under its own cap, and `kill -9` between
//! the two payments that one credential makes.

use crate::support;

use serde_json::Value;
use support::agent::Agent;
use support::seller::Seller;
use support::upstream::Upstream;

/// A gateway that takes balances, and tops them up over a rail that moves no money.
fn config(upstream: &str) -> String {
    format!(
        r#"
[gateway]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
realm = "shop.example"
secret = "a secret for tests that is long enough to bind"
store = "sqlite:farthing.db"
development = true

[rails.balance]
asset = "USD"

[rails.simulated]
script = ["settle"]
memory = "takings.txt"
top_up = "5 USD"

[[route]]
match = "GET /v1/{{*rest}}"
upstream = "{upstream}"
price = "0.001 USD"
accept = ["balance/charge", "simulated/topup"]
"#
    )
}

async fn accounts(seller: &Seller) -> Value {
    reqwest::get(format!("{}/admin/accounts", seller.admin)).await.unwrap().json().await.unwrap()
}

/// What an account holds, in its own units.
fn held(accounts: &Value, name: &str) -> String {
    let all = accounts["accounts"].as_array().unwrap();
    let found = all.iter().find(|account| account["account"].as_str().unwrap().starts_with(name));
    found.map_or("nothing".to_owned(), |account| account["balance"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_tops_up_under_its_own_cap_and_pays_out_of_that_from_then_on() {
    let (directory, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let seller = Seller::start(directory.path(), &config(&upstream.url()), &[]);
    let agent = Agent::new();
    let url = format!("{}/v1/x", seller.listen);
    agent.must(&["wallet", "create", "agent"]).await;
    agent.must(&["policy", "set", "--total", "0.01 USD", "--per-payment", "0.002 USD"]).await;

    let refused = agent.run(&["pay", &url]).await;
    assert_eq!(refused.code, 3, "{}", refused.error);
    assert!(refused.error.contains("prepaid"), "{}", refused.error);
    assert_eq!(held(&accounts(&seller).await, "payer/"), "nothing");

    agent.must(&["policy", "set", "--prepaid", "5 USD"]).await;
    for _ in 0..3 {
        assert!(agent.must(&["pay", &url]).await.starts_with("content of /v1/x"));
    }
    let after = accounts(&seller).await;
    assert_eq!((held(&after, "payer/").as_str(), held(&after, "revenue/").as_str()), ("4.997 USD", "0.003 USD"));
    let shown: Value = agent.json(&["wallet", "show", "agent", "--json"]).await;
    assert_eq!(shown["accounts"][0]["spent"], "0.002 USD", "what is prepaid, the first request in it, is not: {shown}");
    assert_eq!(upstream.hits(), 3);
    seller.verify_books();

    // What is left goes back the way it came, whole.
    let payments: Value = reqwest::get(format!("{}/admin/payments", seller.admin)).await.unwrap().json().await.unwrap();
    let top_up = payments["payments"].as_array().unwrap().iter().find(|payment| payment["intent"] == "topup").unwrap();
    let place = format!("{}/admin/payments/{}/refund", seller.admin, top_up["id"].as_str().unwrap());
    let answer = reqwest::Client::new().post(place).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    assert_eq!(held(&accounts(&seller).await, "payer/"), "0 USD");
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_top_up_above_the_cap_is_refused_with_the_rule() {
    let (directory, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let dear = config(&upstream.url()).replace("price = \"0.001 USD\"", "price = \"3 USD\"");
    let seller = Seller::start(directory.path(), &dear, &[]);
    let agent = Agent::new();
    let url = format!("{}/v1/x", seller.listen);
    agent.must(&["wallet", "create", "agent"]).await;
    agent.must(&["policy", "set", "--total", "100 USD", "--prepaid", "9 USD"]).await;
    agent.must(&["pay", &url]).await;
    let refused = agent.run(&["pay", &url]).await;
    assert_eq!(refused.code, 3, "{}", refused.error);
    assert!(refused.error.contains("prepaid limit of 9 USD"), "{}", refused.error);
    assert_eq!(held(&accounts(&seller).await, "payer/"), "2 USD");
    seller.verify_books();
}

#[cfg(feature = "failpoints")]
mod crashes {
    use farthing_gateway::failpoint::STEPS;
    use farthing_protocol::Challenge;
    use reqwest::Method;
    use reqwest::StatusCode;

    use super::support::buyer::Buyer;
    use super::*;

    async fn top_up_of(buyer: &Buyer, url: &str) -> Challenge {
        let offered = buyer.challenges(Method::GET, url).await;
        offered.into_iter().find(|challenge| challenge.intent().as_str() == "topup").unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_top_up_survives_a_crash_at_every_step_and_is_taken_once() {
        for step in STEPS {
            let (directory, upstream, buyer) = (tempfile::tempdir().unwrap(), Upstream::start().await, Buyer::new());
            let config = config(&upstream.url());
            let mut doomed = Seller::start(directory.path(), &config, &[("FARTHING_FAILPOINT", step)]);
            let credential = buyer.sign(&top_up_of(&buyer, &format!("{}/v1/x", doomed.listen)).await);
            let answer = buyer.get(&format!("{}/v1/x", doomed.listen), &credential).send().await;
            let mut has_answer = match answer {
                Ok(answer) if answer.status() == StatusCode::OK => answer.bytes().await.is_ok(),
                _ => false,
            };
            doomed.wait_for_death();

            let seller = Seller::start(directory.path(), &config, &[]);
            let url = format!("{}/v1/x", seller.listen);
            let mut status = StatusCode::SERVICE_UNAVAILABLE;
            for _ in 0..100 {
                status = buyer.get(&url, &credential).send().await.unwrap().status();
                has_answer |= status == StatusCode::OK;
                if ![StatusCode::SERVICE_UNAVAILABLE, StatusCode::CONFLICT].contains(&status) {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            if !has_answer {
                // The rail was never asked, and is not asked any more.
                let taken = std::fs::read_to_string(directory.path().join("takings.txt")).unwrap_or_default();
                assert_eq!((status.as_u16(), taken.as_str()), (402, ""), "{step}: topped up and not served");
                seller.verify_books();
                continue;
            }
            let again = buyer.get(&url, &credential).send().await.unwrap().status();
            assert_eq!(again, StatusCode::PAYMENT_REQUIRED, "{step}: what is delivered is used up");
            let after = accounts(&seller).await;
            let figures = (held(&after, "payer/"), held(&after, "revenue/"));
            assert_eq!(figures, ("4.999 USD".to_owned(), "0.001 USD".to_owned()), "{step}");
            seller.verify_books();
        }
    }
}
