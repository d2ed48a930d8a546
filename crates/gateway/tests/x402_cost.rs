//! What a price in two protocols costs more than a price in one. A measurement, to be run by hand:
//! `cargo test --release -p farthing-gateway --test x402_cost -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod support;

use std::time::{Duration, Instant};

use support::x402::{BOTH, world};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ROUND: u32 = 2_000;
const ROUNDS: usize = 15;

/// The time of one 402 over a connection that is kept, of the fastest round.
struct Asking {
    socket: TcpStream,
    request: &'static [u8],
    best: Duration,
    bytes: usize,
}

impl Asking {
    async fn of(address: std::net::SocketAddr, request: &'static [u8]) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, request, best: Duration::MAX, bytes: 0 }
    }

    async fn round(&mut self) {
        let mut buffer = vec![0; 16 * 1024];
        let started = Instant::now();
        for _ in 0..ROUND {
            self.socket.write_all(self.request).await.unwrap();
            // The body is a JSON object and the last thing that comes.
            let mut length = 0;
            while !buffer[..length].ends_with(b"\"}") {
                length += self.socket.read(&mut buffer[length..]).await.unwrap();
            }
            assert!(buffer.starts_with(b"HTTP/1.1 402"));
            self.bytes = length;
        }
        self.best = self.best.min(started.elapsed() / ROUND);
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn a_price_in_both_protocols_costs_at_most_a_third_more() {
    let routes = BOTH.replace("x402_v1 = true", "");
    let alone = routes.replace(", \"x402/exact\"", "").replace("/paid/", "/alone/");
    let world = world(&format!("{routes}{alone}")).await;
    let address = world.running.addresses().public;
    let mut both = Asking::of(address, b"GET /paid/a HTTP/1.1\r\nhost: shop.example\r\n\r\n").await;
    let mut one = Asking::of(address, b"GET /alone/a HTTP/1.1\r\nhost: shop.example\r\n\r\n").await;
    for _ in 0..ROUNDS {
        one.round().await;
        both.round().await;
    }
    let ratio = both.best.as_secs_f64() / one.best.as_secs_f64();
    println!(
        "one protocol {:?} ({} bytes), both {:?} ({} bytes): {ratio:.2} times",
        one.best, one.bytes, both.best, both.bytes
    );
    assert!(ratio <= 1.3, "{ratio}");
}
