//! A load generator for the benchmarks: it sends a number of requests over many connections and prints how fast the
//! answers came. Unlike a general one it can pay, with a signature of its own for every request; challenges are
//! fetched and signed before the clock starts, so that only paid requests are measured.

mod connection;
mod latency;
mod volley;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use farthing_load::buyer::{Buyer, Session};
use futures_util::future::try_join_all;
use http::{HeaderValue, Uri};

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
    /// What each request is paid by: a charge, the next voucher of its connection's session, or a session of its own.
    #[arg(long, value_enum, default_value = "charge", requires = "pay")]
    by: Means,
    /// How many units each voucher is for: what a metered answer may come to.
    #[arg(long, default_value_t = 1, requires = "pay")]
    units: u128,
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

/// What a request is paid by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Means {
    /// A charge of its own.
    Charge,
    /// The next voucher of its connection's session.
    Voucher,
    /// A session of its own, which its first voucher opens.
    Opening,
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
        None => {
            let payment = buyer.as_ref().map(|buyer| Payment { buyer, by: arguments.by, units: arguments.units });
            load(&mut connections, payment, arguments.count).await?
        }
    };
    let pace = Pace::new(arguments.rate);
    let figures = volley::fire(connections, magazines, pace, arguments.expect.as_deref()).await?;
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Who pays, and how.
#[derive(Clone, Copy)]
struct Payment<'a> {
    buyer: &'a Buyer,
    by: Means,
    /// See [`Arguments::units`].
    units: u128,
}

/// Prepares every connection's requests: request number i goes to connection i modulo their number.
async fn load(
    connections: &mut [Connection],
    payment: Option<Payment<'_>>,
    count: usize,
) -> anyhow::Result<Vec<Vec<Shot>>> {
    let width = connections.len();
    let prepared = connections.iter_mut().enumerate().map(|(first, connection)| async move {
        let numbers = (first..count).step_by(width);
        let mut session = match payment {
            Some(payment) if payment.by == Means::Voucher => Some(opened(connection, payment, numbers.len()).await?),
            _ => None,
        };
        let mut shots = Vec::new();
        for number in numbers {
            let charge = match (payment, session.as_mut()) {
                (_, Some(session)) => Charge::Credential(session.pay()?),
                (Some(payment), None) => Charge::Credential(alone(connection, payment).await?),
                (None, None) => Charge::Blank,
            };
            shots.push(Shot { number, charge });
        }
        anyhow::Ok(shots)
    });
    try_join_all(prepared).await
}

/// A session that is open, with a deposit for so many requests after the one that opened it.
async fn opened<'a>(connection: &mut Connection, payment: Payment<'a>, requests: usize) -> anyhow::Result<Session<'a>> {
    let mut session = Session::new(payment.buyer, connection.challenge().await?, payment.units)?;
    let opening = session.open(u128::try_from(requests)? + 1)?;
    let status = connection.fetch(Charge::Credential(opening), None).await?;
    ensure!(status.is_success(), "a session was not opened: {status}");
    Ok(session)
}

/// What pays one request by itself.
async fn alone(connection: &mut Connection, payment: Payment<'_>) -> anyhow::Result<HeaderValue> {
    let challenge = connection.challenge().await?;
    match payment.by {
        Means::Opening => Session::new(payment.buyer, challenge, payment.units)?.open(1),
        Means::Charge | Means::Voucher => payment.buyer.pay(&challenge),
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
