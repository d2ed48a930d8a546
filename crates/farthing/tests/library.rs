//! The examples of `farthing-rails`, run against a real gateway.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code, the helpers of tests included")]
#![allow(dead_code, reason = "what is run of an example is what its main runs")]

#[path = "../../rails/all/examples/middleware.rs"]
mod middleware;
#[path = "../../rails/all/examples/pay.rs"]
mod pay;
mod support;
#[path = "../../rails/all/examples/tower.rs"]
mod tower;
#[path = "../../rails/all/examples/wallet.rs"]
mod wallet;

use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

#[tokio::test(flavor = "multi_thread")]
async fn every_example_pays_a_gateway_and_is_stopped_by_its_limit() {
    let (folder, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let dear = "[[route]]\nmatch = \"* /dear\"\nupstream = \"UPSTREAM\"\nprice = \"0.02 USD\"\naccept = [\"balance/charge\"]\n";
    let config = config(&upstream.url(), HONEST_RAIL) + &dear.replace("UPSTREAM", &upstream.url());
    let seller = Seller::start(folder.path(), &config, &[]);
    let home = &folder.path().join("home");
    seller.grant(&wallet::make(home).unwrap(), "1 USD").await;

    let [page, dear, free] = ["/paid/page", "/dear", "/free/page"].map(|path| format!("{}{path}", seller.listen));
    let paid = [
        pay::fetch(home, &page).await.unwrap(),
        middleware::fetch(home, &page).await.unwrap(),
        tower::fetch(home, &page).await.unwrap(),
    ];
    assert_eq!((paid, seller.charged()), (["paid 0.001 USD: content of /paid/page"; 3].map(str::to_owned), 3_000));
    let given = [
        pay::fetch(home, &free).await.unwrap(),
        middleware::fetch(home, &free).await.unwrap(),
        tower::fetch(home, &free).await.unwrap(),
    ];
    assert_eq!(given, ["free: content of /free/page"; 3]);
    let refused = [
        pay::fetch(home, &dear).await.unwrap(),
        middleware::fetch(home, &dear).await.unwrap(),
        tower::fetch(home, &dear).await.unwrap(),
    ];
    let is_refusal = |said: &String| said.starts_with("not paid: it costs 0.02 USD, and the limit");
    assert!(refused.iter().all(is_refusal), "{refused:?}");
    assert_eq!((upstream.hits(), seller.charged()), (6, 3_000));
}
