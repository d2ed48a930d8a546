//! Never two requests out of one: whatever a client sends, the upstream sees the requests the gateway saw.

use crate::nginx;
use crate::proxy_support;

use farthing_gateway::proxy::Version;
use nginx::Nginx;
use proxy_support::{Gateway, echo, hyper_upstream, raw, statuses, upstream_at};

struct Case {
    name: &'static str,
    sent: &'static str,
    answers: &'static [u16],
}

const SMUGGLED: &str = "/smuggled";

#[rustfmt::skip]
const CORPUS: &[Case] = &[
    Case { name: "length and chunked, length first", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 42\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "length and chunked, chunked first", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2c\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n\r\n0\r\n\r\n" },
    Case { name: "two codings", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "chunked not last", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "chunked twice", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "chunked in quotes", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "vertical tab before chunked", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "space before the colon", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "folded header", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "folded value", answers: &[400],
        sent: "GET /a HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "HTTP/1.0 with chunked", answers: &[400],
        sent: "POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "two lengths", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a list of lengths", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 40\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a signed length", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a length beyond 64 bits", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a bare carriage return in a value", answers: &[400],
        sent: "GET /a HTTP/1.1\r\nHost: a\r\nX: y\rContent-Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a zero byte in a value", answers: &[400],
        sent: "GET /a HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a host that disagrees with an absolute target", answers: &[400, 200],
        sent: "GET http://b/smuggled HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "two hosts", answers: &[400, 200],
        sent: "GET /smuggled HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "an absolute target", answers: &[200],
        sent: "GET http://a/absolute HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "CONNECT", answers: &[400],
        sent: "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n" },
    // The upstream does not switch: what follows is the next request of this client, and passes the gateway as such.
    Case { name: "bytes behind an upgrade that does not happen", answers: &[200, 200],
        sent: "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "bytes behind an upgrade to something else", answers: &[200, 200],
        sent: "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a chunk size that overflows", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff1\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a connection field that names the length", answers: &[200, 200],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\nContent-Length: 36\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "two honest requests in one packet", answers: &[200, 200],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcPOST /next HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" },
];

/// Runs the corpus; `seen` tells the upstream's requests since the last call.
async fn run(gateway: &Gateway, mut seen: impl FnMut() -> Vec<String>) {
    for case in CORPUS {
        gateway.forwarded.lock().unwrap().clear();
        let received = raw(gateway.address, case.sent.as_bytes()).await;
        let (forwarded, seen) = (gateway.forwarded.lock().unwrap().clone(), seen());
        assert_eq!(statuses(&received), case.answers, "{}: {received}", case.name);
        assert!(!seen.iter().any(|line| line.contains(SMUGGLED)), "{}: the upstream saw {seen:?}", case.name);
        assert!(seen.len() <= forwarded.len(), "{}: {forwarded:?} became {seen:?}", case.name);
        assert!(seen.iter().all(|line| forwarded.contains(line)), "{}: {forwarded:?} became {seen:?}", case.name);
    }
}

#[tokio::test]
async fn hyper_sees_only_what_the_gateway_saw() {
    let (address, seen) = hyper_upstream(echo).await;
    let gateway = Gateway::before(upstream_at(address, Version::Auto)).await;
    run(&gateway, || std::mem::take(&mut *seen.lock().unwrap())).await;
}

#[tokio::test]
async fn nginx_sees_only_what_the_gateway_saw() {
    let Some(mut nginx) =
        Nginx::start("smuggling against nginx", "server { listen LISTEN; location / { return 200 'seen'; } }")
    else {
        return;
    };
    let gateway = Gateway::before(upstream_at(nginx.address, Version::Auto)).await;
    run(&gateway, || nginx.seen()).await;
}

type Field<'f> = (&'f str, &'f str);

#[tokio::test]
async fn http2_cannot_reframe_an_http1_request() {
    let (address, seen) = hyper_upstream(echo).await;
    let gateway = Gateway::before(upstream_at(address, Version::Http1)).await;
    let honest: &[Field<'_>] = &[(":method", "POST"), (":path", "/a"), (":scheme", "http"), (":authority", "a")];
    let smuggling = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = smuggling.len().to_string();
    assert!(http2_reply(&gateway, honest, &[("content-length", &length)], smuggling).await.contains(smuggling));
    assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), ["POST /a"]);
    for fields in [
        &[("transfer-encoding", "chunked")][..],
        &[("transfer-encoding", "identity"), ("content-length", "0")],
        &[("connection", "transfer-encoding")],
        &[("upgrade", "websocket"), ("connection", "upgrade")],
        &[("keep-alive", "timeout=5")],
        &[("te", "chunked")],
        &[("content-length", "0")],
        &[("content-length", "4")],
        &[("content-length", "4000")],
        &[("content-length", "0"), ("content-length", &length)],
        &[("content-length", "0, 36")],
        &[("host", "b")],
        &[("x", "y\r\nTransfer-Encoding: chunked")],
        &[("x", "y\nContent-Length: 0")],
        &[("x", "y\0z")],
        &[("x\r\ncontent-length", "0")],
        &[("content-length:", "0")],
        &[("Content-Length", "0")],
        &[("", "y")],
    ] {
        let reply = http2_reply(&gateway, honest, fields, smuggling).await;
        assert!(!reply.contains(smuggling), "{fields:?} was accepted: {reply}");
        // The head may pass before the body betrays it; the body then never arrives whole.
        assert!(seen.lock().unwrap().iter().all(|line| line == "POST /a"), "{fields:?}: {seen:?}");
    }
    for (name, value) in [
        (":path", "/a HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled"),
        (":path", "/a /smuggled"),
        (":path", "smuggled"),
        (":path", ""),
        (":method", "GET /smuggled HTTP/1.1\r\nx: y"),
        (":authority", "a\r\nContent-Length: 0"),
        (":authority", "a/smuggled"),
        (":scheme", "http://a/smuggled?"),
    ] {
        seen.lock().unwrap().clear();
        let pseudo = honest.iter().map(|&field| if field.0 == name { (name, value) } else { field });
        http2_reply(&gateway, &pseudo.collect::<Vec<_>>(), &[], "").await;
        assert_eq!(*seen.lock().unwrap(), [""; 0], "{name}: {value:?}");
    }
}

/// Writes one HTTP/2 request by hand, as no client library would, and returns all data that comes back.
async fn http2_reply(gateway: &Gateway, pseudo: &[Field<'_>], fields: &[Field<'_>], body: &str) -> String {
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    let frame = |kind: u8, flags: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    };
    // HPACK: each field literal, not indexed, not compressed; lengths below 127 take one byte.
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let block: Vec<u8> =
        pseudo.iter().chain(fields).flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect();
    let mut sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", SETTINGS].concat();
    sent.extend(frame(1, 4, &block));
    sent.extend(frame(0, 1, body.as_bytes()));
    raw(gateway.address, &sent).await
}
