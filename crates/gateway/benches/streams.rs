//! What metering a stream of events costs: the same stream through the same gateway, free and paid by the token.
//!
//! `cargo bench -p farthing-gateway --bench streams`. Client, gateway and upstream share the process and its cores, so
//! that processor time is that of all three; runs of the two kinds alternate, and medians are shown. The last line has
//! a slice of 25 tokens, so that a single stream that is as fast as it can be waits for the disk; models are not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench says so by failing")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use bytes::Bytes;
use http::Request;
use http::header::AUTHORIZATION;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use support::payer::Payer;
use support::session::PURSE;
use support::{Setup, World};

const ROUNDS: usize = 9;
const EVENT: &str = "data: {\"id\":\"chatcmpl-7QyqpwdfhqwajicIEznoc6Q47XAyW\",\"object\":\"chat.completion.chunk\",\
                     \"created\":1677664795,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},\
                     \"finish_reason\":null}]}\n\n";

struct Kind {
    title: &'static str,
    path: &'static str,
    events: usize,
    in_a_piece: usize,
}

const KINDS: [Kind; 3] = [
    Kind { title: "one event in a piece", path: "metered", events: 100_000, in_a_piece: 1 },
    Kind { title: "32 events in a piece", path: "metered", events: 400_000, in_a_piece: 32 },
    Kind { title: "one in a piece, slice 25", path: "sliced", events: 10_000, in_a_piece: 1 },
];

#[derive(Clone, Copy, Default)]
struct Cost {
    seconds: f64,
    processor: f64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let world = start(upstream().await).await;
    let payers = [payer(&world, "metered", "c1").await, payer(&world, "sliced", "c2").await];
    let http = Client::builder(TokioExecutor::new()).build_http();
    println!(
        "{:<26} {:>12} {:>12} {:>9} {:>12} {:>12} {:>9}",
        "", "free/s", "metered/s", "time", "free us", "metered us", "CPU"
    );
    for kind in &KINDS {
        let payer = &payers[usize::from(kind.path == "sliced")];
        let mut runs = Vec::new();
        for _ in 0..ROUNDS {
            let free = read(&world, &http, "free", kind, None).await;
            let voucher = payer.voucher(1_000_000_000_000);
            runs.push((free, read(&world, &http, kind.path, kind, Some(&voucher)).await));
        }
        let median = |of: &dyn Fn(&(Cost, Cost)) -> f64| {
            let mut all: Vec<f64> = runs.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[ROUNDS / 2]
        };
        #[allow(clippy::cast_precision_loss, reason = "far below what is lost")]
        let events = kind.events as f64;
        println!(
            "{:<26} {:>12.0} {:>12.0} {:>8.1}% {:>12.3} {:>12.3} {:>8.1}%",
            kind.title,
            events / median(&|run| run.0.seconds),
            events / median(&|run| run.1.seconds),
            100.0 * (median(&|run| run.1.seconds / run.0.seconds) - 1.0),
            1e6 * median(&|run| run.0.processor) / events,
            1e6 * median(&|run| run.1.processor) / events,
            100.0 * (median(&|run| run.1.processor / run.0.processor) - 1.0),
        );
    }
}

async fn start(upstream: SocketAddr) -> World {
    let route = |path: &str, rest: &str| {
        format!("[[route]]\nmatch = \"GET /{path}/{{events}}/{{size}}\"\nupstream = \"http://{upstream}\"\n{rest}\n")
    };
    let paid =
        "price = \"0.000001 USD\"\naccept = [\"purse/session\"]\nmeter = { tokens = \"output\" }\n[route.session]\n";
    let routes = [
        "[rails.purse]\n".to_owned(),
        route("free", "free = true"),
        route("metered", &format!("{paid}slice = \"100 USD\"")),
        route("sliced", &format!("{paid}slice = \"0.000025 USD\"")),
    ];
    let world = Setup::with_routes(&routes.concat()).start().await;
    world.fund("alice", 3_000_000_000_000).await;
    world
}

/// A payer who has signed for more than is read.
async fn payer(world: &World, path: &str, channel: &str) -> Payer {
    let path = format!("/{path}/1/1");
    let payer = Payer::asking(world.client("alice"), &path, PURSE, "alice", channel).await;
    assert_eq!(payer.get(&path, &payer.open(1_000_000_000_000, 1_000_000_000_000)).await.status, 200);
    payer
}

async fn read(
    world: &World,
    http: &Client<HttpConnector, Empty<Bytes>>,
    path: &str,
    kind: &Kind,
    credential: Option<&str>,
) -> Cost {
    let address = world.running.addresses().public;
    let mut request = Request::get(format!("http://{address}/{path}/{}/{}", kind.events, kind.in_a_piece));
    if let Some(credential) = credential {
        request = request.header(AUTHORIZATION, credential);
    }
    let (started, processor) = (Instant::now(), processor_seconds());
    let mut body = http.request(request.body(Empty::new()).unwrap()).await.unwrap().into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        length += frame.unwrap().data_ref().map_or(0, Bytes::len);
    }
    assert!(length >= kind.events * EVENT.len(), "{path}: {length}");
    Cost { seconds: started.elapsed().as_secs_f64(), processor: processor_seconds() - processor }
}

/// So many events, so many at a time.
async fn upstream() -> SocketAddr {
    async fn stream(Path((events, in_a_piece)): Path<(usize, usize)>) -> Response {
        let piece = Bytes::from(EVENT.repeat(in_a_piece));
        let pieces = (0..events / in_a_piece).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
    }
    let router = ["free", "metered", "sliced"].into_iter().fold(Router::new(), |router, path| {
        router.route(&format!("/{path}/{{events}}/{{size}}"), axum::routing::get(stream))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// What this process has used of its processors, in hundredths of a second as the kernel counts them.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
