//! W-20: headers that are too long, too many, or not what the grammar allows, are not paid, end in a short
//! sentence, and reach neither a request nor a terminal as anything but text.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use farthing_protocol::Credential;
use farthing_wallet::{Outcome, PayError, PayingClient};

use crate::raw::{Piece, Raw, has_credential, head, honest_offer, offer};
use crate::{buyer, double, unpaid};

/// The longest sentence that a person is shown.
const SHORT: usize = 2_000;

/// What is said of a server that asks with these fields, of which nothing is paid.
async fn refused(
    client: &PayingClient,
    fields: impl Fn(&str) -> Vec<(&'static str, String)> + Send + Sync + 'static,
) -> String {
    let server = Raw::start(move |server, _| {
        let fields = fields(&server.origin);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        vec![Piece::Say(head("402 Payment Required", &fields))]
    })
    .await;
    let said = match client.pay(server.get("/report"), None).await {
        Ok(outcome) => unpaid(outcome),
        Err(PayError::Unreachable(reason)) => reason,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(server.credentials(), 0, "{said}");
    assert_eq!(double::counted(client.wallet()).await, (0, 0), "{said}");
    assert!(!said.is_empty() && said.len() < SHORT, "{} bytes: {said}", said.len());
    assert!(!said.chars().any(char::is_control), "{said:?}");
    said
}

fn challenge(value: String) -> Vec<(&'static str, String)> {
    vec![("www-authenticate", value)]
}

/// An offer whose parameter `name` is written like this.
fn with(origin: &str, name: &'static str, written: impl FnOnce(&str) -> String) -> String {
    offer(origin, |parameters| {
        let parameter = parameters.iter_mut().find(|parameter| parameter.0 == name).unwrap();
        parameter.1 = format!("\"{}\"", written(parameter.1.trim_matches('"')));
    })
}

#[tokio::test]
async fn w_20_an_offer_of_64_kilobytes_or_in_a_field_that_never_ends_is_not_paid() {
    let (_home, client) = buyer();
    let long = "x".repeat(64 * 1024);
    for name in ["id", "realm", "method", "intent", "request", "expires"] {
        let long = long.clone();
        refused(&client, move |origin| challenge(with(origin, name, |_| long.clone()))).await;
    }
    refused(&client, move |_| challenge(format!("Payment {}", "a=b, ".repeat(13_000)))).await;
    refused(&client, |_| vec![("payment-required", STANDARD.encode("[".repeat(48 * 1024)))]).await;
    refused(&client, |_| (0..2_000).map(|_| ("www-authenticate", "Payment".to_owned())).collect()).await;
    let endless = Raw::start(|_, _| {
        let forever = Piece::Forever(vec![b'x'; 64 * 1024], std::time::Duration::ZERO);
        vec![Piece::Say(b"HTTP/1.1 402 Payment Required\r\nwww-authenticate: Payment id=\"".to_vec()), forever]
    })
    .await;
    assert!(matches!(client.pay(endless.get("/"), None).await, Err(PayError::Unreachable(_))));
    endless.until_ended(1).await;
}

#[tokio::test]
async fn w_20_of_fifty_offers_the_first_ones_are_read_and_the_cheapest_of_them_is_paid() {
    let (_home, client) = buyer();
    let junk = |origin: &str| with(origin, "method", |_| "unknown".to_owned());
    refused(&client, move |origin| (0..50).map(|_| ("www-authenticate", junk(origin))).collect()).await;
    refused(&client, move |origin| challenge(vec![junk(origin); 50].join(", "))).await;
    let shop = Raw::start(move |server, asked| {
        let mut offers = vec![junk(&server.origin); 50];
        offers[20] = honest_offer(&server.origin);
        let fields: Vec<_> = offers.iter().map(|offer| ("www-authenticate", offer.as_str())).collect();
        vec![Piece::Say(if has_credential(asked) {
            head("200 OK", &[])
        } else {
            head("402 Payment Required", &fields)
        })]
    })
    .await;
    assert!(matches!(client.pay(shop.get("/"), None).await.unwrap(), Outcome::Paid { .. }));
    assert_eq!(shop.credentials(), 1);
}

#[tokio::test]
async fn w_20_a_parameter_twice_is_none_in_whatever_case_and_wherever_it_stands() {
    let (_home, client) = buyer();
    for (name, value) in [("realm", "\"other\""), ("REQUEST", "\"e30\""), ("Method", "balance"), ("id", "\"an-id\"")] {
        let said = refused(&client, move |origin| challenge(offer(origin, |all| all.push((name, value.into()))))).await;
        assert!(said.contains("twice"), "{said}");
        refused(&client, move |origin| challenge(offer(origin, |all| all.insert(0, (name, value.into()))))).await;
    }
}

#[tokio::test]
async fn w_20_an_object_in_another_spelling_of_base64_is_not_read() {
    let (_home, client) = buyer();
    let spellings: [fn(&str) -> String; 6] = [
        |request| format!("{request}==="),
        |request| format!("={request}"),
        |request| format!(" {request}"),
        |request| format!("{}.{request}", URL_SAFE_NO_PAD.encode("{}")),
        // Bits that say nothing, and are not zero.
        |_| "e31".to_owned(),
        |_| URL_SAFE_NO_PAD.encode("{\"amount\":\"1\",\"amount\":\"1000\",\"currency\":\"usd.6\"}"),
    ];
    for spelling in spellings {
        refused(&client, move |origin| challenge(with(origin, "request", spelling))).await;
    }
    let list = |origin: &str| crate::x402_double::encoded(&crate::x402_double::list(origin, vec![]));
    refused(&client, move |origin| vec![("payment-required", format!("{}!", list(origin)))]).await;
}

#[tokio::test]
async fn w_20_a_line_break_inside_a_field_makes_no_other_field() {
    let (_home, client) = buyer();
    for end in ["\r\n", "\n", "\r", "\0", "\r\n "] {
        for name in ["realm", "description"] {
            let said = format!("\"a{end}authorization: Payment forged\"");
            refused(&client, move |origin| {
                challenge(offer(origin, |all| match all.iter_mut().find(|parameter| parameter.0 == name) {
                    Some(parameter) => parameter.1.clone_from(&said),
                    None => all.push((name, said.clone())),
                }))
            })
            .await;
        }
    }
}

#[tokio::test]
async fn w_20_quotes_in_a_realm_come_back_as_they_were_and_break_out_of_nothing() {
    let (_home, client) = buyer();
    let shop = Raw::start(|server, asked| {
        let strange = with(&server.origin, "realm", |_| "a \\\"quoted\\\" realm, method=\\\"other\\\" \\\\".to_owned());
        let strange = format!("{strange}, description=\"pay \\\"evil\\\", amount=9\"");
        vec![Piece::Say(match has_credential(asked) {
            true => head("200 OK", &[("payment-receipt", &"?".repeat(60_000))]),
            false => head("402 Payment Required", &[("www-authenticate", &strange)]),
        })]
    })
    .await;
    let Outcome::Paid { receipt, .. } = client.pay(shop.get("/"), None).await.unwrap() else { panic!("not paid") };
    assert!(receipt.is_none(), "what is none is not kept as one");
    let heads = shop.heads();
    let line = heads[1].lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap();
    let credential = Credential::from_lines([line.as_bytes()]).unwrap().unwrap();
    assert_eq!(credential.challenge().realm().as_str(), "a \"quoted\" realm, method=\"other\" \\");
    assert_eq!(credential.challenge().method().as_str(), "balance");
}
