//! Slow, huge and broken: each ends in a bounded, clear answer.

use crate::proxy_support;

use farthing_gateway::proxy::{Body, ForwardError, ForwardErrorKind, Target, Version};
use farthing_gateway::serve::{Drained, Limits, Peer};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use proxy_support::{
    Gateway, Settings, data, echo, fed, get, http1, http2, hyper_upstream, raw, scripted_upstream, status, statuses,
    until_silent, upstream_at,
};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn before(address: std::net::SocketAddr) -> Gateway {
    Gateway::before(upstream_at(address, Version::Auto)).await
}

async fn get_through(gateway: &Gateway) -> Response<Incoming> {
    http1(gateway.address).await.send_request(get("/")).await.unwrap()
}

#[tokio::test]
async fn an_absent_upstream_is_502_and_saw_nothing() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gateway = before(closed).await;
    assert_eq!(get_through(&gateway).await.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(gateway.failure(), ("Unreachable".to_owned(), false));
}

#[tokio::test]
async fn a_silent_upstream_is_504_and_may_have_seen_it() {
    let gateway = before(scripted_upstream(b"").await).await;
    assert_eq!(get_through(&gateway).await.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(gateway.failure(), ("FirstByteTimeout".to_owned(), true));
}

#[tokio::test]
async fn an_upstream_that_hangs_up_is_502_and_may_have_seen_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.read(&mut [0; 1024]).await);
        }
    });
    let gateway = before(address).await;
    assert_eq!(get_through(&gateway).await.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(gateway.failure(), ("BrokenMidway".to_owned(), true));
}

/// An upstream on a thread of its own that answers with this after the head and the first byte of the body, and is gone
/// with the rest unread. Tells when.
fn upstream_that_stops_reading(answer: &'static [u8]) -> (std::net::SocketAddr, std::sync::mpsc::Receiver<()>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (gone, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.peek(&mut byte).unwrap();
        stream.write_all(answer).unwrap();
        drop(stream);
        gone.send(()).unwrap();
    });
    (address, told)
}

/// The runtime's one thread stands still from before the answer until the upstream is gone, as a busy machine's may,
/// and the gateway's next step is a write, which fails.
async fn answered_before_the_next_write(answer: &'static [u8]) -> Result<Response<Body>, ForwardError> {
    let (address, gone) = upstream_that_stops_reading(answer);
    let mut pieces = 0;
    let pieces = futures_util::stream::poll_fn(move |context| {
        pieces += 1;
        match pieces {
            2 => {
                // Lets the first piece be written.
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            3 => gone.recv_timeout(Duration::from_secs(20)).unwrap(),
            _ => {}
        }
        Poll::Ready((pieces < 100).then(|| data(vec![b'a'; 1024])))
    });
    let body = Body::stream(http_body_util::StreamBody::new(pieces));
    let request = Request::post("/").header("host", "shop.example").body(body).unwrap();
    let target = Target::read(request.method(), request.uri(), request.headers()).unwrap();
    let peer = Peer::new("127.0.0.1:9".parse().unwrap(), false);
    upstream_at(address, Version::Http1).forward(&target, &peer, request).await
}

#[tokio::test]
async fn an_answer_that_came_before_a_failed_write_is_passed_on() {
    let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer";
    let response = answered_before_the_next_write(whole).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "answer");
}

#[tokio::test]
async fn an_answer_cut_off_by_a_reset_is_not_passed_on_as_whole() {
    for part in [&b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nanswer"[..], b"HTTP/1.1 200 OK\r\n\r\nanswer"] {
        let response = answered_before_the_next_write(part).await.unwrap();
        assert!(response.into_body().collect().await.is_err(), "{}", String::from_utf8_lossy(part));
    }
    for nothing in [&b""[..], b"HTTP/1.1 200"] {
        let error = answered_before_the_next_write(nothing).await.unwrap_err();
        assert_eq!((error.kind(), error.upstream_may_have_seen()), (ForwardErrorKind::BrokenMidway, true));
    }
}

