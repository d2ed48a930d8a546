use proptest::prelude::*;

use super::*;
use crate::config::Tokens;
use crate::metering::tokens::TokenCount;

fn events() -> Flow {
    Flow::of_events(Counter::Events(0))
}

fn tokens() -> Flow {
    Flow::of_events(Counter::Tokens(Box::new(TokenCount::new(Tokens::Output))))
}

/// Runs chunks through, paying whatever is asked: what went out, and what had gone out whenever it was asked.
fn run(flow: &mut Flow, chunks: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
    let (mut out, mut stops, mut chunks) = (Vec::new(), Vec::new(), chunks.iter());
    let mut finished = false;
    loop {
        match flow.next().unwrap() {
            Step::Forward(bytes) => out.extend_from_slice(&bytes),
            Step::Pay(count) => {
                stops.push(out.len());
                flow.pay(count);
            }
            Step::LastWord => flow.release(),
            Step::Read => match chunks.next() {
                Some(chunk) => flow.push(Bytes::copy_from_slice(chunk)),
                None if std::mem::replace(&mut finished, true) => return (out, stops),
                None => flow.finish(),
            },
        }
        assert!(flow.owed() <= flow.paid);
    }
}

#[test]
fn nothing_goes_out_before_it_is_paid_for() {
    let mut flow = events();
    flow.pay(2);
    flow.push(Bytes::from_static(b"data: 1\n\n: quiet\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n"));
    assert_eq!(flow.next(), Ok(Step::Forward(Bytes::from_static(b"data: 1\n\n: quiet\n\ndata: 2\n\n"))));
    assert_eq!((flow.next(), flow.next(), flow.owed()), (Ok(Step::Pay(3)), Ok(Step::Pay(3)), 2));
    flow.pay(4);
    assert_eq!(flow.next(), Ok(Step::Forward(Bytes::from_static(b"data: 3\n\n"))));
    assert_eq!(flow.next(), Ok(Step::Forward(Bytes::from_static(b"data: 4\n\n"))));
    assert_eq!((flow.next(), flow.owed()), (Ok(Step::Read), 4));
}

#[test]
fn what_is_covered_goes_out_as_it_came_without_a_copy() {
    let mut flow = events();
    flow.pay(10);
    let chunk = Bytes::from_static(b"data: 1\n\ndata: 2\n\n");
    flow.push(chunk.clone());
    let Ok(Step::Forward(out)) = flow.next() else { panic!("nothing went out") };
    assert_eq!((out.as_ptr(), out.len()), (chunk.as_ptr(), chunk.len()));
}

#[test]
fn events_that_would_pass_for_ours_go_nowhere() {
    let mut flow = events();
    let stream =
        b"data: a\n\nevent: payment-receipt\ndata: {}\n\ndata: payment-b\n\ndata: c\revent: payment-x\r\rdata: d\n\n";
    for cut in 0..stream.len() {
        let mut cut_flow = events();
        let (out, _) = run(&mut cut_flow, &[&stream[..cut], &stream[cut..]]);
        assert_eq!(out, b"data: a\n\ndata: payment-b\n\ndata: d\n\n", "cut at {cut}");
        assert_eq!((cut_flow.dropped(), cut_flow.owed()), (2, 3));
    }
    let (_, stops) = run(&mut flow, &[stream]);
    assert_eq!(stops, [0, 9, 26]);
}

#[test]
fn the_last_word_waits_for_the_receipt_and_is_the_last() {
    let mut flow = events();
    flow.pay(9);
    flow.push(Bytes::from_static(b"data: a\n\ndata: [DONE]\n\ndata: more\n\n"));
    assert_eq!(flow.next(), Ok(Step::Forward(Bytes::from_static(b"data: a\n\n"))));
    assert_eq!(flow.next(), Ok(Step::LastWord));
    assert_eq!(flow.owed(), 1);
    flow.release();
    assert_eq!(flow.next(), Ok(Step::Forward(Bytes::from_static(b"data: [DONE]\n\n"))));
    assert_eq!((flow.next(), flow.owed()), (Ok(Step::Read), 1));
}

