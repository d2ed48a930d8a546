//! What a server answers to a payment by x402, and what of that is believed.

use crate::x402_double;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use farthing_dialects::x402::{Network, PaymentPayload, Settled};
use farthing_money::Amount;
use farthing_rail::Became;
use farthing_wallet::Outcome;
use farthing_wallet::client::Settled as Found;
use farthing_wallet::policy::Rule;
use serde_json::json;
use x402_double::{Buyer, Shop, TRANSACTION, demand, encoded, entry, goods, list, plain, took};

const POLICY: &str = "total = \"0.025 USD\"";

/// A shop that demands one cent and answers a payment like this.
async fn answering(answer: impl Fn(&PaymentPayload) -> Response<Body> + Send + Sync + 'static) -> Shop {
    asking("exact", answer).await
}

async fn asking(
    scheme: &'static str,
    answer: impl Fn(&PaymentPayload) -> Response<Body> + Send + Sync + 'static,
) -> Shop {
    Shop::start(move |shop, seen| match seen.payment() {
        Some(payment) => answer(&payment),
        None => {
            let mut offer = entry("10000");
            offer["scheme"] = scheme.into();
            demand(&list(&shop.origin, vec![offer]))
        }
    })
    .await
}

/// Pays once, and asserts that the goods came and that it is not known whether they were paid for.
async fn unconfirmed(shop: &Shop, because: &str) -> Buyer {
    let buyer = Buyer::new(POLICY);
    let Outcome::Unconfirmed { response, cost, sentence } = buyer.pay(shop).await else { panic!("{because}") };
    assert!(sentence.contains(because), "{sentence}");
    assert_eq!((cost.to_string().as_str(), response.text().await.unwrap().as_str()), ("0.01 USD", "goods"));
    assert_eq!((buyer.inked.count(), shop.credentials()), (1, 1), "{because}: one signature, sent once");
    assert_eq!(buyer.counted().await, (0, 10_000), "{because}: it stays counted");
    buyer
}

#[tokio::test]
async fn c_13_an_outcome_that_is_missing_unreadable_or_negative_leaves_it_unknown() {
    unconfirmed(&answering(|_| Response::new("goods".into())).await, "says nothing").await;
    for (header, because) in [
        ("?".to_owned(), "cannot be read"),
        (encoded(&json!({})), "cannot be read"),
        (encoded(&json!({"success": "true", "transaction": TRANSACTION})), "cannot be read"),
        (encoded(&json!({"success": 1})), "cannot be read"),
        (encoded(&json!({"success": false, "errorReason": "insufficient_funds"})), "(insufficient_funds)"),
        (encoded(&json!({"success": true, "network": "eip155:84532", "transaction": ""})), "names no transaction"),
    ] {
        let shop = answering(move |_| {
            Response::builder().header("payment-response", header.as_str()).body("goods".into()).unwrap()
        });
        unconfirmed(&shop.await, because).await;
    }
}

#[tokio::test]
async fn c_13_an_outcome_about_another_network_payer_or_amount_is_no_word_on_this_payment() {
    type Change = fn(&mut Settled);
    let cases: [(Change, &str); 4] = [
        (|settled| settled.network = "eip155:8453".into(), "another network"),
        (|settled| settled.network = String::new(), "another network"),
        (|settled| settled.payer = Some("0x1111111111111111111111111111111111111111".into()), "another payer"),
        (|settled| settled.amount = Some(Amount::new(9_999)), "another amount"),
    ];
    for (change, because) in cases {
        let shop = answering(move |payment| {
            let mut settled = took(payment);
            change(&mut settled);
            goods(&settled)
        });
        unconfirmed(&shop.await, because).await;
    }
}

#[tokio::test]
async fn c_13_two_words_that_contradict_each_other_are_none() {
    let shop = answering(|payment| {
        let refused = Settled::failed("unexpected_settle_error", payment.network(), None);
        let mut response = goods(&took(payment));
        response.headers_mut().append("x-payment-response", refused.to_header().parse().unwrap());
        response
    });
    unconfirmed(&shop.await, "did not take").await;
}

