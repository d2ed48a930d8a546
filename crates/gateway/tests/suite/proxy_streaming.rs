//! Bodies, trailers, versions and upgrades pass through as they come.

use crate::proxy_support;

use bytes::Bytes;
use farthing_gateway::proxy::{Body, Ending, Timeouts, Upstream, Version};
use farthing_gateway::serve::Certificate;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use proxy_support::{
    Gateway, Settings, data, echo, echoing_websocket, fed, get, http1, http2, hyper_upstream, timeouts, upstream_at,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

async fn soon<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), wait).await.expect("it should not take this long")
}

#[tokio::test]
async fn headers_are_scrubbed_both_ways_on_the_wire() {
    let headers = Arc::new(Mutex::new(HeaderMap::new()));
    let seen = Arc::clone(&headers);
    let (address, paths) = hyper_upstream(move |request: Request<Incoming>| {
        *seen.lock().unwrap() = request.headers().clone();
        async {
            let forged =
                Response::builder().header("payment-receipt", "e30").header("www-authenticate", "Payment id=1");
            forged.header("x-own", "1").body(Body::full("paid")).unwrap()
        }
    })
    .await;
    let gateway = Gateway::before(upstream_at(address, Version::Auto)).await;
    let mut request = get("/%70aid?q=%70");
    request.headers_mut().insert("authorization", HeaderValue::from_static("Payment secret"));
    request.headers_mut().insert("x-http-method-override", HeaderValue::from_static("DELETE"));
    let response = http1(gateway.address).await.send_request(request).await.unwrap();
    assert_eq!(response.headers()["x-own"], "1");
    assert!(
        !response.headers().contains_key("payment-receipt") && !response.headers().contains_key("www-authenticate")
    );
    assert_eq!(*paths.lock().unwrap(), ["GET /paid?q=%70"]);
    let headers = headers.lock().unwrap();
    assert_eq!(headers["host"], address.to_string());
    assert_eq!(headers["x-forwarded-host"], "shop.example");
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
    assert!(!headers.contains_key("authorization") && !headers.contains_key("x-http-method-override"));
}

/// Sends the first piece only after the client has the head, and the second only after the first was received.
#[tokio::test]
async fn both_directions_stream() {
    let (told, mut received) = mpsc::channel(4);
    let (address, _) = hyper_upstream(move |request: Request<Incoming>| {
        let told = told.clone();
        async move {
            let (down, body) = fed();
            tokio::spawn(async move {
                let mut up = request.into_body();
                while let Some(Ok(frame)) = up.frame().await {
                    let piece = frame.into_data().unwrap_or_default();
                    told.send(piece.clone()).await.unwrap();
                    down.send(data(piece)).await.unwrap();
                }
            });
            Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
        }
    })
    .await;
    for version in [Version::Http1, Version::Http2] {
        let gateway = Gateway::before(upstream_at(address, version)).await;
        let (up, body) = fed();
        let request = Request::post("/").header("host", "a").body(body).unwrap();
        let mut response = soon(http1(gateway.address).await.send_request(request)).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        for piece in ["data: 1\n\n", "data: 2\n\n"] {
            up.send(data(piece)).await.unwrap();
            assert_eq!(soon(received.recv()).await.unwrap(), piece);
            let frame = soon(response.body_mut().frame()).await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), piece);
        }
        drop(up);
        assert!(soon(response.body_mut().frame()).await.is_none());
    }
}

