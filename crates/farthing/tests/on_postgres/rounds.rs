//! The same credential to all gateways at once, over and over.

use farthing_testing_postgres::shared;
use futures_util::future::join_all;

use crate::stage::Stage;
use crate::support::seller::Seller;

/// How many rounds; a thousand at night.
#[expect(clippy::disallowed_methods, reason = "a test is told by its environment how long to go on")]
pub fn rounds() -> u64 {
    std::env::var("FARTHING_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20)
}

/// What a gateway logs while nobody reads it.
pub const QUIET: (&str, &str) = ("RUST_LOG", "warn");

async fn all_at_once(gateways: usize) {
    let stage = Stage::at(shared().address()).await;
    let sellers: Vec<Seller> = (0..gateways).map(|number| stage.start(&number.to_string(), &[QUIET])).collect();
    sellers[0].grant(&stage.buyer.did, "100 USD").await;
    for round in 0..rounds() {
        let path = if round % 2 == 0 { "/paid/x" } else { "/simulated/x" };
        let credential = stage.buyer.credential(&format!("{}{path}", sellers[0].listen)).await;
        let ask = |seller: &Seller| stage.buyer.get(&format!("{}{path}", seller.listen), &credential).send();
        let answers = join_all(sellers.iter().map(ask)).await;
        let answers: Vec<u16> = answers.into_iter().map(|answer| answer.unwrap().status().as_u16()).collect();
        let served = answers.iter().filter(|status| **status == 200).count();
        assert_eq!(served, 1, "round {round} {path}: {answers:?}");
        assert_eq!(stage.upstream.hits(), round + 1, "round {round} {path}: {answers:?}");
    }
    drop(sellers);
    stage.assert_sound(rounds());
    assert_eq!(stage.takings(), rounds() / 2, "the rail's own memory says the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn p_07_the_same_credential_to_two_gateways_at_once_is_served_once() {
    all_at_once(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_08_the_same_credential_to_four_gateways_at_once_is_served_once() {
    all_at_once(4).await;
}
