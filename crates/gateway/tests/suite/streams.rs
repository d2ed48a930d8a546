//! Answers that sessions pay for by what is counted of them.

use crate::support;

use std::time::Duration;

use farthing_books::SessionRecord;
use farthing_protocol::stream::{Event, EventReader, NeedVoucher};
use http::StatusCode;
use support::payer::{Payer, number, session_challenge};
use support::session::{PURSE, session_of};
use support::{Reply, Setup, World, feed};

const SSE: &str = "text/event-stream";

/// One route with this meter, a slice of four units, and this pause.
async fn world(meter: &str, pause: &str) -> World {
    let routes = format!(
        "[rails.purse]\n[[route]]\nmatch = \"GET,POST /sold\"\nupstream = \"UPSTREAM\"\nprice = \"0.00002 USD\"\n\
         accept = [\"purse/session\"]\nmeter = {meter}\n[route.session]\ndeposit = \"0.01 USD\"\n\
         slice = \"0.00008 USD\"\npause = \"{pause}\"\n"
    );
    let world = Setup::with_routes(&routes).start().await;
    world.fund("alice", 100_000).await;
    world
}

async fn payer(world: &World) -> Payer {
    Payer::asking(world.client("alice"), "/sold", PURSE, "alice", "c1").await
}

/// How the session stands once nothing is held any more.
async fn settled(world: &World) -> SessionRecord {
    for _ in 0..1_000 {
        let record = world.books.session(session_of(PURSE, "c1")).await.unwrap().unwrap();
        // What went out is written down a moment later.
        tokio::time::sleep(Duration::from_millis(60)).await;
        let later = world.books.session(session_of(PURSE, "c1")).await.unwrap().unwrap();
        if record.held.is_zero() && record.spent == later.spent && later.held.is_zero() {
            world.verify().await;
            return later;
        }
    }
    panic!("{:?}", world.books.session(session_of(PURSE, "c1")).await)
}

async fn spent(world: &World) -> (u128, u64) {
    let record = settled(world).await;
    (record.spent.units(), record.units)
}

fn chunk(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}],\"usage\":null}}\n\n")
}

fn need(text: &str) -> Option<NeedVoucher> {
    let events = EventReader::new(1 << 16).push(text.as_bytes());
    events.into_iter().rev().find_map(|event| match event {
        Event::NeedVoucher(need) => Some(need),
        _ => None,
    })
}

fn receipt(text: &str) -> serde_json::Map<String, serde_json::Value> {
    let events = EventReader::new(1 << 16).push(text.as_bytes());
    let receipt = events.into_iter().find_map(|event| match event {
        Event::Receipt(receipt) => Some(receipt.object().clone()),
        _ => None,
    });
    receipt.unwrap_or_else(|| panic!("no receipt in {text}"))
}

#[tokio::test]
async fn a_model_is_paid_by_the_token_while_vouchers_come() {
    let world = world(r#"{ tokens = "output" }"#, "20s").await;
    let payer = payer(&world).await;
    let (upstream, reply) = feed(SSE);
    world.upstream.then([reply]);
    let mut stream = payer.client.stream("/sold", &payer.open(10_000, 100)).await;
    assert_eq!(stream.status, StatusCode::OK);
    let header = |name: &str| stream.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("cache-control").unwrap(), "private, no-cache, no-transform");
    assert!(header("content-length").is_none() && header("payment-receipt").is_some());
    let words: Vec<String> = (0..20).map(|word| chunk(&format!("w{word}."))).collect();
    upstream.send(&words.concat());
    // Five are signed for. The rest waits, and is asked for between two events.
    let mut got = stream.until("payment-need-voucher").await;
    got.push_str(&stream.until("\n\n").await);
    let mut signed = 100;
    while signed < 400 {
        let asked = need(&got).unwrap();
        assert_eq!((asked.channel_id.as_str(), asked.deposit.as_str()), ("c1", "10000"));
        assert_eq!(asked.accepted_cumulative, signed.to_string());
        let required: u128 = asked.required_cumulative.parse().unwrap();
        assert!(required > signed && required <= signed + 160, "{asked:?}");
        signed = required;
        let brought = payer.bring("/sold", &payer.voucher(signed)).await;
        assert_eq!(brought.status, StatusCode::NO_CONTENT);
        if signed < 400 {
            got.push_str(&stream.until("payment-need-voucher").await);
            got.push_str(&stream.until("\n\n").await);
        }
    }
    got.push_str(&stream.until("w19.\"}}],\"usage\":null}\n\n").await);
    upstream.send("data: {\"choices\":[],\"usage\":{\"completion_tokens\":20}}\n\ndata: [DONE]\n\n");
    drop(upstream);
    let end = stream.rest().await;
    assert!(end.whole && end.text.ends_with("data: [DONE]\n\n"), "{end:?}");
    let receipt = receipt(&end.text);
    assert_eq!((number(&receipt, "spent"), number(&receipt, "units")), (400, 20));
    assert_eq!(number(&receipt, "acceptedCumulative"), signed);
    got.push_str(&end.text);
    let theirs: String =
        got.split_inclusive("\n\n").filter(|event| event.starts_with("data: {\"choices\":[{")).collect();
    assert_eq!(theirs, words.concat());
    assert_eq!(spent(&world).await, (400, 20));
}