#[tokio::test]
async fn an_outcome_is_read_under_each_of_its_names() {
    for name in ["PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE", "Payment-Response"] {
        let shop = answering(move |payment| {
            Response::builder().header(name, took(payment).to_header()).body("goods".into()).unwrap()
        })
        .await;
        let Outcome::Paid { receipt: Some(receipt), .. } = Buyer::new(POLICY).pay(&shop).await else {
            panic!("{name}")
        };
        assert_eq!(receipt.reference, TRANSACTION);
    }
}

#[tokio::test]
async fn of_a_metered_offer_less_may_be_taken_and_nothing_needs_no_transaction() {
    for (amount, transaction) in [(4_000, TRANSACTION), (10_000, TRANSACTION), (0, "")] {
        let shop = asking("upto", move |payment| {
            let settled = Settled { amount: Some(Amount::new(amount)), ..took(payment) };
            goods(&Settled { transaction: transaction.into(), ..settled })
        })
        .await;
        assert!(matches!(Buyer::new(POLICY).pay(&shop).await, Outcome::Paid { .. }), "{amount}");
    }
    let more = asking("upto", |payment| goods(&Settled { amount: Some(Amount::new(10_001)), ..took(payment) }));
    unconfirmed(&more.await, "another amount").await;
}

#[tokio::test]
async fn i_06_what_was_delivered_without_a_word_is_not_bought_again_by_itself_and_the_chain_decides() {
    for (became, counted) in [(Became::Paid, (10_000, 0)), (Became::Never, (0, 0)), (Became::Unknown, (0, 10_000))] {
        let shop = answering(|payment| goods(&Settled::failed("settle_timeout", payment.network(), None))).await;
        let buyer = unconfirmed(&shop, "settle_timeout").await.reopened();
        buyer.inked.say(became);
        buyer.client.settle().await.unwrap();
        assert_eq!((shop.credentials(), buyer.counted().await), (1, counted), "{became:?}: nothing was sent again");
    }
}

#[tokio::test]
async fn what_the_server_does_not_say_and_the_chain_knows_is_known() {
    let shop = answering(|payment| goods(&Settled::failed("settle_timeout", payment.network(), None))).await;
    let buyer = Buyer::new(POLICY);
    buyer.inked.say(Became::Paid);
    assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { receipt: None, .. }));
    assert_eq!(buyer.counted().await, (10_000, 0));
}

#[tokio::test]
async fn what_ended_without_being_taken_makes_room_for_the_same_call_and_is_not_shown_again() {
    let shown = AtomicUsize::new(0);
    let shop = answering(move |payment| match shown.fetch_add(1, Ordering::SeqCst) {
        0..3 => plain(500),
        _ => goods(&took(payment)),
    })
    .await;
    let buyer = Buyer::new("total = \"0.01 USD\"");
    assert!(matches!(buyer.pay(&shop).await, Outcome::Unknown { repeatable: true, .. }));
    buyer.inked.say(Became::Never);
    let later = x402_double::now().after(Duration::from_secs(61));
    let buyer = buyer.reopened_at(later);
    assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
    assert_eq!((buyer.inked.count(), buyer.counted().await), (1, (10_000, 0)));
    assert!(shop.headers()[3] != shop.headers()[2], "another payment, with another nonce");
}

#[tokio::test]
async fn i_07_a_payment_that_is_taken_late_is_counted_once() {
    let shop = answering(|_| Response::new("goods".into())).await;
    let buyer = unconfirmed(&shop, "says nothing").await;
    assert_eq!(buyer.client.settle().await.unwrap(), Found { unknown: 1, ..Found::default() });
    buyer.inked.say(Became::Paid);
    assert_eq!(buyer.client.settle().await.unwrap(), Found { paid: 1, ..Found::default() });
    assert_eq!(buyer.client.settle().await.unwrap(), Found::default());
    assert_eq!(buyer.counted().await, (10_000, 0));
}

