//! W-34: answers without end, packed ones, and ones that come a byte at a time take neither memory nor patience
//! without bound, before a payment and after one.

use std::time::Duration;

use farthing_wallet::client::{By, Order, Streamed};
use farthing_wallet::{Outcome, PayError};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::raw::{Piece, Raw, has_credential, head, honest_offer};
use crate::{buyer, double, session_double, unpaid};

/// A pause that no wait of the client is shorter than.
const SLOWLY: Duration = Duration::from_millis(50);
const TEN_GIGABYTES: &str = "content-length: 10737418240\r\n\r\n";
/// What a connection takes that nobody reads: the buffers on its way, and no more.
const BUFFERS: u64 = 64 * 1024 * 1024;

fn asking(origin: &str, rest: &str) -> Vec<u8> {
    format!("HTTP/1.1 402 Payment Required\r\nwww-authenticate: {}\r\n{rest}", honest_offer(origin)).into_bytes()
}

#[tokio::test]
async fn w_34_of_a_402_of_ten_gigabytes_a_part_is_read_and_its_offer_stands_all_the_same() {
    let shop = Raw::start(|server, asked| match has_credential(asked) {
        true => vec![Piece::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec())],
        false => {
            let body = Piece::Forever(vec![b'x'; 64 * 1024], Duration::ZERO);
            vec![Piece::Say(asking(&server.origin, TEN_GIGABYTES)), body]
        }
    })
    .await;
    let (_home, client) = buyer();
    assert!(matches!(client.pay(shop.get("/"), None).await.unwrap(), Outcome::Paid { .. }));
    shop.until_ended(1).await;
    assert!(shop.written() < BUFFERS, "{} bytes were taken", shop.written());
}

#[tokio::test]
async fn w_34_a_402_that_drips_is_given_up_and_its_offer_stands_all_the_same() {
    let shop = Raw::start(|server, asked| match has_credential(asked) {
        true => vec![Piece::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec())],
        false => vec![Piece::Say(asking(&server.origin, TEN_GIGABYTES)), Piece::Forever(b" ".to_vec(), SLOWLY)],
    })
    .await;
    let (_home, client) = buyer();
    assert!(matches!(client.pay(shop.get("/"), None).await.unwrap(), Outcome::Paid { .. }));
    shop.until_ended(1).await;
}

#[tokio::test]
async fn w_34_a_head_that_drips_is_given_up_before_a_payment_and_after_one() {
    let drip = || Piece::Forever(b"x".to_vec(), SLOWLY);
    let never =
        Raw::start(move |_, _| vec![Piece::Say(b"HTTP/1.1 402 Payment Required\r\nx: ".to_vec()), drip()]).await;
    let (_home, client) = buyer();
    assert!(matches!(client.pay(never.get("/"), None).await, Err(PayError::Unreachable(_))));
    never.until_ended(1).await;
    let later = Raw::start(move |server, asked| match has_credential(asked) {
        true => vec![Piece::Say(b"HTTP/1.1 200 OK\r\nx: ".to_vec()), drip()],
        false => vec![Piece::Say(asking(&server.origin, "content-length: 0\r\n\r\n"))],
    })
    .await;
    let outcome = client.pay(later.get("/"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Unknown { repeatable: true, .. }), "{outcome:?}");
    assert_eq!((later.credentials(), double::counted(client.wallet()).await), (3, (0, 1000)));
}

#[tokio::test]
async fn w_34_what_was_bought_is_handed_on_as_it_comes_and_is_not_gathered() {
    let shop = Raw::start(|server, asked| match has_credential(asked) {
        true => {
            let body = Piece::Forever(vec![b'x'; 64 * 1024], Duration::ZERO);
            vec![Piece::Say(format!("HTTP/1.1 200 OK\r\n{TEN_GIGABYTES}").into_bytes()), body]
        }
        false => vec![Piece::Say(asking(&server.origin, "content-length: 0\r\n\r\n"))],
    })
    .await;
    let (_home, client) = buyer();
    let Outcome::Paid { mut response, .. } = client.pay(shop.get("/"), None).await.unwrap() else { panic!("not paid") };
    assert!(response.chunk().await.unwrap().is_some());
    drop(response);
    shop.until_ended(1).await;
    assert!(shop.written() < BUFFERS, "{} bytes were taken", shop.written());
}

#[tokio::test]
async fn w_34_nothing_packed_is_asked_for_and_an_offer_inside_a_packed_body_is_none() {
    let shop = Raw::start(|_, _| {
        let head = b"HTTP/1.1 402 Payment Required\r\ncontent-encoding: gzip\r\ncontent-type: application/json\r\n\r\n";
        vec![Piece::Say(head.to_vec()), Piece::Forever(vec![0; 64 * 1024], Duration::ZERO)]
    })
    .await;
    let (_home, client) = buyer();
    unpaid(client.pay(shop.get("/"), None).await.unwrap());
    assert!(!shop.heads()[0].to_ascii_lowercase().contains("accept-encoding"), "{:?}", shop.heads());
    assert!(shop.written() < BUFFERS);
}

fn of_sessions() -> (tempfile::TempDir, farthing_wallet::PayingClient) {
    let directory = tempfile::tempdir().unwrap();
    double::create(directory.path(), Some(crate::POLICY));
    let client = session_double::client_with(directory.path(), Duration::from_secs(1));
    (directory, client)
}

fn by_session() -> Order {
    Order { by: By::Session, ..Order::default() }
}

/// The same place as the address of a socket.
fn socket(shop: &Raw) -> reqwest::Request {
    let address = shop.origin.replace("http://", "ws://");
    reqwest::Request::new(reqwest::Method::GET, address.parse().unwrap())
}

#[tokio::test]
async fn w_34_a_socket_that_says_nothing_is_given_up() {
    let shop = Raw::start(|_, _| vec![Piece::Silence]).await;
    let (_home, client) = of_sessions();
    let asked = client.stream(socket(&shop), &by_session()).await;
    assert!(matches!(asked, Err(PayError::Unreachable(_))));
    shop.until_ended(1).await;
}

#[tokio::test]
async fn w_34_a_socket_that_pours_out_goods_and_never_answers_a_voucher_is_given_up() {
    let terms = session_double::Shop::start().await;
    let shop = Raw::start(move |server, asked| {
        let key = asked.lines().find_map(|line| line.strip_prefix("sec-websocket-key: "));
        let Some(key) = key else {
            let offer = terms.offer_of(&server.origin);
            return vec![Piece::Say(head("402 Payment Required", &[("www-authenticate", &offer)]))];
        };
        let accept = derive_accept_key(key.as_bytes());
        let switched = format!(
            "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: {accept}\r\n\r\n"
        );
        // Text of a megabyte, in one frame.
        let mut frame = vec![0x81, 127];
        frame.extend_from_slice(&(1_u64 << 20).to_be_bytes());
        frame.resize(frame.len() + (1 << 20), b'x');
        vec![Piece::Say(switched.into_bytes()), Piece::Forever(frame, Duration::ZERO)]
    })
    .await;
    let (_home, client) = of_sessions();
    let Streamed::Other(outcome) = client.stream(socket(&shop), &by_session()).await.unwrap() else { panic!("paid") };
    let Outcome::Unknown { sentence, .. } = *outcome else { panic!("{outcome:?}") };
    assert!(sentence.contains("more than is kept"), "{sentence}");
    assert!(shop.written() < BUFFERS, "{} bytes were taken", shop.written());
}