#[test]
fn an_event_without_an_end_gets_one() {
    for (stream, whole) in [("data: a\n\ndata: [DONE]\n", "data: a\n\ndata: [DONE]\n\n"), ("data: a", "data: a\n\n")] {
        let (out, _) = run(&mut events(), &[stream.as_bytes()]);
        assert_eq!(out, whole.as_bytes());
    }
}

#[test]
fn what_the_model_says_in_the_end_is_owed_within_what_is_paid_for() {
    let said = r#"data: {"usage":{"completion_tokens":12}}"#;
    let mut flow = tokens();
    flow.pay(5);
    flow.push(Bytes::from(format!("data: a\n\ndata: b\n\n{said}\n\n")));
    assert!(matches!(flow.next(), Ok(Step::Forward(_))));
    assert_eq!((flow.next(), flow.owed()), (Ok(Step::Pay(12)), 5));
    flow.pay(12);
    assert!(matches!(flow.next(), Ok(Step::Forward(_))));
    assert_eq!((flow.owed(), flow.is_guess()), (12, false));
    // An event that was not delivered is not owed, what was is.
    let mut flow = tokens();
    flow.pay(1);
    flow.push(Bytes::from_static(b"data: a\n\ndata: b\n\n"));
    assert!(matches!(flow.next(), Ok(Step::Forward(_))));
    assert_eq!((flow.next(), flow.owed(), flow.is_guess()), (Ok(Step::Pay(2)), 1, true));
}

#[test]
fn a_huge_event_is_bounded() {
    let mut flow = events();
    flow.push(Bytes::from(vec![b'x'; LONGEST_EVENT]));
    assert_eq!(flow.next(), Ok(Step::Read));
    flow.push(Bytes::from_static(b"x"));
    assert_eq!(flow.next(), Err(TooLong));
}

#[test]
fn bytes_are_cut_where_the_money_ends() {
    let mut flow = Flow::of_bytes(Counter::Bytes(0));
    flow.push(Bytes::from_static(b"0123456789"));
    assert_eq!(flow.next(), Ok(Step::Pay(1)));
    flow.pay(4);
    assert_eq!(flow.next(), Ok(Step::Forward(Bytes::from_static(b"0123"))));
    assert_eq!((flow.next(), flow.owed()), (Ok(Step::Pay(5)), 4));
    flow.pay(100);
    assert_eq!(flow.next(), Ok(Step::Forward(Bytes::from_static(b"456789"))));
    assert_eq!((flow.next(), flow.owed()), (Ok(Step::Read), 10));
}

proptest! {
    #[test]
    fn every_byte_goes_out_once_and_unchanged_wherever_the_stream_is_cut(
        texts in prop::collection::vec("(data: [a-z\r]{0,4}|: [a-z]{0,3}|event: [a-z]{0,3}\ndata: b|)(\n\n|\r\r|\r\n\r\n)", 0..6),
        cuts in prop::collection::vec(0usize..60, 0..8),
    ) {
        let stream = texts.concat().into_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).chain([0, stream.len()]).collect();
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        let mut flow = events();
        let (out, stops) = run(&mut flow, &chunks);
        prop_assert_eq!(&out[..stream.len()], &stream[..]);
        prop_assert!(out[stream.len()..].iter().all(|byte| *byte == b'\n'));
        // It stops between events alone: what had gone out by then ends with an empty line.
        let ends_event = |stop: usize| {
            let mut boundaries = Boundaries::new();
            let mut at = 0;
            while let Some(length) = boundaries.end(&out[at..stop]) {
                at += length;
            }
            at == stop
        };
        for stop in stops {
            prop_assert!(ends_event(stop), "stopped at {} of {:?}", stop, String::from_utf8_lossy(&out));
        }
    }
}
