//! What a program is told while a person is asked, and when nobody knows what became of a payment.

use crate::double;
use crate::street;

use double::{Act, Seller};
use farthing_wallet::{ApprovalId, PassphraseSource, Reply};
use serde_json::Value;
use street::Street;

const ASKS: &str = "total = \"0.005 USD\"\n[ask]\namount_above = \"0.0005 USD\"";

async fn answer(street: &Street, id: ApprovalId, allow: bool) {
    let desk = double::wallets(street.home.path()).desk(None).unwrap().opened_by(PassphraseSource::KeyFile);
    let reply = Reply { allow, reason: Some("too dear".to_owned()), by: "owner".to_owned() };
    desk.answer(id, &reply).await.unwrap();
}

/// The question that a request is answered with.
async fn asked(street: &Street, seller: &Seller) -> ApprovalId {
    let answer = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["farthing-refusal"]), (402, &"approval".parse().unwrap()));
    assert!(answer.headers().contains_key("retry-after"));
    let id = answer.headers()["farthing-approval"].to_str().unwrap().to_owned();
    assert!(!answer.headers().contains_key("www-authenticate"), "the price is not for the agent to pay another way");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!((&problem["approval"], &problem["wallet"]), (&id.as_str().into(), &"agent".into()));
    assert!(problem["detail"].as_str().unwrap().contains(&format!("farthing approvals allow {id}")), "{problem}");
    assert!(problem["until"].is_string(), "{problem}");
    id.parse().unwrap()
}

#[tokio::test]
async fn what_a_person_allows_is_paid_once_by_the_same_request() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, ASKS).await;
    let question = asked(&street, &seller).await;
    assert_eq!((asked(&street, &seller).await, seller.presentations()), (question, 0));
    answer(&street, question, true).await;
    let paid = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((paid.status().as_u16(), &paid.headers()["farthing-paid"]), (200, &"0.001 USD".parse().unwrap()));
    assert_ne!(asked(&street, &seller).await, question, "one answer is for one payment");
    assert_eq!((seller.charges(), seller.presentations()), (1, 1));
}

#[tokio::test]
async fn what_a_person_denies_is_a_refusal_with_their_reason() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, ASKS).await;
    let question = asked(&street, &seller).await;
    answer(&street, question, false).await;
    let denied = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((denied.status().as_u16(), &denied.headers()["farthing-refusal"]), (402, &"policy".parse().unwrap()));
    let problem: Value = denied.json().await.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("too dear"), "{problem}");
    assert_eq!(seller.presentations(), 0);
}

#[tokio::test]
async fn w_21_a_server_that_dies_after_it_was_paid_is_not_paid_again() {
    let seller = Seller::start().await;
    let street = Street::open(&seller, "total = \"0.005 USD\"").await;
    seller.will([Act::TakeAndHangUp, Act::TakeAndHangUp, Act::TakeAndHangUp]);
    let lost = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((lost.status().as_u16(), &lost.headers()["farthing-refusal"]), (503, &"unknown".parse().unwrap()));
    assert!(lost.headers().contains_key("retry-after"));
    assert_eq!((seller.credentials(), seller.charges()), (1, 1));
    let again = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((again.status().as_u16(), again.text().await.unwrap().as_str()), (200, "goods"));
    assert_eq!((seller.credentials(), seller.charges()), (1, 1), "the same payment was shown again");
    let other = street.agent().get(seller.url("/goods")).send().await.unwrap();
    assert_eq!((other.status().as_u16(), seller.credentials()), (200, 2), "what comes next is another purchase");
}
