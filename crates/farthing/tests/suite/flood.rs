//! Unpaid traffic costs nothing durable, and hostile requests end in a bounded, clear answer.

use crate::support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use support::buyer::Buyer;
use support::seller::{Seller, config};
use support::upstream::Upstream;

const CONNECTIONS: usize = 8;
const BURSTS: usize = 125;
const BURST: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_unpaid_requests_write_nothing_and_grow_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    // The first reading of a rail's statement is noted down.
    let config = quiet(&upstream).replacen("[gateway]", "[gateway]\nreconcile = \"1h\"", 1);
    let seller = Seller::start(directory.path(), &config, &[("RUST_LOG", "warn")]);
    flood(&seller, 10).await;
    let (memory, disk) = (resident_kilobytes(seller.process_id()), bytes_on_disk(directory.path()));

    let answered = flood(&seller, BURSTS).await;

    assert_eq!(answered, CONNECTIONS * BURSTS * BURST);
    assert_eq!(bytes_on_disk(directory.path()), disk, "unpaid requests were written to disk");
    let grown = resident_kilobytes(seller.process_id()).saturating_sub(memory);
    assert!(grown < 16 * 1024, "memory grew by {grown} kB");
    assert_eq!(upstream.hits(), 0);
    assert!(seller.log().len() < 10_000, "unpaid requests fill the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_header_and_a_huge_body_are_refused_in_bounded_memory() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let mut seller = Seller::start(directory.path(), &quiet(&upstream), &[("RUST_LOG", "warn")]);
    let address = seller.listen.trim_start_matches("http://").to_owned();
    let before = resident_kilobytes(seller.process_id());

    let big = "a".repeat(64 * 1024);
    let answer =
        exchange(&address, &format!("GET /paid/x HTTP/1.1\r\nhost: x\r\nauthorization: Payment {big}\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 402"), "a 64 kB credential is read and refused: {}", head(&answer));
    let bigger = "a".repeat(1024 * 1024);
    let answer = exchange(&address, &format!("GET /paid/x HTTP/1.1\r\nhost: x\r\nx-big: {bigger}\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 431") || answer.is_empty(), "{}", head(&answer));
    let answer = exchange(&address, "GET /paid/x HTTP/1.1\r\nhost: x\r\nx-bad: a\rb\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400") || answer.is_empty(), "{}", head(&answer));
    let claimed = "POST /paid/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10737418240\r\n\r\n";
    let answer = exchange(&address, &format!("{claimed}{}", "b".repeat(256 * 1024)));
    let status: u16 = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    assert!(matches!(status, 402 | 413), "{}", head(&answer));

    assert!(resident_kilobytes(seller.process_id()).saturating_sub(before) < 32 * 1024);
    assert!(seller.is_alive());
    assert_eq!(upstream.hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_slow_client_does_not_hold_up_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let seller = Seller::start(directory.path(), &quiet(&upstream), &[("RUST_LOG", "warn")]);
    let address = seller.listen.trim_start_matches("http://").to_owned();
    let mut slow: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /paid/x HTTP/1.1\r\nhost:").unwrap();
    }
    let buyer = Buyer::new();
    seller.grant(&buyer.did, "1 USD").await;
    let url = format!("{}/paid/x", seller.listen);
    let credential = buyer.credential(&url).await;
    let paid = buyer.get(&url, &credential).timeout(Duration::from_secs(5)).send().await.unwrap();
    assert_eq!(paid.status(), 200);
}

fn quiet(upstream: &Upstream) -> String {
    config(&upstream.url(), support::seller::HONEST_RAIL)
}

async fn flood(seller: &Seller, bursts: usize) -> usize {
    let address = seller.listen.trim_start_matches("http://").to_owned();
    let clients = (0..CONNECTIONS).map(|_| {
        let address = address.clone();
        tokio::task::spawn_blocking(move || one_client(&address, bursts))
    });
    futures_util::future::join_all(clients).await.into_iter().map(|answered| answered.unwrap()).sum()
}

/// Sends requests in bursts on one connection and counts the 402s.
fn one_client(address: &str, bursts: usize) -> usize {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let burst = "GET /paid/flood HTTP/1.1\r\nhost: x\r\n\r\n".repeat(BURST);
    let (mut answered, mut tail) = (0, Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    for sent in 1..=bursts {
        stream.write_all(burst.as_bytes()).unwrap();
        while answered < sent * BURST {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "the connection was closed after {answered} answers");
            tail.extend_from_slice(&buffer[..read]);
            answered += tail.windows(13).filter(|window| window == b"HTTP/1.1 402 ").count();
            tail.drain(..tail.len().saturating_sub(12));
        }
    }
    answered
}

/// Sends bytes and reads whatever comes back until silence or the end.
fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..read]);
        if read == 0 || answer.len() > 64 * 1024 {
            break;
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(answer: &str) -> &str {
    answer.lines().next().unwrap_or("no answer")
}

fn resident_kilobytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn bytes_on_disk(directory: &Path) -> u64 {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}
