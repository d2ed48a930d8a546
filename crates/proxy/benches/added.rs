//! What the proxy adds to a request that costs nothing, over kept connections: in clear, and through TLS.
//!
//! `cargo bench -p farthing-proxy` prints the times of one request after another, straight and through the proxy.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, missing_docs, reason = "a benchmark")]

#[path = "../../wallet/tests/double/mod.rs"]
mod double;
#[path = "../tests/secure/mod.rs"]
mod secure;
#[path = "../tests/street/mod.rs"]
mod street;

use std::time::{Duration, Instant};

use street::Street;

const WARM_UP: usize = 200;
const MEASURED: usize = 2000;

#[tokio::main]
async fn main() {
    // `cargo test` runs benchmarks once, to see that they run.
    let measured = if std::env::args().any(|argument| argument == "--bench") { MEASURED } else { 3 };
    let (plain, secure) = (double::Seller::start().await, secure::Server::start().await);
    let mut reach = secure.reach();
    reach.private.push(plain.origin["http://".len()..].parse().unwrap());
    let street = Street::reaching(reach, "total = \"0.003 USD\"", true).await;
    let straight = |trusted: Option<&[u8]>| {
        let trusted = trusted.map(|trusted| reqwest::Certificate::from_der(trusted).unwrap());
        reqwest::Client::builder().no_proxy().tls_certs_only(trusted).http1_only().build().unwrap()
    };
    let (free, hello) = (plain.url("/free").to_string(), secure.url("/sized"));
    for (name, url, client) in
        [("plain HTTP", &free, straight(None)), ("HTTPS", &hello, straight(Some(&secure.authority)))]
    {
        let (before, after) =
            (times(&client, url, measured).await, times(&street.agent_of_http1(), url, measured).await);
        for (name_of, at) in [("p50", 50), ("p99", 99)] {
            let (straight, through) = (before[before.len() * at / 100], after[after.len() * at / 100]);
            println!(
                "{name}: {name_of} {straight:?} straight, {through:?} through the proxy, {:?} added",
                through.saturating_sub(straight)
            );
        }
    }
}

/// How long requests took, the quickest first.
async fn times(client: &reqwest::Client, url: &str, measured: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(measured);
    for number in 0..WARM_UP.min(measured) + measured {
        let begun = Instant::now();
        let request = if url.ends_with("/sized") { client.head(url) } else { client.get(url) };
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success());
        answer.bytes().await.unwrap();
        if number >= WARM_UP.min(measured) {
            times.push(begun.elapsed());
        }
    }
    times.sort();
    times
}
