//! Connections on both sides: used again, found closed, handed over to a WebSocket, drained.

use crate::proxy_support;

use farthing_gateway::proxy::Version;
use farthing_gateway::serve::{Drained, Limits};
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use proxy_support::{Gateway, Settings, echoing_websocket, get, http1, hyper_upstream, upstream_at};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers on each connection this many times and then closes it without having said so. Counts the connections.
async fn upstream_that_tires(answers: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut head = [0; 4096];
                for _ in 0..answers {
                    let Ok(1..) = stream.read(&mut head).await else { return };
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                }
            });
        }
    });
    (address, connections)
}

#[tokio::test]
async fn connections_are_used_again() {
    let (address, connections) = upstream_that_tires(usize::MAX).await;
    let gateway = Gateway::before(upstream_at(address, Version::Auto)).await;
    let mut sender = http1(gateway.address).await;
    for _ in 0..50 {
        let response = sender.send_request(get("/")).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
        sender.ready().await.unwrap();
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_connection_that_the_upstream_closed_meanwhile_costs_nobody_an_answer() {
    let (address, connections) = upstream_that_tires(3).await;
    let gateway = Gateway::before(upstream_at(address, Version::Auto)).await;
    let mut sender = http1(gateway.address).await;
    for _ in 0..9 {
        let response = sender.send_request(get("/")).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
        sender.ready().await.unwrap();
        // Time for the news of the closed connection.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_drain_lets_a_websocket_finish_and_counts_one_that_does_not() {
    for (leaves, expected) in [(true, Drained { cut: 0 }), (false, Drained { cut: 1 })] {
        let (address, _) = hyper_upstream(echoing_websocket).await;
        let limits = Limits { drain: Duration::from_millis(1_500), ..Limits::default() };
        let gateway =
            Gateway::start(upstream_at(address, Version::Auto), Settings { limits, ..Settings::default() }).await;
        let mut request = get("/socket");
        request.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
        request.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
        let mut response = http1(gateway.address).await.send_request(request).await.unwrap();
        let mut socket = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
        let drained = gateway.begin_drain();
        tokio::time::sleep(Duration::from_millis(100)).await;
        socket.write_all(b"still here").await.unwrap();
        let mut echoed = [0; 10];
        socket.read_exact(&mut echoed).await.unwrap();
        assert_eq!(&echoed, b"still here");
        assert!(!drained.is_finished(), "the gateway did not wait for the WebSocket");
        if leaves {
            drop(socket);
        }
        assert_eq!(drained.await.unwrap(), expected);
    }
}