#[tokio::test]
async fn g_12_a_stream_without_a_voucher_in_time_ends_with_a_receipt_for_what_went_out() {
    let world = world("{ events = true }", "300ms").await;
    let payer = payer(&world).await;
    let (upstream, reply) = feed(SSE);
    world.upstream.then([reply]);
    let stream = payer.client.stream("/sold", &payer.open(10_000, 60)).await;
    upstream.send("data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\nevent: payment-receipt\ndata: {}\n\n");
    let end = stream.rest().await;
    assert!(end.whole && end.text.contains("data: 3\n\n") && !end.text.contains("data: 4"), "{end:?}");
    assert_eq!(end.text.matches("event: payment-receipt").count(), 1);
    assert_eq!(
        (number(&receipt(&end.text), "spent"), need(&end.text).unwrap().accepted_cumulative),
        (60, "60".to_owned())
    );
    upstream.abandoned().await;
    assert_eq!(spent(&world).await, (60, 3));
}

#[tokio::test]
async fn g_12_a_client_that_leaves_pays_for_what_it_was_given() {
    let world = world("{ events = true }", "20s").await;
    let payer = payer(&world).await;
    let (upstream, reply) = feed(SSE);
    world.upstream.then([reply]);
    let mut stream = payer.client.stream("/sold", &payer.open(10_000, 5_000)).await;
    for number in 0..6 {
        upstream.send(&format!("data: {number}\n\n"));
        stream.until(&format!("data: {number}\n\n")).await;
    }
    drop(stream);
    upstream.abandoned().await;
    assert_eq!(spent(&world).await, (120, 6));
}

#[tokio::test]
async fn an_upstream_that_breaks_off_is_paid_for_what_it_gave() {
    let world = world("{ events = true }", "20s").await;
    let payer = payer(&world).await;
    let (upstream, reply) = feed(SSE);
    world.upstream.then([reply]);
    let mut stream = payer.client.stream("/sold", &payer.open(10_000, 5_000)).await;
    upstream.send("data: 1\n\ndata: 2\n\ndata: half of");
    let mut got = stream.until("data: 2\n\n").await;
    upstream.break_off();
    let end = stream.rest().await;
    got.push_str(&end.text);
    assert!(!end.whole && !got.contains("half"), "{got}");
    assert_eq!(number(&receipt(&got), "spent"), 40);
    assert_eq!(spent(&world).await, (40, 2));
}

#[tokio::test]
async fn g_12_two_streams_of_one_session_never_give_more_than_is_signed_for() {
    let world = world("{ events = true }", "300ms").await;
    let payer = payer(&world).await;
    let replies: Vec<_> = (0..2).map(|_| feed(SSE)).collect();
    world.upstream.then(replies.iter().map(|(_, reply)| reply.clone()));
    let one = payer.client.stream("/sold", &payer.open(10_000, 200)).await;
    let two = payer.client.stream("/sold", &payer.voucher(200)).await;
    let events: String = (0..20).map(|number| format!("data: {number}\n\n")).collect();
    replies.iter().for_each(|(upstream, _)| upstream.send(&events));
    let (one, two) = tokio::join!(one.rest(), two.rest());
    let given = one.text.matches("data: ").count() + two.text.matches("data: ").count();
    let ours = one.text.matches("event: payment-").count() + two.text.matches("event: payment-").count();
    assert_eq!((given - ours, spent(&world).await), (10, (200, 10)));
}

#[tokio::test]
async fn bytes_are_paid_for_as_they_go_out_and_break_off_without_a_voucher() {
    let world = world("{ bytes = true, per = 10 }", "300ms").await;
    let payer = payer(&world).await;
    world.upstream.then([Reply::Large(95)]);
    let stream = payer.client.stream("/sold", &payer.open(10_000, 1_000)).await;
    let end = stream.rest().await;
    assert!(end.whole && end.text.len() == 95, "{end:?}");
    assert_eq!(spent(&world).await, (190, 10));
    world.upstream.then([Reply::Large(1_000)]);
    let end = payer.client.stream("/sold", &payer.voucher(1_000)).await.rest().await;
    assert_eq!((end.whole, end.text.len()), (false, 405));
    assert_eq!(settled(&world).await.spent.units(), 1_000);
}

