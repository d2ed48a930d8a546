mod session;

use std::num::NonZeroU64;
use std::sync::Arc;

use farthing_money::Amount;
use http_body_util::BodyExt;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use self::session::{Session, TestPurse};
use super::*;
use crate::config::Tokens;
use crate::metering::counter::Counter;
use crate::metering::purse::{Account, Held};
use crate::metering::tariff::Tariff;
use crate::metering::tokens::TokenCount;

type Upstream = UnboundedSender<Result<Frame<Bytes>, std::io::Error>>;

/// A stream at one base unit each, with a slice of four of which all are held to begin with.
fn metered(session: &Session, flow: Flow, speaks: bool) -> (Upstream, MeteredBody<TestPurse>) {
    let (upstream, frames) = unbounded_channel();
    let frames = futures_util::stream::unfold(frames, async |mut frames| Some((frames.recv().await?, frames)));
    let body = Body::stream(http_body_util::StreamBody::new(Box::pin(frames)));
    let account = Account::new(Tariff::new(Amount::new(1), NonZeroU64::MIN), Amount::new(4), Amount::new(4));
    let run = Box::new(|task| drop(tokio::spawn(task)));
    let terms = StreamTerms { speaks, pause: Duration::from_secs(60) };
    (upstream, MeteredBody::new(body, flow, Till::new(session.purse(4), account, run), terms))
}

fn events(session: &Session) -> (Upstream, MeteredBody<TestPurse>) {
    metered(session, Flow::of_events(Counter::Events(0)), true)
}

fn send(upstream: &Upstream, text: &str) {
    upstream.send(Ok(Frame::data(Bytes::copy_from_slice(text.as_bytes())))).unwrap();
}

async fn next(body: &mut MeteredBody<TestPurse>) -> String {
    let frame = body.frame().await.expect("the body is not over").expect("it is whole");
    String::from_utf8(frame.into_data().expect("data").to_vec()).unwrap()
}

/// What goes out until nothing does: events of the upstream's, and ours.
async fn until_quiet(body: &mut MeteredBody<TestPurse>) -> (String, String) {
    let (mut theirs, mut ours) = (String::new(), String::new());
    loop {
        let text = next(body).await;
        match text.as_bytes() {
            [b':', ..] => return (theirs, ours),
            [b'e', ..] => ours.push_str(&text),
            _ => theirs.push_str(&text),
        }
    }
}

/// Everything until the end, and whether that is a whole one.
async fn rest(mut body: MeteredBody<TestPurse>) -> (String, bool) {
    let mut text = String::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) => text.push_str(std::str::from_utf8(&data).unwrap()),
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap();
                    trailers.keys().for_each(|name| text.push_str(name.as_str()));
                }
            },
            Err(_) => return (text, false),
        }
    }
    (text, true)
}

fn receipt(spent: u128, units: u64) -> (String, String) {
    (format!("\"spent\":\"{spent}\""), format!("\"units\":{units}"))
}

