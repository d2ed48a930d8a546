//! Many requests on one deposit, over HTTP.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../support/mod.rs"]
mod support;

mod attacks;
#[cfg(feature = "failpoints")]
mod crash;
mod deposits;
mod paying;
mod terms;

use std::time::Duration;

use http::StatusCode;
use support::payer::{Payer, number};
use support::session::session_of;
use support::{Answer, Setup, World};

const ROUTES: &str = r#"
[rails.channel]
[rails.purse]
[[route]]
match = "GET,PUT /metered/{name}"
upstream = "UPSTREAM"
price = "0.00002 USD"
unit = "answer"
accept = ["channel/session", "purse/session", "double/charge"]
[route.session]
deposit = "0.002 USD"
least_delta = "0.00001 USD"
[[route]]
match = "GET /other"
upstream = "UPSTREAM"
price = "0.00003 USD"
accept = ["purse/session"]
"#;
const PATH: &str = "/metered/a";
const PRICE: u128 = 20;

async fn world() -> World {
    Setup::with_routes(ROUTES).start().await
}

async fn payer(world: &World, method: &str, channel: &str) -> Payer {
    Payer::asking(world.client("alice"), PATH, method, "alice", channel).await
}

/// A payer with an open channel whose first request is paid.
async fn opened(world: &World, method: &str, deposit: u128) -> Payer {
    world.fund("alice", 10_000).await;
    let payer = payer(world, method, "c1").await;
    assert_eq!(payer.get(PATH, &payer.open(deposit, PRICE)).await.status, StatusCode::OK);
    payer
}

fn said(answer: &Answer) -> (u128, u128, u128) {
    let extra = answer.receipt().unwrap_or_else(|| panic!("no receipt: {answer:?}")).extra;
    (number(&extra, "acceptedCumulative"), number(&extra, "spent"), number(&extra, "units"))
}

/// Waits until everything that went out is written down.
async fn settled(world: &World, method: &str, spent: u128) -> farthing_books::SessionRecord {
    for _ in 0..500 {
        let record = world.books.session(session_of(method, "c1")).await.unwrap().unwrap();
        if record.held.units() == 0 && record.spent.units() == spent {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", world.books.session(session_of(method, "c1")).await)
}

/// The answer to a close, once its outcome is known.
async fn ended(payer: &Payer, close: &str) -> Answer {
    for _ in 0..200 {
        let answer = payer.bring(PATH, close).await;
        if answer.status != StatusCode::SERVICE_UNAVAILABLE {
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the end stays unknown")
}