#[tokio::test]
async fn i_05_c_04_a_402_to_every_payment_gets_one_signature_for_each_call_and_the_limit_holds() {
    let shop = Shop::start(|shop, _| {
        let mut list = list(&shop.origin, vec![entry("10000")]);
        list["error"] = "invalid_exact_evm_signature".into();
        demand(&list)
    })
    .await;
    let buyer = Buyer::new(POLICY);
    for call in 1..=2 {
        let Outcome::Unknown { sentence, repeatable: false, .. } = buyer.pay(&shop).await else { panic!("known") };
        assert!(sentence.contains("(invalid_exact_evm_signature)"), "{sentence}");
        assert_eq!((buyer.inked.count(), shop.credentials()), (call, call));
        assert_eq!(buyer.counted().await.1, 10_000 * u64::try_from(call).unwrap());
    }
    let refused = buyer.pay(&shop).await;
    assert!(matches!(refused, Outcome::Refused { rule: Some(Rule::Total), .. }), "{refused:?}");
    assert_eq!((buyer.inked.count(), shop.credentials()), (2, 2));
    buyer.inked.say(Became::Never);
    assert!(
        matches!(buyer.pay(&shop).await, Outcome::Unknown { .. }),
        "what can no longer be taken gives its room back"
    );
}

#[tokio::test]
async fn the_reason_of_a_refusal_is_shown_from_wherever_it_stands() {
    let failed = |network: &Network| Settled::failed("nonce_already_used", network, None).to_header();
    let in_header = answering(move |payment| {
        let header = failed(payment.network());
        Response::builder().status(402).header("payment-response", header).body("{}".into()).unwrap()
    });
    let in_body = answering(|_| {
        let body = json!({"error": "nonce_already_used", "payer": "0x0"}).to_string();
        Response::builder().status(402).body(body.into()).unwrap()
    });
    for shop in [in_header.await, in_body.await] {
        let Outcome::Unknown { sentence, .. } = Buyer::new(POLICY).pay(&shop).await else { panic!("known") };
        assert!(sentence.contains("(nonce_already_used)"), "{sentence}");
    }
}

#[tokio::test]
async fn a_payment_that_is_still_being_settled_is_shown_again_and_not_signed_again() {
    let shown = AtomicUsize::new(0);
    let shop = Shop::start(move |shop, seen| match seen.payment() {
        Some(payment) if shown.fetch_add(1, Ordering::SeqCst) > 0 => goods(&took(&payment)),
        paid => {
            let mut list = list(&shop.origin, vec![entry("10000")]);
            list["error"] = paid.map_or("payment required", |_| "settlement_pending").into();
            demand(&list)
        }
    })
    .await;
    let buyer = Buyer::new(POLICY);
    assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
    assert_eq!((buyer.inked.count(), shop.credentials()), (1, 2));
    assert_eq!(shop.headers()[0], shop.headers()[1]);
}

#[tokio::test]
async fn a_missing_allowance_is_said_with_what_to_do_and_the_same_call_shows_the_same_payment() {
    let asked = AtomicUsize::new(0);
    let shop = answering(move |payment| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Response::builder().status(412).body("{\"error\":\"permit2_allowance_required\"}".into()).unwrap(),
        _ => goods(&took(payment)),
    })
    .await;
    let buyer = Buyer::new(POLICY);
    let Outcome::Unknown { sentence, repeatable: true, .. } = buyer.pay(&shop).await else { panic!("not said") };
    assert!(sentence.contains("Permit2") && sentence.contains("make the same call again"), "{sentence}");
    assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
    assert_eq!((buyer.inked.count(), shop.headers().len()), (1, 2));
    assert_eq!(shop.headers()[0], shop.headers()[1]);
}

#[tokio::test]
async fn a_server_s_own_error_keeps_the_payment_counted_and_the_same_call_shows_it_again() {
    for status in [400, 404, 409] {
        let shop = answering(move |_| Response::builder().status(status).body("no".into()).unwrap()).await;
        let buyer = Buyer::new(POLICY);
        for _ in 0..2 {
            assert!(matches!(buyer.pay(&shop).await, Outcome::ServerError { .. }));
        }
        assert_eq!((buyer.inked.count(), buyer.counted().await), (1, (0, 10_000)));
        assert_eq!(shop.headers()[0], shop.headers()[1]);
    }
    let down = answering(|_| plain(500)).await;
    let buyer = Buyer::new(POLICY);
    assert!(matches!(buyer.pay(&down).await, Outcome::Unknown { repeatable: true, .. }));
    assert_eq!(buyer.inked.count(), 1);
}
