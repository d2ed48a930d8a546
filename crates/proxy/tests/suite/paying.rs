//! Agents buy through a proxy: whatever speaks HTTP to it pays, within its wallet's policy.

use crate::double;
use crate::street;

use double::{Act, Asked, Seller};
use farthing_protocol::ProblemType;
use street::Street;

const POLICY: &str = "total = \"0.003 USD\"";

#[tokio::test]
async fn a_request_is_paid_for_and_its_answer_passed_on() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    let answer = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["farthing-paid"], "0.001 USD");
    assert!(answer.headers().contains_key("payment-receipt"));
    assert_eq!(answer.text().await.unwrap(), "goods");
    let free = street.agent().get(seller.url("/free")).send().await.unwrap();
    assert_eq!((free.status().as_u16(), free.headers().get("farthing-paid")), (200, None));
    let spent = street.tally.spent();
    assert_eq!((spent.len(), spent[0].payments, spent[0].cost.to_string()), (1, 1, "0.001 USD".to_owned()));
    assert_eq!(spent[0].origin, seller.origin);
}

#[tokio::test]
async fn an_upload_and_the_agent_s_own_headers_arrive_with_the_payment() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    let request = street.agent().post(seller.url("/goods")).body("a question");
    let answer = request.header("x-api-key", "of the agent").header("cookie", "a=1").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let paid = seller.seen().pop().unwrap();
    assert_eq!((paid.line.as_str(), paid.body.as_ref()), ("POST /goods", b"a question".as_slice()));
    assert_eq!(
        (&paid.headers["x-api-key"], &paid.headers["cookie"]),
        (&"of the agent".parse().unwrap(), &"a=1".parse().unwrap())
    );
    for asked in seller.seen() {
        assert!(!asked.headers.contains_key("proxy-authorization"), "{}", asked.line);
        assert!(!asked.headers.contains_key("proxy-connection"), "{}", asked.line);
    }
}

#[tokio::test]
async fn the_agent_s_own_authorization_reaches_the_server() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    let request = street.agent().get(seller.url("/free")).bearer_auth("of-the-agent");
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(seller.seen()[0].headers["authorization"], "Bearer of-the-agent");
}

#[tokio::test]
async fn what_the_policy_refuses_is_a_402_with_the_rule() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, "total = \"0.0005 USD\"").await;
    let answer = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["farthing-refusal"]), (402, &"policy".parse().unwrap()));
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: serde_json::Value = answer.json().await.unwrap();
    assert_eq!((&problem["rule"], &problem["wallet"]), (&"total".into(), &"agent".into()));
    assert!(problem["detail"].as_str().unwrap().contains("0.0005 USD"), "{problem}");
    assert_eq!((seller.presentations(), street.tally.spent().len()), (0, 0));
}

#[tokio::test]
async fn what_cannot_be_paid_is_the_seller_s_own_402() {
    let seller = Seller::offering(vec![Asked { method: "pigeon", ..Asked::default() }]).await;
    let street = Street::open(&seller, POLICY).await;
    let answer = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["farthing-refusal"]), (402, &"no-offer".parse().unwrap()));
    assert!(answer.headers()["www-authenticate"].to_str().unwrap().contains("pigeon"));
    assert!(answer.headers().contains_key("farthing-reason"));
}

#[tokio::test]
async fn an_unknown_outcome_is_a_503_and_the_same_call_pays_nothing_anew() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    seller.will([Act::TakeAndAnswer(503), Act::TakeAndAnswer(503), Act::TakeAndAnswer(503)]);
    let answer = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["farthing-refusal"]), (503, &"unknown".parse().unwrap()));
    assert!(answer.headers().contains_key("retry-after"));
    let again = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((again.status().as_u16(), seller.credentials()), (200, 1));
}

#[tokio::test]
async fn a_price_that_is_named_anew_is_paid() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    seller.will([Act::Refuse(ProblemType::VerificationFailed)]);
    assert_eq!(street.agent().get(seller.url("/goods")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_redirect_is_the_agent_s_to_follow() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    let answer = street.agent().get(seller.url("/redirect-to/10.0.0.1")).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (302, &"http://10.0.0.1/arrived".parse().unwrap())
    );
    assert_eq!(seller.seen().len(), 1);
}

#[tokio::test]
async fn an_upload_too_long_to_keep_is_sent_through_but_not_paid_for() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    let long = vec![b'x'; street::UPLOAD_BYTES + 1];
    let answer = street.agent().post(seller.url("/free")).body(long.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(seller.seen()[0].body.len(), long.len());
    let answer = street.agent().post(seller.url("/goods")).body(long).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["farthing-refusal"]),
        (402, &"upload-too-long".parse().unwrap())
    );
    assert_eq!(seller.presentations(), 0);
    let fits = vec![b'x'; street::UPLOAD_BYTES];
    assert_eq!(street.agent().post(seller.url("/goods")).body(fits).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_frozen_wallet_pays_nothing_and_what_is_free_stays_free() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, POLICY).await;
    double::wallets(street.home.path()).freeze(&double::AGENT.parse().unwrap()).unwrap();
    let answer = street.agent().get(seller.url("/goods")).send().await.unwrap();
    let problem: serde_json::Value = answer.json().await.unwrap();
    assert_eq!((&problem["rule"], seller.presentations()), (&"frozen".into(), 0));
    assert_eq!(street.agent().get(seller.url("/free")).send().await.unwrap().status(), 200);
}
