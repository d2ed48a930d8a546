//! A load generator for the benchmarks: it sends a number of requests over many connections and prints how fast the
//! answers came. Unlike a general one it can pay, with a signature of its own for every request; challenges are
//! fetched and signed before the clock starts, so that only paid requests are measured.

mod buyer;
mod connection;
mod latency;
mod volley;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use clap::Parser;
use futures_util::future::try_join_all;
use http::Uri;

use buyer::Buyer;
use connection::{Charge, Connection};
use volley::{Pace, Shot};

/// Sends requests to one URL and prints figures as JSON.
#[derive(Parser)]
#[command(after_help = "Examples:\n  load --count 100000 --rate 4000 http://127.0.0.1:4020/free\n  \
                        load --post payments --connections 32 --expect '\"isValid\":true' http://127.0.0.1:4022/verify")]
struct Arguments {
    /// What to fetch.
    url: Uri,
    /// How many requests.
    #[arg(long, default_value_t = 20_000)]
    count: usize,
    /// Over how many connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Requests a second, at even distances and whether or not the answers keep up; without it, as fast as the
    /// answers come.
    #[arg(long)]
    rate: Option<u32>,
    /// Pay each request with the balance of this key: an Ed25519 seed in hex.
    #[arg(long, value_name = "SEED")]
    pay: Option<String>,
    /// Post the lines of this file, each a JSON document and each once, instead of fetching; --count is then theirs.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pay", "count"])]
    post: Option<PathBuf>,
    /// Fail when an answer does not contain this text.
    #[arg(long, value_name = "TEXT")]
    expect: Option<String>,
    /// Print the key's did and do nothing else.
    #[arg(long, requires = "pay")]
    did: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let buyer = arguments.pay.as_deref().map(Buyer::from_seed).transpose()?;
    if let (true, Some(buyer)) = (arguments.did, &buyer) {
        println!("{}", buyer.did());
        return Ok(());
    }
    ensure!(arguments.connections > 0, "--connections must be at least 1");
    let connections = (0..arguments.connections).map(|_| Connection::open(&arguments.url));
    let mut connections = try_join_all(connections).await?;
    let magazines = match &arguments.post {
        Some(file) => bodies(file, arguments.connections)?,
        None => load(&mut connections, buyer.as_ref(), arguments.count).await?,
    };
    let pace = Pace::new(arguments.rate);
    let figures = volley::fire(connections, magazines, pace, arguments.expect.as_deref()).await?;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Prepares every connection's requests: request number i goes to connection i modulo their number.
async fn load(connections: &mut [Connection], buyer: Option<&Buyer>, count: usize) -> anyhow::Result<Vec<Vec<Shot>>> {
    let width = connections.len();
    let prepared = connections.iter_mut().enumerate().map(|(first, connection)| async move {
        let mut shots = Vec::new();
        for number in (first..count).step_by(width) {
            shots.push(Shot { number, charge: charge(connection, buyer).await? });
        }
        anyhow::Ok(shots)
    });
    try_join_all(prepared).await
}

async fn charge(connection: &mut Connection, buyer: Option<&Buyer>) -> anyhow::Result<Charge> {
    match buyer {
        None => Ok(Charge::Blank),
        Some(buyer) => Ok(Charge::Credential(buyer.pay(&connection.challenge().await?)?)),
    }
}

/// Every connection's share of the lines: line number i goes to connection i modulo their number.
fn bodies(file: &Path, width: usize) -> anyhow::Result<Vec<Vec<Shot>>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut magazines = (0..width).map(|_| Vec::new()).collect::<Vec<_>>();
    for (number, line) in text.lines().enumerate() {
        let shot = Shot { number, charge: Charge::Body(Bytes::copy_from_slice(line.as_bytes())) };
        magazines.get_mut(number % width).context("a line without a connection")?.push(shot);
    }
    Ok(magazines)
}
