//! Machines whose clocks nobody keeps in step.

use farthing_testing_postgres::shared;
use reqwest::Method;

use crate::stage::{Stage, until_a_payment_is};
use crate::support::seller::{HONEST_RAIL, Seller, config};

/// A gateway on a machine whose clock is so many seconds ahead.
fn ahead(stage: &Stage, name: &str, seconds: &str) -> Seller {
    stage.start(name, &[("FARTHING_CLOCK_AHEAD", seconds)])
}

async fn metric(seller: &Seller, name: &str) -> f64 {
    let shown = reqwest::get(format!("{}/metrics", seller.admin)).await.unwrap().text().await.unwrap();
    let line = shown.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {shown}"));
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn p_20_ten_minutes_between_the_clocks_of_gateways_change_nothing() {
    let mut stage = Stage::with_rail(shared().address(), "time-out-after-taking").await;
    let upstream = stage.upstream.url();
    stage.config += &format!(
        "\n[[route]]\nmatch = \"* /short/{{*rest}}\"\nupstream = \"{upstream}\"\nprice = \"0.001 USD\"\n\
         accept = [\"balance/charge\"]\nentitlement = \"1s\"\n"
    );
    // The first to come leads.
    let sellers = [ahead(&stage, "slow", "-600"), ahead(&stage, "right", "0"), ahead(&stage, "fast", "600")];
    sellers[1].grant(&stage.buyer.did, "1 USD").await;

    let mut paid = 0;
    for (from, issuer) in sellers.iter().enumerate() {
        for (to, acceptor) in sellers.iter().enumerate() {
            let credential = stage.buyer.credential(&format!("{}/paid/x", issuer.listen)).await;
            let answer = stage.buyer.get(&format!("{}/paid/x", acceptor.listen), &credential).send().await.unwrap();
            assert_eq!(answer.status(), 200, "issued by {from}, presented to {to}");
            paid += 1;
        }
    }

    // What another gateway with this secret issued a quarter of an hour ago.
    let alone = config(&stage.upstream.url(), HONEST_RAIL);
    let earlier = Seller::start(&stage.folder("earlier"), &alone, &[("FARTHING_CLOCK_AHEAD", "-900")]);
    let over = stage.buyer.challenges(Method::GET, &format!("{}/paid/x", earlier.listen)).await.remove(0);
    for seller in &sellers {
        let url = format!("{}/paid/x", seller.listen);
        let answer = stage.buyer.get(&url, &stage.buyer.sign(&over)).send().await.unwrap();
        assert_eq!(answer.status(), 402);
        assert!(answer.text().await.unwrap().contains("payment-expired"), "it says why");
    }
    assert_eq!(stage.upstream.hits(), paid, "and nothing is served for it");

    // What the fast one wrote down as due is done by the slow one when it is due.
    let url = format!("{}/simulated/x", sellers[2].listen);
    let credential = stage.buyer.credential(&url).await;
    assert_eq!(stage.buyer.get(&url, &credential).send().await.unwrap().status(), 503, "the rail does not answer");
    until_a_payment_is(&sellers[1], "entitled").await;
    assert_eq!(stage.settled(&format!("{}/simulated/x", sellers[1].listen), &credential).await, 200);
    stage.upstream.fail_next(1);
    let url = format!("{}/short/x", sellers[2].listen);
    let credential = stage.buyer.credential(&url).await;
    assert_ne!(stage.buyer.get(&url, &credential).send().await.unwrap().status(), 200);
    until_a_payment_is(&sellers[1], "refunded").await;

    for (seller, expected) in sellers.iter().zip([-600.0, 0.0, 600.0]) {
        let shown = metric(seller, "farthing_clock_ahead_seconds").await;
        assert!((shown - expected).abs() < 5.0, "{shown} is shown of {expected}");
        let log = seller.log();
        assert_eq!(log.contains("clock is ahead of the database's"), expected != 0.0, "who is far from it says so");
        assert!(!log.contains("taken for dead"), "{log}");
    }
    assert_eq!(stage.takings(), 1);
    stage.assert_sound(paid + 2);
}