#[tokio::test]
async fn a_whole_answer_of_a_model_is_given_when_its_tokens_are_signed_for() {
    let world = world(r#"{ tokens = "total" }"#, "1s").await;
    let payer = payer(&world).await;
    let answer = r#"{"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42}}"#;
    world.upstream.then([Reply::Body(answer), Reply::Body(answer)]);
    let short = payer.get("/sold", &payer.open(10_000, 100)).await;
    short.refused("session/insufficient-balance");
    assert!(!short.text().contains("choices"));
    let reminded = session_challenge(&short, PURSE).request().decode().unwrap();
    let snapshot = reminded["methodDetails"]["sessionSnapshot"].as_object().unwrap();
    let required = number(snapshot, "requiredCumulative");
    assert_eq!((required, number(snapshot, "deposit")), (840, 10_000));
    let given = payer.get("/sold", &payer.voucher(required)).await;
    assert_eq!((given.status, given.text()), (StatusCode::OK, answer));
    assert_eq!(number(&given.receipt().unwrap().extra, "spent"), 840);
    assert_eq!(spent(&world).await, (840, 42));
    for silent in [r#"{"choices":[]}"#, r#"{"usage":{"total_tokens":-1}}"#, "not JSON"] {
        world.upstream.then([Reply::Body(silent)]);
        let refused = payer.get("/sold", &payer.voucher(2_000)).await;
        assert_eq!(refused.status, StatusCode::BAD_GATEWAY, "{silent}");
        assert!(refused.receipt().is_none());
    }
    assert_eq!(spent(&world).await, (840, 42));
}

#[tokio::test]
async fn g_12_what_the_upstream_says_is_taken_within_the_price() {
    let said = r#"{ header = "x-cost", unit = "0.000001 USD" }"#;
    let in_json = r#"{ json = "/cost", unit = "0.000001 USD" }"#;
    let headers = |cost: &'static str| Reply::Headers(vec![("x-cost", cost)]);
    let bodies = [r#"{"cost":7}"#, r#"{"cost":20}"#, r#"{"cost":21}"#, "{}"].map(Reply::Body);
    let cases = [(said, [headers("7"), headers("20"), headers("21"), Reply::Serve]), (in_json, bodies)];
    for (meter, replies) in cases {
        let world = world(meter, "1s").await;
        let payer = payer(&world).await;
        world.upstream.then(replies);
        let first = payer.get("/sold", &payer.open(10_000, 1_000)).await;
        assert_eq!(number(&first.receipt().unwrap().extra, "spent"), 7, "{meter}");
        assert!(first.header("x-cost").is_none());
        let mut statuses = vec![first.status.as_u16()];
        for _ in 0..3 {
            statuses.push(payer.get("/sold", &payer.voucher(1_000)).await.status.as_u16());
        }
        assert_eq!((statuses, spent(&world).await), (vec![200, 200, 502, 502], (27, 2)), "{meter}");
    }
}

#[tokio::test]
async fn g_12_a_trailer_says_what_the_answer_cost_whoever_is_there_to_read_it() {
    let world = world(r#"{ trailer = "x-cost", unit = "0.000001 USD" }"#, "1s").await;
    let payer = payer(&world).await;
    let sold = async |credential: String, cost: Option<&'static str>, stays: bool| {
        let (upstream, reply) = feed("text/plain");
        world.upstream.then([reply]);
        let mut stream = payer.client.stream("/sold", &credential).await;
        upstream.send("everything");
        stream.until("everything").await;
        let end = if stays {
            if let Some(cost) = cost {
                upstream.trailer("x-cost", cost);
            }
            drop(upstream);
            Some(stream.rest().await)
        } else {
            drop(stream);
            upstream.trailer("x-cost", cost.unwrap());
            None
        };
        (end, spent(&world).await.0)
    };
    let (end, spent) = sold(payer.open(10_000, 1_000), Some("7"), true).await;
    let end = end.unwrap();
    assert!(end.trailers.contains_key("payment-receipt") && !end.trailers.contains_key("x-cost"), "{end:?}");
    assert_eq!(spent, 7);
    // Leaving before the price is told does not make it free.
    assert_eq!(sold(payer.voucher(1_000), Some("11"), false).await.1, 18);
    // What is above the price, or never said, is not taken.
    assert_eq!(sold(payer.voucher(1_000), Some("21"), true).await.1, 18);
    assert_eq!(sold(payer.voucher(1_000), None, true).await.1, 18);
}

#[tokio::test]
async fn events_that_cannot_be_read_are_not_given() {
    let world = world("{ events = true }", "1s").await;
    let payer = payer(&world).await;
    let compressed = Reply::Headers(vec![("content-type", SSE), ("content-encoding", "gzip")]);
    world.upstream.then([compressed, Reply::Status(500), Reply::Serve]);
    assert_eq!(payer.get("/sold", &payer.open(10_000, 100)).await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(payer.get("/sold", &payer.voucher(100)).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(spent(&world).await, (0, 0));
    // What is no stream is one event.
    assert_eq!(payer.get("/sold", &payer.voucher(100)).await.status, StatusCode::OK);
    assert_eq!(spent(&world).await, (20, 1));
}