fn data(from: u32, to: u32) -> String {
    (from..=to).map(|number| format!("data: {number}\n\n")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_signed_for_never_waits_and_is_never_far_ahead_of_the_books() {
    let session = Session::signed_for(1000);
    let (upstream, mut body) = events(&session);
    let mut out = String::new();
    for number in 1..=40 {
        send(&upstream, &data(number, number));
        out.push_str(&next(&mut body).await);
    }
    drop(upstream);
    let (last, whole) = rest(body).await;
    assert_eq!(out, data(1, 40));
    let (spent, units) = receipt(40, 40);
    assert!(
        whole && last.starts_with("event: payment-receipt\n") && last.contains(&spent) && last.contains(&units),
        "{last}"
    );
    assert_eq!((session.delivered(), session.state(|state| state.committed)), ((40, 40), 40));
    assert!(session.state(|state| state.draws) <= 20, "half a slice or more at a time, and none at the end");
    assert!(session.state(|state| state.exposed) <= 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_signed_for_waits_and_goes_on() {
    let session = Session::signed_for(6);
    let (upstream, mut body) = events(&session);
    send(&upstream, &data(1, 9));
    let started = Instant::now();
    let asked = "event: payment-need-voucher\ndata: {\"acceptedCumulative\":\"6\",\"channelId\":\"0x01\",\
                 \"deposit\":\"1000\",\"requiredCumulative\":\"9\"}\n\n";
    assert_eq!(until_quiet(&mut body).await, (data(1, 6), asked.to_owned()));
    assert_eq!(started.elapsed(), Duration::from_secs(15), "asked once, and kept alive");
    session.voucher(8);
    let (out, need) = until_quiet(&mut body).await;
    assert!(out == data(7, 8) && need.contains("\"acceptedCumulative\":\"8\""), "{out} {need}");
    session.voucher(20);
    drop(upstream);
    let (last, whole) = rest(body).await;
    assert!(whole && last.starts_with(&data(9, 9)) && last.contains(&receipt(9, 9).0), "{last}");
    assert_eq!(session.delivered(), (9, 9));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_with_what_is_signed_for_waits_for_no_voucher() {
    let session = Session::signed_for(6);
    let (upstream, body) = events(&session);
    let started = Instant::now();
    let everything = tokio::spawn(rest(body));
    send(&upstream, &data(1, 6));
    // Long enough to find that nothing more is signed for, and not to look again.
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(upstream);
    let (last, whole) = everything.await.unwrap();
    assert!(whole && last.contains(&receipt(6, 6).0), "{last}");
    assert_eq!(started.elapsed(), Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn without_a_voucher_it_ends_with_a_receipt_and_the_upstream_is_let_go() {
    let session = Session::signed_for(4);
    let (upstream, mut body) = events(&session);
    send(&upstream, &data(1, 9));
    assert_eq!(next(&mut body).await, data(1, 4));
    let started = Instant::now();
    let (last, whole) = rest(body).await;
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(60) && waited <= Duration::from_secs(61), "{waited:?}");
    assert!(whole && !last.contains("data: 5") && !last.contains("[DONE]"), "{last}");
    assert_eq!(last.matches("payment-need-voucher").count(), 1, "{last}");
    assert!(last.contains(&receipt(4, 4).0) && last.ends_with("\n\n"), "{last}");
    assert!(upstream.is_closed());
}

#[tokio::test(start_paused = true)]
async fn the_receipt_comes_before_the_last_word() {
    let session = Session::signed_for(9);
    let (upstream, body) = events(&session);
    send(&upstream, &format!("{}data: [DONE]\n\ndata: more\n\n", data(1, 2)));
    drop(upstream);
    let (text, whole) = rest(body).await;
    let (before, after) = text.split_once("event: payment-receipt\n").unwrap();
    assert!(whole && before == data(1, 2) && after.ends_with("\n\ndata: [DONE]\n\n"), "{text}");
    assert_eq!(session.delivered(), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_pays_for_what_it_got_whatever_is_under_way() {
    for (signed, read) in [(100, 1), (100, 3), (4, 1), (6, 2)] {
        let session = Session::signed_for(signed);
        let (upstream, mut body) = events(&session);
        let mut got = 0;
        for number in 0..read {
            send(&upstream, &data(2 * number + 1, 2 * number + 2));
            got += next(&mut body).await.matches("data").count() as u128;
        }
        drop(body);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(session.delivered().0, got);
        assert_eq!(session.state(|state| state.committed), got, "the rest is free again");
        assert!(upstream.is_closed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_breaks_off_is_paid_for_what_it_gave_and_the_client_sees_that_it_is_not_whole() {
    let session = Session::signed_for(9);
    let (upstream, body) = events(&session);
    send(&upstream, &format!("{}data: half of", data(1, 3)));
    upstream.send(Err(std::io::Error::other("gone"))).unwrap();
    let (text, whole) = rest(body).await;
    assert!(!whole && text.starts_with(&data(1, 3)) && !text.contains("half"), "{text}");
    assert!(text.contains("event: payment-receipt\n") && text.contains(&receipt(3, 3).0), "{text}");
    assert_eq!(session.delivered(), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_or_books_that_do_not_answer_serve_nothing_more() {
    for (says, shortest) in [(Held::Ended, 0), (Held::Unknown, 60)] {
        let session = Session::signed_for(100);
        session.state(|state| state.says = Some(says));
        let (upstream, body) = events(&session);
        send(&upstream, &data(1, 9));
        let started = Instant::now();
        let (text, whole) = rest(body).await;
        assert!(whole && text.starts_with(&data(1, 4)) && !text.contains("data: 5"), "{text}");
        assert!(!text.contains("payment-need-voucher") && text.contains(&receipt(4, 4).0), "{text}");
        let waited = started.elapsed().as_secs();
        assert!(waited >= shortest && waited <= shortest + 1, "{waited}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_of_ours_stand_between_those_of_the_upstream_however_they_are_cut() {
    let stream = data(1, 9);
    for cut in 1..stream.len() {
        let session = Session::signed_for(4);
        let (upstream, mut body) = events(&session);
        send(&upstream, &stream[..cut]);
        send(&upstream, &stream[cut..]);
        drop(upstream);
        let (mut text, mut signed) = (String::new(), 4);
        while let Some(frame) = body.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            if piece.starts_with(b"event: payment-need-voucher") {
                signed += 1;
                session.voucher(signed);
            }
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
        let (ours, theirs): (Vec<&str>, Vec<&str>) = text
            .split_inclusive("\n\n")
            .partition(|event| event.starts_with("event: payment-") || event.starts_with(':'));
        assert_eq!(theirs.concat(), stream, "cut at {cut}");
        assert!(ours.len() >= 2 && text.matches("payment-receipt").count() == 1, "{text}");
        assert_eq!(session.delivered(), (9, 9));
    }
}

#[tokio::test(start_paused = true)]
async fn two_streams_share_what_is_signed_for() {
    let session = Session::signed_for(12);
    let streams = [events(&session), events(&session)];
    let [one, two] = streams.map(|(upstream, body)| {
        send(&upstream, &data(1, 20));
        drop(upstream);
        tokio::spawn(rest(body))
    });
    let ((one, _), (two, _)) = (one.await.unwrap(), two.await.unwrap());
    let got = [&one, &two].map(|text| text.split("\n\n").filter(|event| event.starts_with("data: ")).count() as u128);
    assert_eq!((got[0] + got[1], session.delivered().0), (12, 12));
    assert_eq!(session.state(|state| state.committed), 12);
}

#[tokio::test(start_paused = true)]
async fn what_a_model_says_in_the_end_is_taken_within_what_is_signed_for() {
    for (signed, delivered) in [(100, 12), (7, 7), (4, 4)] {
        let session = Session::signed_for(signed);
        let counter = Counter::Tokens(Box::new(TokenCount::new(Tokens::Output)));
        let (upstream, body) = metered(&session, Flow::of_events(counter), true);
        let usage = "data: {\"choices\":[],\"usage\":{\"completion_tokens\":12}}\n\n";
        send(&upstream, &format!("{}{usage}data: [DONE]\n\n", data(1, 3)));
        drop(upstream);
        let (text, _) = rest(body).await;
        assert_eq!(text.contains("completion_tokens"), signed > 12, "{text}");
        assert_eq!(session.delivered(), (u128::from(delivered), delivered), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_without_room_for_events_waits_in_silence_and_breaks_off() {
    let session = Session::signed_for(6);
    let (upstream, body) = metered(&session, Flow::of_bytes(Counter::Bytes(0)), false);
    send(&upstream, "0123456789");
    assert_eq!(rest(body).await, ("012345".to_owned(), false));
    assert_eq!(session.delivered(), (6, 6));

    let session = Session::signed_for(100);
    let (upstream, body) = metered(&session, Flow::of_bytes(Counter::Bytes(0)), false);
    send(&upstream, "0123456789");
    drop(upstream);
    assert_eq!(rest(body).await, ("0123456789payment-receipt".to_owned(), true));
    assert_eq!(session.delivered(), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn the_upstream_is_not_read_while_nothing_can_go_out() {
    let session = Session::signed_for(4);
    let (upstream, mut body) = events(&session);
    let taken = Arc::new(());
    for _ in 0..5 {
        let bytes = Bytes::from_owner(Counted(data(1, 2).into_bytes(), Arc::clone(&taken)));
        upstream.send(Ok(Frame::data(bytes))).unwrap();
    }
    for _ in 0..2 {
        next(&mut body).await;
    }
    assert!(next(&mut body).await.contains("payment-need-voucher"));
    // Two went out and are gone, one waits to go out, and two were not read.
    assert_eq!(Arc::strong_count(&taken), 1 + 3);
}

struct Counted(Vec<u8>, #[allow(dead_code, reason = "counts")] Arc<()>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_voucher_that_would_cost_its_payer_something_is_asked_for_only_when_something_waits_for_it() {
    for early in [true, false] {
        let session = Session::signed_for(6);
        session.state(|state| state.early = early);
        let (upstream, mut body) = events(&session);
        let mut out = String::new();
        for number in 1..=6 {
            send(&upstream, &data(number, number));
            while !out.ends_with(&data(number, number)) {
                out.push_str(&next(&mut body).await);
            }
        }
        // Time enough to find that nothing more is signed for.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let ours = tokio::time::timeout(Duration::from_secs(1), next(&mut body)).await.unwrap_or_default();
        assert_eq!((out + &ours).contains("payment-need-voucher"), early);
        send(&upstream, &data(7, 7));
        let (theirs, ours) = until_quiet(&mut body).await;
        assert_eq!((theirs.as_str(), ours.matches("payment-need-voucher").count()), ("", usize::from(!early)));
        session.voucher(20);
        drop(upstream);
        let (last, whole) = rest(body).await;
        assert!(whole && last.starts_with(&data(7, 7)) && last.contains(&receipt(7, 7).0), "{last}");
    }
}
