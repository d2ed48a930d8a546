//! D-10: clients that are slow, large or many.

use crate::support;

use std::time::Duration;

use farthing_serve::Limits;
use support::{OPEN, Stage, request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

async fn connect(stage: &Stage) -> TcpStream {
    TcpStream::connect(stage.running.addresses().public).await.unwrap()
}

async fn answer_to(stage: &Stage, bytes: &[u8]) -> String {
    let mut stream = connect(stage).await;
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn d_10_large_heads_and_many_headers_are_refused() {
    let stage = Stage::new(OPEN, vec![]).await;
    let large = format!("POST /verify HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(32 * 1024));
    let answer = answer_to(&stage, large.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many = format!("POST /verify HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(1000));
    assert!(answer_to(&stage, many.as_bytes()).await.starts_with("HTTP/1.1 431"));
    assert_eq!(stage.post("/verify", &request("a")).await.status, 200);
}

#[tokio::test]
async fn d_10_a_slow_head_is_cut_and_nobody_else_waits() {
    let limits = Limits { head_timeout: Duration::from_millis(300), ..Limits::default() };
    let stage = Stage::within(OPEN, vec![], Some(limits)).await;
    let mut slow = Vec::new();
    for _ in 0..64 {
        let mut stream = connect(&stage).await;
        stream.write_all(b"POST /verify HTTP/1.1\r\nHost: a\r\n").await.unwrap();
        slow.push(stream);
    }
    let begin = Instant::now();
    assert_eq!(stage.post("/verify", &request("a")).await.status, 200);
    assert!(begin.elapsed() < Duration::from_secs(2));
    for mut stream in slow {
        let mut rest = Vec::new();
        let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.unwrap();
    }
}

#[tokio::test]
async fn d_10_a_body_that_does_not_come_is_given_up() {
    let stage = Stage::new(OPEN, vec![]).await;
    let begin = Instant::now();
    let answer =
        answer_to(&stage, b"POST /settle HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{")
            .await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(begin.elapsed() < Duration::from_secs(15));
}

#[tokio::test]
async fn a_message_that_ends_in_two_places_is_refused() {
    let stage = Stage::new(OPEN, vec![]).await;
    let answer = answer_to(
        &stage,
        b"POST /verify HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}