#[tokio::test]
async fn large_bodies_pass_whole_in_every_pair_of_versions() {
    let (address, seen) = hyper_upstream(echo).await;
    let large = Bytes::from((0..3_000_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    for version in [Version::Http1, Version::Http2] {
        let gateway = Gateway::before(upstream_at(address, version)).await;
        let uri = format!("http://{}/large", gateway.address);
        let post = || Request::post(&uri).header("host", gateway.address.to_string()).body(Body::full(large.clone()));
        let over_http1 = http1(gateway.address).await.send_request(post().unwrap()).await.unwrap();
        let over_http2 = http2(gateway.address).await.send_request(post().unwrap()).await.unwrap();
        for response in [over_http1, over_http2] {
            assert_eq!(response.status(), StatusCode::OK);
            assert!(soon(response.into_body().collect()).await.unwrap().to_bytes() == large, "{version:?}");
        }
    }
    assert_eq!(seen.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn grpc_trailers_pass_and_payment_trailers_do_not() {
    let (address, _) = hyper_upstream(|request: Request<Incoming>| async move {
        assert_eq!(request.headers()["te"], "trailers");
        let (down, body) = fed();
        tokio::spawn(async move {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            trailers.insert("payment-receipt", HeaderValue::from_static("e30"));
            down.send(data("message")).await.unwrap();
            down.send(Ok(http_body::Frame::trailers(trailers))).await.unwrap();
        });
        Response::builder().header("trailer", "grpc-status").body(body).unwrap()
    })
    .await;
    for version in [Version::Http2, Version::Http1] {
        let gateway = Gateway::before(upstream_at(address, version)).await;
        let request = Request::post(format!("http://{}/call", gateway.address)).header("te", "trailers");
        let response =
            http2(gateway.address).await.send_request(request.body(Body::full("ask")).unwrap()).await.unwrap();
        let collected = soon(response.into_body().collect()).await.unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        assert_eq!(trailers.get("grpc-status").map(HeaderValue::as_bytes), Some(&b"0"[..]), "{version:?}");
        assert!(!trailers.contains_key("payment-receipt"), "{version:?}");
        assert_eq!(collected.to_bytes(), "message");
    }
}

#[tokio::test]
async fn head_keeps_the_length_and_has_no_body() {
    let (address, _) =
        hyper_upstream(|_| async { Response::builder().header("content-length", "1234").body(Body::empty()).unwrap() })
            .await;
    let gateway = Gateway::before(upstream_at(address, Version::Auto)).await;
    let mut sender = http1(gateway.address).await;
    for _ in 0..2 {
        let mut request = get("/");
        *request.method_mut() = http::Method::HEAD;
        let response = soon(sender.send_request(request)).await.unwrap();
        assert_eq!(response.headers()["content-length"], "1234");
        assert!(soon(response.into_body().collect()).await.unwrap().to_bytes().is_empty());
        sender.ready().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_upstream() {
    let (ended, mut endings) = mpsc::unbounded_channel();
    let (address, seen) = hyper_upstream(move |request: Request<Incoming>| {
        let ended = ended.clone();
        async move {
            let (down, body) = fed();
            if request.uri().path() == "/never" {
                let left = body.on_end(move |ending| ended.send(ending).unwrap());
                tokio::time::sleep(Duration::from_secs(20)).await;
                return Response::new(left);
            }
            tokio::spawn(async move { while down.send(data("tick")).await.is_ok() {} });
            Response::new(body.on_end(move |ending| ended.send(ending).unwrap()))
        }
    })
    .await;
    for version in [Version::Http1, Version::Http2] {
        // With time-outs so long that only the client's leaving can end the exchange.
        let origin = format!("http://{address}").parse().unwrap();
        let upstream = Upstream::new(&origin, version, Timeouts::default(), None).unwrap();
        let gateway = Gateway::before(upstream).await;
        for path in ["/never", "/ticks"] {
            let mut stream = TcpStream::connect(gateway.address).await.unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
            let line = format!("GET {path}");
            soon(async {
                while !seen.lock().unwrap().contains(&line) {
                    tokio::task::yield_now().await;
                }
            })
            .await;
            if path == "/ticks" {
                stream.read_exact(&mut [0; 200]).await.unwrap();
            }
            drop(stream);
            assert_eq!(soon(endings.recv()).await, Some(Ending::Broken), "{version:?} {path}");
            seen.lock().unwrap().clear();
        }
    }
}

#[tokio::test]
async fn a_websocket_echoes_and_other_upgrades_do_not_pass() {
    let (address, _) = hyper_upstream(echoing_websocket).await;
    let gateway = Gateway::before(upstream_at(address, Version::Auto)).await;
    let mut request = get("/socket");
    request.headers_mut().insert("connection", HeaderValue::from_static("keep-alive, Upgrade"));
    request.headers_mut().insert("upgrade", HeaderValue::from_static("h2c"));
    let mut sender = http1(gateway.address).await;
    assert_eq!(sender.send_request(request).await.unwrap().status(), StatusCode::NO_CONTENT);

    let mut request = get("/socket");
    request.headers_mut().insert("connection", HeaderValue::from_static("keep-alive, Upgrade"));
    request.headers_mut().insert("upgrade", HeaderValue::from_static("WebSocket"));
    let mut response = http1(gateway.address).await.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["sec-websocket-accept"], "x");
    let mut socket = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
    for word in ["one", "two"] {
        socket.write_all(word.as_bytes()).await.unwrap();
        let mut echoed = [0; 3];
        soon(socket.read_exact(&mut echoed)).await.unwrap();
        assert_eq!(echoed, word.as_bytes());
    }
}

#[tokio::test]
async fn tls_on_both_sides_chooses_http2_and_shows_a_replaced_certificate() {
    let issue = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (first, second) = (issue(), issue());
    let pem = |issued: &rcgen::CertifiedKey<rcgen::KeyPair>| (issued.cert.pem(), issued.signing_key.serialize_pem());
    let trust = |issued: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(issued.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        config.unwrap().with_root_certificates(roots).with_no_client_auth()
    };
    let (chain, key) = pem(&first);
    let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let (address, _) = hyper_upstream(echo).await;
    let settings = Settings { certificate: Some(certificate.clone()), ..Settings::default() };
    let timeouts = Timeouts { first_byte: Duration::from_secs(5), ..timeouts() };
    let plain = format!("http://{address}").parse().unwrap();
    let inner = Gateway::start(Upstream::new(&plain, Version::Http2, timeouts, None).unwrap(), settings).await;
    // The outer gateway's upstream is the inner gateway, over TLS.
    let through = async |config| {
        let origin = format!("https://localhost:{}", inner.address.port()).parse().unwrap();
        let outer = Gateway::before(Upstream::new(&origin, Version::Auto, timeouts, Some(config)).unwrap()).await;
        let request = Request::post(format!("http://{}/", outer.address)).body(Body::full("hello")).unwrap();
        let response = http2(outer.address).await.send_request(request).await.unwrap();
        (response.status(), response.into_body().collect().await.unwrap().to_bytes())
    };
    assert_eq!(through(trust(&first)).await, (StatusCode::OK, Bytes::from("hello")));
    let (chain, key) = pem(&second);
    certificate.replace(chain.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(through(trust(&first)).await.0, StatusCode::BAD_GATEWAY);
    assert_eq!(through(trust(&second)).await, (StatusCode::OK, Bytes::from("hello")));
}
