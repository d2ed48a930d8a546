//! What pays on behalf of other HTTP clients pays by the same path, and is attacked in the same ways.

use std::time::Duration;

use bytes::Bytes;
use farthing_wallet::PayingLayer;
use farthing_wallet::client::{NotPaid, Order, Paid, PayingService, Unconfirmed};
use farthing_wallet::policy::Rule;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tower::{BoxError, Layer as _, ServiceExt as _};

use crate::double::{Act, Seller, counted};
use crate::raw::{Piece, Raw, has_credential, head, honest_offer};
use crate::x402_double::{Buyer, Shop, entry, list};
use crate::{buyer, double};

type Http = Client<HttpConnector, Full<Bytes>>;

fn hyper() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

fn get(url: impl AsRef<str>) -> http::Request<Full<Bytes>> {
    http::Request::get(url.as_ref()).body(Full::default()).unwrap()
}

async fn ask(
    service: &PayingService<Http>,
    request: http::Request<Full<Bytes>>,
) -> Result<http::Response<reqwest::Body>, BoxError> {
    service.clone().oneshot(request).await
}

/// Why a request has no response.
async fn refusal(service: &PayingService<Http>, request: http::Request<Full<Bytes>>) -> NotPaid {
    *ask(service, request).await.map(drop).unwrap_err().downcast().unwrap()
}

#[tokio::test]
async fn a_tower_service_pays_and_says_what_it_cost() {
    let (seller, (_home, client)) = (Seller::start().await, buyer());
    let service = PayingLayer::without_redirects(client.clone()).layer(hyper());
    let request = http::Request::post(seller.url("/v1").as_str()).header("x-mine", "kept");
    let answer = ask(&service, request.body(Full::from("{\"city\":\"Bern\"}")).unwrap()).await.unwrap();
    let paid = answer.extensions().get::<Paid>().unwrap().clone();
    assert_eq!((paid.cost.to_string().as_str(), paid.receipt.unwrap().reference.as_str()), ("0.001 USD", "transfer-1"));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "goods");
    assert!(seller.seen().iter().all(|seen| seen.body == "{\"city\":\"Bern\"}" && seen.headers["x-mine"] == "kept"));
    assert_eq!(counted(client.wallet()).await, (1000, 0));
    let free = ask(&service, get(seller.url("/free"))).await.unwrap();
    assert!(free.extensions().get::<Paid>().is_none());
}

#[tokio::test]
async fn a_limit_of_one_request_and_the_policy_hold_for_a_service() {
    let (seller, (_home, client)) = (Seller::start().await, buyer());
    let service = PayingLayer::new(client.clone()).layer(hyper());
    let mut request = get(seller.url("/"));
    request.extensions_mut().insert(Order { max: Some("0.0005 USD".parse().unwrap()), ..Order::default() });
    let why = refusal(&service, request).await;
    assert!(matches!(why, NotPaid::Refused { rule: Some(Rule::Max), .. }), "{why:?}");
    assert_eq!((seller.presentations(), counted(client.wallet()).await), (0, (0, 0)));
}

#[tokio::test]
async fn w_21_a_service_shows_one_payment_however_often_the_seller_fails() {
    let (seller, (_home, client)) = (Seller::start().await, buyer());
    let service = PayingLayer::new(client.clone()).layer(hyper());
    seller.will([503, 503, 503, 404].map(Act::TakeAndAnswer));
    let why = refusal(&service, get(seller.url("/"))).await;
    assert!(matches!(why, NotPaid::Unknown { repeatable: true, .. }), "{why:?}");
    let failed = ask(&service, get(seller.url("/"))).await.unwrap();
    assert_eq!(failed.extensions().get::<Unconfirmed>().unwrap().cost.to_string(), "0.001 USD");
    assert_eq!(failed.status(), 404);
    assert_eq!(ask(&service, get(seller.url("/"))).await.unwrap().status(), 200);
    assert_eq!((seller.credentials(), seller.charges(), counted(client.wallet()).await), (1, 1, (1000, 0)));
}

#[tokio::test]
async fn w_06_a_service_that_may_follow_redirects_gets_no_payment_that_it_could_carry_along() {
    let (buyer, shop) = (Buyer::new(crate::POLICY), Shop::honest(|origin| list(origin, vec![entry("10000")])).await);
    let url = format!("{}/report", shop.origin);
    let why = refusal(&PayingLayer::new(buyer.client.clone()).layer(hyper()), get(&url)).await;
    assert!(why.to_string().contains("carry across a redirect"), "{why}");
    assert_eq!((buyer.inked.count(), shop.credentials()), (0, 0));
    let staying = PayingLayer::without_redirects(buyer.client.clone()).layer(hyper());
    assert_eq!(ask(&staying, get(&url)).await.unwrap().status(), 200);
    assert_eq!((buyer.inked.count(), shop.credentials()), (1, 1));
}

#[tokio::test]
async fn w_06_a_service_follows_redirects_to_its_own_origin_and_takes_no_payment_to_another() {
    let thief = Raw::saying(head("200 OK", &[])).await;
    let to = format!("{}/take", thief.origin);
    let shop = Raw::start(move |server, asked| {
        vec![Piece::Say(match (has_credential(asked), asked.starts_with("GET /moved")) {
            (true, true) => head("307 Elsewhere", &[("location", "/here")]),
            (true, false) => head("307 Elsewhere", &[("location", &to)]),
            (false, _) => head("402 Payment Required", &[("www-authenticate", &honest_offer(&server.origin))]),
        })]
    })
    .await;
    let (_home, client) = buyer();
    let service = PayingLayer::without_redirects(client).layer(hyper());
    let answer = ask(&service, get(format!("{}/moved", shop.origin))).await.unwrap();
    assert!(answer.status() == 307 && answer.extensions().get::<Unconfirmed>().is_some());
    assert_eq!((shop.credentials(), thief.heads().len()), (2, 0));
}

#[tokio::test]
async fn w_34_a_service_that_never_answers_and_a_body_without_end_are_given_up() {
    let (shop, (_home, client)) = (Raw::start(|_, _| vec![Piece::Silence]).await, buyer());
    let service = PayingLayer::new(client).layer(hyper());
    let error = ask(&service, get(&shop.origin)).await.map(drop).unwrap_err().to_string();
    assert!(error.contains("did not answer in time"), "{error}");
    let long = http::Request::post(&shop.origin).body(Full::from(vec![b'x'; 17 * 1024 * 1024])).unwrap();
    assert!(ask(&service, long).await.is_err());
    assert_eq!(shop.heads().len(), 1, "the second was not sent");
}

#[tokio::test]
async fn the_wallet_s_own_client_and_its_services_take_up_each_other_s_payments() {
    let (seller, (directory, client)) = (Seller::start().await, buyer());
    seller.will([Act::TakeAndStaySilent, Act::TakeAndAnswer(500), Act::TakeAndAnswer(500)]);
    let service = PayingLayer::new(client).layer(hyper());
    assert!(matches!(refusal(&service, get(seller.url("/"))).await, NotPaid::Unknown { .. }));
    let client = double::client_with(&directory.path().join("home"), Duration::from_secs(60));
    let outcome = client.pay(seller.get("/"), None).await.unwrap();
    assert!(outcome.into_response().unwrap().extensions().get::<Paid>().is_some());
    assert_eq!((seller.credentials(), seller.charges()), (1, 1));
}
