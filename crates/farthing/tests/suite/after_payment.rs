//! What a buyer is told, and what is counted, when a payment does not end in goods.

use crate::support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse as _;
use farthing_devnet::{Devnet, Options, Source};
use support::agent::Agent;
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

async fn agent(total: &str) -> Agent {
    let agent = Agent::new();
    agent.must(&["wallet", "create", "agent"]).await;
    agent.must(&["policy", "set", "--wallet", "agent", "--total", total]).await;
    agent
}

/// How much of its limit is spent, and how much reserved.
async fn counted(agent: &Agent) -> [String; 2] {
    let shown = agent.json(&["wallet", "show", "agent", "--json"]).await;
    ["spent", "reserved"].map(|of| shown["accounts"][0][of].as_str().unwrap().to_owned())
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_request_for_a_missing_page_is_the_server_s_error_and_fetched_again_for_free() {
    let there = Arc::new(AtomicBool::new(false));
    let is_there = Arc::clone(&there);
    let upstream = serve(Router::new().fallback(move || async move {
        match is_there.load(Ordering::SeqCst) {
            true => (StatusCode::OK, "the page"),
            false => (StatusCode::NOT_FOUND, "no such page"),
        }
    }));
    let directory = tempfile::tempdir().unwrap();
    let seller = Seller::start(directory.path(), &config(&upstream.await, HONEST_RAIL), &[]);
    let agent = agent("0.001 USD").await;
    let did = agent.json(&["wallet", "show", "agent", "--json"]).await["did"].as_str().unwrap().to_owned();
    seller.grant(&did, "1 USD").await;

    let url = format!("{}/paid/page", seller.listen);
    let pay = ["pay", "--wallet", "agent", url.as_str()];
    for _ in 0..2 {
        let missing = agent.run(&pay).await;
        assert_eq!(missing.code, 22, "{}", missing.error);
        assert_eq!(missing.out, "no such page");
        let line = missing.error;
        assert!(line.contains("took 0.001 USD and answered 404 Not Found"), "{line}");
        assert!(line.contains("the same call fetches again for free until 20"), "{line}");
    }
    there.store(true, Ordering::SeqCst);
    assert_eq!(agent.must(&pay).await, "the page");
    assert_eq!((seller.charged(), counted(&agent).await), (1000, ["0.001 USD".into(), "0 USD".into()]));
    seller.verify_books();
}

/// A shop in front of an honest one that refuses every payment, taking the money where `takes` says so.
async fn liar(honest: String, takes: bool) -> String {
    let client = reqwest::Client::new();
    serve(Router::new().fallback(move |uri: Uri, headers: HeaderMap| {
        let (client, url) = (client.clone(), format!("{honest}{}", uri.path()));
        async move {
            if let Some(credential) = headers.get("authorization").filter(|_| takes) {
                let taken = client.get(&url).header("authorization", credential).send().await.unwrap();
                assert!(taken.status().is_success(), "{}", taken.text().await.unwrap());
            }
            let asked = client.get(&url).send().await.unwrap();
            let offer = asked.headers()["www-authenticate"].clone();
            let problem = r#"{"type":"https://paymentauth.org/problems/verification-failed","title":"no"}"#;
            (StatusCode::PAYMENT_REQUIRED, [("www-authenticate", offer)], problem).into_response()
        }
    }))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_says_it_took_nothing_is_not_believed_and_the_chain_is() {
    let chain = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
    let (upstream, directory) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let gateway = config(&upstream.url(), "").replace("balance/charge", "tempo/charge")
        + &format!(
            "[rails.tempo]\nrpc = \"{}\"\nchain = 42431\nrecipient = \"{}\"\nasset = \"pathUSD\"\n",
            chain.rpc(),
            chain.accounts()[3].address
        );
    let gateway = gateway.replace("accept = [\"simulated/charge\"]", "accept = [\"tempo/charge\"]");
    let seller = Seller::start(directory.path(), &gateway, &[]);
    let (takes, keeps_off) = (liar(seller.listen.clone(), true).await, liar(seller.listen.clone(), false).await);
    let agent = agent("0.0335 USD").await;
    agent.must(&["wallet", "chain", "add", "devnet", "--chain", "42431", "--rpc", chain.rpc()]).await;
    agent.must(&["wallet", "fund", "agent", "--from-devnet", "10 USD"]).await;

    let url = format!("{}/paid/page", seller.listen);
    let pay = ["pay", "--wallet", "agent", url.as_str()];
    let paid = agent.run(&pay).await;
    assert_eq!(paid.code, 0, "{}", paid.error);
    assert!(paid.error.contains("paid 0.001 USD to "), "{}", paid.error);
    assert!(paid.error.contains(", and at most 0.01") && paid.error.contains("for the chain's fee"), "{}", paid.error);

    for liar in [takes, keeps_off] {
        let refused = agent.run(&["pay", "--wallet", "agent", &format!("{liar}/paid/page")]).await;
        assert_eq!(refused.code, 5, "{}\n{}", refused.error, seller.log());
    }
    chain.mine(4).await.unwrap();
    let stopped = agent.run(&pay).await;
    assert_eq!(stopped.code, 3, "the limit holds both: {}", stopped.error);
    let [spent, reserved] = counted(&agent).await;
    assert_eq!(
        (spent.as_str(), reserved.as_str()),
        ("0.022 USD", "0.011 USD"),
        "what was taken is found on the chain; the other is not over yet"
    );

    chain.warp(Duration::from_secs(60)).await.unwrap();
    chain.mine(4).await.unwrap();
    let settled = agent.json(&["wallet", "settle", "agent", "--json"]).await;
    assert_eq!(settled, serde_json::json!({ "paid": 0, "released": 1, "unknown": 0 }));
    assert_eq!(counted(&agent).await, [spent, "0 USD".into()]);
}