#[tokio::test]
async fn nonsense_from_an_upstream_is_502() {
    for answer in [
        &b"SSH-2.0-OpenSSH\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ] {
        let gateway = before(scripted_upstream(answer).await).await;
        let name = String::from_utf8_lossy(answer);
        assert_eq!(get_through(&gateway).await.status(), StatusCode::BAD_GATEWAY, "{name}");
        assert_eq!(gateway.failure(), ("BadResponse".to_owned(), true), "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_stalls_is_cut_off() {
    let gateway = before(scripted_upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await).await;
    let begun = Instant::now();
    let response = get_through(&gateway).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.into_body().collect().await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_head_that_drips_is_closed() {
    let (address, seen) = hyper_upstream(echo).await;
    let gateway = before(address).await;
    for start in ["", "PRI", "GET / HTTP/1.1\r\nHost: a\r\nX: "] {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let begun = Instant::now();
        let mut closed = false;
        while begun.elapsed() < Duration::from_secs(4) && !closed {
            if start.ends_with(": ") {
                closed = stream.write_all(b"y").await.is_err();
            }
            let read = tokio::time::timeout(Duration::from_millis(50), stream.read(&mut [0; 256])).await;
            closed |= matches!(read, Ok(Ok(0) | Err(_)));
        }
        assert!(closed, "{start:?}");
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_header_of_64_kib_passes_and_a_larger_one_is_431() {
    let (address, seen) = hyper_upstream(echo).await;
    let gateway = before(address).await;
    let with_header = |size: usize| {
        let mut request = get("/");
        *request.uri_mut() = format!("http://{}/", gateway.address).parse().unwrap();
        request.headers_mut().insert("host", HeaderValue::from_str(&gateway.address.to_string()).unwrap());
        request.headers_mut().insert("payment-authorization", HeaderValue::from_str(&"a".repeat(size)).unwrap());
        request
    };
    for (size, expected) in [(64 * 1024, 200), (81 * 1024, 431)] {
        let over_http1 = http1(gateway.address).await.send_request(with_header(size)).await.unwrap();
        assert_eq!(over_http1.status(), expected, "HTTP/1.1, {size}");
        let over_http2 = http2(gateway.address).await.send_request(with_header(size)).await.unwrap();
        assert_eq!(over_http2.status(), expected, "HTTP/2, {size}");
    }
    assert_eq!(seen.lock().unwrap().len(), 2);
    let many = "x: y\r\n".repeat(200);
    assert_eq!(statuses(&raw(gateway.address, format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()).await), [431]);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let (address, seen) = hyper_upstream(echo).await;
    let settings = || Settings { body_limit: Some(1 << 20), ..Settings::default() };
    let gateway = Gateway::start(upstream_at(address, Version::Auto), settings()).await;
    // 10 GB claimed: refused by its claim, before the upstream is touched.
    let claim = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\nabc";
    assert_eq!(statuses(&raw(gateway.address, claim).await), [413]);
    assert_eq!(gateway.failure(), ("BodyTooLarge".to_owned(), false));
    assert!(seen.lock().unwrap().is_empty());
    // Not claimed: refused when the limit is passed, to every upstream.
    for version in [Version::Http1, Version::Http2] {
        let gateway = Gateway::start(upstream_at(address, version), settings()).await;
        let (up, body) = fed();
        let feeding = tokio::spawn(async move { while up.send(data(vec![0; 64 * 1024])).await.is_ok() {} });
        let request = Request::post("/").header("host", "a").body(body).unwrap();
        let response = http1(gateway.address).await.send_request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{version:?}");
        assert_eq!(gateway.failure(), ("BodyTooLarge".to_owned(), true));
        drop(response);
        feeding.await.unwrap();
    }
}

#[tokio::test]
async fn an_upload_that_moves_outlives_the_first_byte_time_out_and_one_that_stops_is_408() {
    let (address, _) = hyper_upstream(echo).await;
    let gateway = before(address).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n").await.unwrap();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(80)).await;
        stream.write_all(b"x").await.unwrap();
    }
    let (received, _) = until_silent(&mut stream).await;
    assert!(received.starts_with("HTTP/1.1 200") && received.ends_with("xxxxxxxxxx"), "{received}");

    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nx").await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let (received, _) = until_silent(&mut stream).await;
    assert_eq!(statuses(&received), [408]);
    assert_eq!(gateway.failure(), ("ClientStalled".to_owned(), true));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_and_holds_little() {
    let (told, mut sent) = tokio::sync::watch::channel(0_usize);
    let (ended, mut endings) = tokio::sync::mpsc::unbounded_channel();
    let (address, _) = hyper_upstream(move |_| {
        let (told, ended) = (told.clone(), ended.clone());
        async move {
            let (down, body) = fed();
            tokio::spawn(async move {
                while down.send(data(vec![0; 64 * 1024])).await.is_ok() {
                    told.send_modify(|sent| *sent += 64 * 1024);
                }
            });
            Response::new(body.on_end(move |ending| ended.send(ending).unwrap()))
        }
    })
    .await;
    let limits = Limits { stalled_write: Duration::from_millis(400), ..Limits::default() };
    let gateway = Gateway::start(upstream_at(address, Version::Auto), Settings { limits, ..Settings::default() }).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), endings.recv()).await.expect("the exchange ends").unwrap();
    // What the kernel's four socket buffers take, and no more.
    assert!(*sent.borrow_and_update() < 32 << 20, "{}", *sent.borrow());
}

#[tokio::test]
async fn a_full_house_makes_others_wait() {
    let (address, _) = hyper_upstream(echo).await;
    let limits = Limits { connections: 1, ..Settings::default().limits };
    let gateway = Gateway::start(upstream_at(address, Version::Auto), Settings { limits, ..Settings::default() }).await;
    let mut first = http1(gateway.address).await;
    assert_eq!(first.send_request(get("/")).await.unwrap().status(), StatusCode::OK);
    let mut second = http1(gateway.address).await;
    let mut waiting = std::pin::pin!(second.send_request(get("/")));
    assert!(tokio::time::timeout(Duration::from_millis(100), waiting.as_mut()).await.is_err());
    drop(first);
    assert_eq!(waiting.await.unwrap().status(), StatusCode::OK);
}

/// The connection is spoken by hand: whether a client's streams are reset before the gateway sees them is otherwise a
/// matter of who runs first.
#[tokio::test]
async fn streams_opened_and_reset_at_once_end_the_connection() {
    const OPENED: u32 = 100;
    let (address, seen) = hyper_upstream(|_| async { status(StatusCode::OK) }).await;
    let gateway = before(address).await;
    let mut frames = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let mut frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        frames.extend([0, 0, u8::try_from(payload.len()).unwrap(), kind, flags]);
        frames.extend(stream.to_be_bytes());
        frames.extend(payload);
    };
    frame(4, 0, 0, &[]);
    for stream in (0..OPENED).map(|count| 2 * count + 1) {
        // GET, http, / and an authority of one letter, with END_HEADERS and END_STREAM; then CANCEL.
        frame(1, 5, stream, &[0x82, 0x86, 0x84, 0x41, 1, b'a']);
        frame(3, 0, stream, &8_u32.to_be_bytes());
    }
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(&frames).await.unwrap();
    let mut received = Vec::new();
    let closing = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut received)).await;
    closing.expect("the connection stayed open").unwrap();
    let calm = [&[7, 0, 0, 0, 0, 0][..], &11_u32.to_be_bytes()];
    let says_why = received.windows(17).any(|frame| frame[3..9] == *calm[0] && frame[13..] == *calm[1]);
    assert!(says_why, "GOAWAY with ENHANCE_YOUR_CALM: {received:?}");
    assert!(seen.lock().unwrap().len() < OPENED as usize);
    assert_eq!(get_through(&gateway).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_drain_lets_exchanges_finish_and_cuts_at_its_deadline() {
    for (answers_after, drain, expected) in [(200, 20_000, Drained { cut: 0 }), (20_000, 800, Drained { cut: 1 })] {
        let (address, seen) = hyper_upstream(move |_| async move {
            tokio::time::sleep(Duration::from_millis(answers_after)).await;
            status(StatusCode::OK)
        })
        .await;
        let upstream = farthing_gateway::proxy::Upstream::new(
            &format!("http://{address}").parse().unwrap(),
            Version::Auto,
            farthing_gateway::proxy::Timeouts::default(),
            None,
        )
        .unwrap();
        let limits = Limits { drain: Duration::from_millis(drain), ..Limits::default() };
        let gateway = Gateway::start(upstream, Settings { limits, ..Settings::default() }).await;
        let (address, _idle) = (gateway.address, TcpStream::connect(gateway.address).await.unwrap());
        let mut sender = http1(address).await;
        let asked = tokio::spawn(async move { sender.send_request(get("/")).await });
        while seen.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let drained = gateway.begin_drain();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(TcpStream::connect(address).await.is_err(), "still accepting");
        assert_eq!(asked.await.unwrap().is_ok(), expected.cut == 0);
        assert_eq!(drained.await.unwrap(), expected);
    }
}
