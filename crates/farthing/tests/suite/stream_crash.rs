//! `kill -9` of the gateway in a stream that is faster than its disk: what the seller loses is two slices at most, and
//! the payer is charged for nothing that did not arrive.

use crate::support;

use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::Value;
use support::FARTHING;
use support::seller::Seller;

/// What one costs, in millionths of a dollar.
const PRICE: u64 = 20;
/// How many are in a slice of 0.0005 USD.
const SLICE: u64 = 25;
/// It dies after so many.
const ARRIVED: u64 = 2_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_dies_in_a_fast_stream_loses_two_slices_at_most() {
    let (seller_home, agent_home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = config(&endless_upstream().await);
    let mut seller = Seller::start(seller_home.path(), &config, &[]);
    let shop = seller.listen.clone();
    let agent = |arguments: &[&str]| {
        let mut command = Command::new(FARTHING);
        command.args(arguments).env("FARTHING_HOME", agent_home.path()).env("FARTHING_PASSPHRASE", "open sesame");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    finish(agent(&["wallet", "create", "agent"]));
    finish(agent(&["policy", "set", "--total", "2 USD", "--per-payment", "0.5 USD"]));
    let shown: Value = serde_json::from_slice(&finish(agent(&["wallet", "show", "agent", "--json"]))).unwrap();
    seller.grant(shown["did"].as_str().unwrap(), "1 USD").await;

    let mut streaming = agent(&["pay", "--stream", &format!("{shop}/tokens")]);
    let mut output = BufReader::new(streaming.stdout.take().unwrap()).lines();
    let mut arrived = 0;
    let mut is_dead = false;
    while let Some(Ok(line)) = output.next() {
        arrived += u64::from(line.trim() == "token");
        if arrived == ARRIVED && !is_dead {
            is_dead = true;
            Command::new("kill").args(["-9", &seller.process_id().to_string()]).status().unwrap();
            seller.wait_for_death();
        }
    }
    assert!(is_dead, "it ended after {arrived}: {:?}", streaming.wait_with_output());
    streaming.wait().unwrap();

    let seller = Seller::start(seller_home.path(), &config, &[]);
    let shown = reqwest::get(format!("{}/admin/sessions", seller.admin)).await.unwrap().json::<Value>().await.unwrap();
    let spent: u64 = shown["sessions"][0]["spent"].as_str().unwrap().parse().unwrap();
    let charged = spent / PRICE;
    assert!(charged <= arrived, "{charged} were charged, and {arrived} arrived");
    assert!(arrived <= charged + 2 * SLICE, "{arrived} arrived, and {charged} were charged");
    seller.verify_books();
}

fn finish(process: Child) -> Vec<u8> {
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Events as fast as they are taken, for ever.
async fn endless_upstream() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = async || -> Response {
        let tokens = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(b"data: token\n\n")));
        ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(tokens)).into_response()
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await.unwrap() });
    format!("http://{address}")
}

fn config(upstream: &str) -> String {
    format!(
        r#"
[gateway]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
realm = "test.example"
secret = "a secret for tests that is long enough to bind"
store = "sqlite:farthing.db"
development = true

[rails.balance]
asset = "USD"

[[route]]
match = "GET /tokens"
upstream = "{upstream}"
price = "0.00002 USD"
unit = "token"
meter = {{ events = true }}
accept = ["balance/session"]

[route.session]
deposit = "0.4 USD"
slice = "0.0005 USD"
"#
    )
}
