//! W-06: what a payment goes out in is shown to the origin of the offer, and to nobody to whom that sends it on.

use axum::body::Body;
use axum::http::Response;
use farthing_wallet::policy::Rule;
use farthing_wallet::{Outcome, PayingMiddleware};

use crate::raw::{Piece, Raw, has_credential, head, honest_offer, offer};
use crate::x402_double::{Buyer, Shop, demand, entry, list, old_demand, old_entry};
use crate::{POLICY, buyer, session_double, unpaid};

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

/// A server that sends every payment on to `target` by this status, and asks for one by `offer`.
async fn sending_on(status: u16, target: String, offer: fn(&str) -> String) -> Raw {
    Raw::start(move |server, asked| {
        vec![Piece::Say(match has_credential(asked) {
            true => head(&format!("{status} Elsewhere"), &[("location", &target)]),
            false => head("402 Payment Required", &[("www-authenticate", &offer(&server.origin))]),
        })]
    })
    .await
}

/// The ways in which a server can write the address of another.
fn addresses(of: &str) -> [String; 4] {
    let authority = of.strip_prefix("http://").unwrap();
    [
        format!("{of}/take"),
        format!("//{authority}/take"),
        format!("http://user:word@{authority}/"),
        format!("\\\\{authority}/"),
    ]
}

#[tokio::test]
async fn w_06_no_kind_of_redirect_takes_a_payment_of_the_scheme_to_another_origin() {
    let (thief, (_home, client)) = (Raw::saying(head("200 OK", &[])).await, buyer());
    let mut bought = 0;
    for status in STATUSES {
        for target in addresses(&thief.origin) {
            let shop = sending_on(status, target.clone(), honest_offer).await;
            bought += 1;
            for call in 1..=2 {
                let outcome = client.pay(shop.get("/report"), None).await.unwrap();
                assert!(matches!(outcome, Outcome::ServerError { .. }), "{status} {target}: {outcome:?}");
                assert_eq!(
                    (shop.credentials(), crate::double::counted(client.wallet()).await),
                    (call, (0, 1000 * bought))
                );
            }
            let heads = shop.heads();
            let shown: Vec<_> = heads.iter().filter(|head| has_credential(head)).map(|head| credential(head)).collect();
            assert_eq!(shown[0], shown[1], "the second call shows the payment of the first");
        }
    }
    assert!(thief.heads().is_empty(), "{:?}", thief.heads());
}

fn credential(head: &str) -> String {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:"));
    line.unwrap().to_owned()
}

#[tokio::test]
async fn w_06_no_kind_of_redirect_takes_a_payment_of_x402_to_another_origin() {
    let (thief, buyer) = (Shop::start(|_, _| Response::new(Body::empty())).await, Buyer::new("total = \"1 USD\""));
    let mut bought = 0;
    for is_old in [false, true] {
        for status in STATUSES {
            let to = format!("{}/take", thief.origin);
            let shop = Shop::start(move |shop, seen| match (seen.payment(), is_old) {
                (Some(_), _) => {
                    Response::builder().status(status).header("location", to.as_str()).body(Body::empty()).unwrap()
                }
                (None, false) => demand(&list(&shop.origin, vec![entry("10000")])),
                (None, true) => old_demand(vec![old_entry(&shop.origin, "10000")]),
            })
            .await;
            bought += 1;
            assert!(matches!(buyer.pay(&shop).await, Outcome::ServerError { .. }), "{status}");
            assert_eq!((shop.credentials(), buyer.inked.count()), (1, bought));
        }
    }
    assert!(thief.seen().is_empty());
}

#[tokio::test]
async fn w_06_neither_a_deposit_nor_a_voucher_of_a_session_is_sent_on() {
    let thief = Raw::saying(head("200 OK", &[])).await;
    let directory = tempfile::tempdir().unwrap();
    crate::double::create(directory.path(), Some(POLICY));
    let client = session_double::client(directory.path());
    let shop = session_double::Shop::start().await;
    let target = || session_double::Act::Redirect(format!("{}/take", thief.origin));
    shop.will([target()]);
    let opening = client.pay(shop.get("/"), None).await.unwrap();
    assert!(!matches!(opening, Outcome::Paid { .. }), "{opening:?}");
    assert!(matches!(client.pay(shop.get("/"), None).await.unwrap(), Outcome::Paid { .. }));
    shop.will([target()]);
    let voucher = client.pay(shop.get("/"), None).await.unwrap();
    assert!(!matches!(voucher, Outcome::Paid { .. }), "{voucher:?}");
    assert_eq!(shop.channels().len(), 1, "what was signed to open it opened it in the end");
    assert!(thief.heads().is_empty());
}

#[tokio::test]
async fn w_06_a_client_that_follows_redirects_by_itself_carries_no_payment_along() {
    let thief = Raw::saying(head("200 OK", &[])).await;
    let to = format!("{}/take", thief.origin);
    let beside = |origin: &str| offer(origin, |offer| offer.push(("header", "\"Payment-Authorization\"".to_owned())));
    for (offered, shown) in [(honest_offer as fn(&str) -> String, 1), (beside, 0)] {
        let (shop, (_home, client)) = (sending_on(307, to.clone(), offered).await, buyer());
        let following = reqwest::Client::new();
        let paying = reqwest_middleware::ClientBuilder::new(following).with(PayingMiddleware::new(client)).build();
        let answered = paying.get(format!("{}/report", shop.origin)).send().await;
        assert_eq!((answered.is_ok(), shop.credentials()), (shown == 1, shown));
    }
    assert!(thief.heads().iter().all(|head| !has_credential(head)), "{:?}", thief.heads());
}

#[tokio::test]
async fn w_06_an_offer_of_another_origin_is_not_paid() {
    let (other, (_home, client)) = (Raw::start(|server, _| asking(&server.origin)).await, buyer());
    let issuer = other.origin.clone();
    let relay = Raw::start(move |_, _| asking(&issuer)).await;
    let said = unpaid(client.pay(relay.get("/report"), None).await.unwrap());
    assert!(said.contains("the offer came from"), "{said}");
    let to = format!("{}/report", other.origin);
    let mover = Raw::start(move |_, _| vec![Piece::Say(head("307 Elsewhere", &[("location", &to)]))]).await;
    let outcome = client.pay(mover.get("/report"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::Redirect), .. }), "{outcome:?}");
    assert_eq!(relay.credentials() + mover.credentials() + other.credentials(), 0);
}

fn asking(origin: &str) -> Vec<Piece> {
    vec![Piece::Say(head("402 Payment Required", &[("www-authenticate", &honest_offer(origin))]))]
}
