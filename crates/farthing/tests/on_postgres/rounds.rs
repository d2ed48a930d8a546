//! The same credential to all gateways at once, over and over, and one of them dies in each round.

use farthing_testing_postgres::shared;
use futures_util::future::join_all;

use crate::stage::{PRICE, Stage, books};
use crate::support::seller::Seller;

/// How many rounds; a thousand at night.
#[expect(clippy::disallowed_methods, reason = "a test is told by its environment how long to go on")]
fn rounds() -> u64 {
    std::env::var("FARTHING_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20)
}

/// What a gateway logs while nobody reads it.
const QUIET: (&str, &str) = ("RUST_LOG", "warn");

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

/// The rounds in which one dies. The others live on; who is to die is started while earlier rounds go on, and so many
/// rounds go on at a time that nobody waits for a death to be noticed.
#[cfg(feature = "failpoints")]
mod with_a_death {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use tokio::sync::mpsc;
    use tokio::task::JoinSet;

    const AT_A_TIME: usize = 6;
    /// Where a gateway dies that has the credential of a prepaid balance.
    const IN_A_CLAIM: [&str; 4] = ["before-claim", "after-claim", "after-post", "before-upstream"];
    /// Where one dies that has the credential of a rail.
    const IN_A_SETTLEMENT: [&str; 4] = ["after-claim", "before-settle", "after-settle", "after-post"];

    /// One round: over which rail, and how its gateway dies.
    #[derive(Clone, Copy, Debug)]
    struct Round {
        number: u64,
    }

    impl Round {
        fn path(self) -> String {
            let rail = if self.number.is_multiple_of(2) { "paid" } else { "simulated" };
            format!("/{rail}/{}", self.number)
        }

        fn step(self) -> &'static str {
            let steps = if self.number.is_multiple_of(2) { IN_A_CLAIM } else { IN_A_SETTLEMENT };
            steps[usize::try_from(self.number / 2 % 4).unwrap()]
        }

        /// How much later than the one that dies the others get the credential; nothing where they get it afterwards.
        fn head_start(self) -> Option<Duration> {
            [Some(Duration::ZERO), Some(Duration::from_millis(5)), None][usize::try_from(self.number / 8 % 3).unwrap()]
        }
    }

    /// What came of the rounds.
    #[derive(Debug, Default)]
    struct Sum {
        rounds: u64,
        died: u64,
        served_at_once: u64,
        served_afterwards: u64,
        refused: u64,
    }

    async fn play(round: Round, stage: Arc<Stage>, living: Arc<Vec<Seller>>, mut doomed: Seller) -> Sum {
        let path = round.path();
        let url = |seller: &Seller| format!("{}{path}", seller.listen);
        let issuer = &living[usize::try_from(round.number).unwrap() % living.len()];
        let credential = stage.buyer.credential(&url(issuer)).await;
        let first = stage.buyer.get(&url(&doomed), &credential).send();
        let others = async {
            tokio::time::sleep(round.head_start().unwrap_or_default()).await;
            join_all(living.iter().map(|seller| stage.buyer.get(&url(seller), &credential).send())).await
        };
        let (first, others) = match round.head_start() {
            Some(_) => tokio::join!(first, others),
            None => (first.await, others.await),
        };
        let answers = others.iter().flatten().chain(first.as_ref().ok());
        let at_once = u64::try_from(answers.filter(|answer| answer.status() == 200).count()).unwrap();
        let last = stage.settled(&url(&living[0]), &credential).await;
        let afterwards = u64::from(last == 200);
        assert!(at_once + afterwards <= 1, "{round:?} {}: served twice", round.step());
        let hits = stage.upstream.hits_of(&path);
        assert_eq!(hits, at_once + afterwards, "{round:?} {}: what was answered was delivered", round.step());
        let died = first.is_err();
        if died {
            tokio::task::spawn_blocking(move || doomed.wait_for_death()).await.unwrap();
        }
        Sum {
            rounds: 1,
            died: u64::from(died),
            served_at_once: at_once,
            served_afterwards: afterwards,
            refused: 1 - at_once - afterwards,
        }
    }

    impl Sum {
        fn add(&mut self, other: &Self) {
            self.rounds += other.rounds;
            self.died += other.died;
            self.served_at_once += other.served_at_once;
            self.served_afterwards += other.served_afterwards;
            self.refused += other.refused;
        }
    }

    /// What was charged was delivered, or is owed still to whoever presents its credential; how much of that.
    async fn until_all_is_explained(stage: &Stage, seller: &Seller, served: u64) -> u64 {
        let url = format!("{}/admin/payments?state=entitled&limit=1000", seller.admin);
        for _ in 0..120 {
            let entitled = reqwest::get(&url).await.unwrap().json::<serde_json::Value>().await.unwrap();
            let owed = u64::try_from(entitled["payments"].as_array().unwrap().len()).unwrap();
            if stage.charged() == (served + owed) * PRICE {
                return owed;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!("{} were charged, and {served} served", stage.charged() / PRICE);
    }

    pub(super) async fn one_of(gateways: usize) {
        let began = std::time::Instant::now();
        let stage = Arc::new(Stage::at(shared().address()).await);
        let living = (1..gateways).map(|number| stage.start(&number.to_string(), &[QUIET])).collect::<Vec<_>>();
        let living = Arc::new(living);
        living[0].grant(&stage.buyer.did, "100 USD").await;
        let (ready, mut doomed) = mpsc::channel(2);
        let starting = Arc::clone(&stage);
        std::thread::spawn(move || {
            for round in (0..rounds()).map(|number| Round { number }) {
                let name = format!("doomed-{}", round.number);
                let seller = starting.start(&name, &[QUIET, ("FARTHING_FAILPOINT", round.step())]);
                if ready.blocking_send((round, seller)).is_err() {
                    return;
                }
            }
        });
        let (mut under_way, mut sum) = (JoinSet::new(), Sum::default());
        while let Some((round, doomed)) = doomed.recv().await {
            while under_way.len() >= AT_A_TIME {
                sum.add(&under_way.join_next().await.unwrap().unwrap());
            }
            under_way.spawn(play(round, Arc::clone(&stage), Arc::clone(&living), doomed));
        }
        while let Some(played) = under_way.join_next().await {
            sum.add(&played.unwrap());
        }
        let served = sum.served_at_once + sum.served_afterwards;
        let owed = until_all_is_explained(&stage, &living[0], served).await;
        drop(living);
        println!("{gateways} gateways, {sum:?}, {owed} still owed, in {} s", began.elapsed().as_secs());
        assert_eq!(sum.rounds, rounds());
        stage.assert_sound(served + owed);
        let statement = books("statement", &stage.address);
        let lines = statement["lines"].as_array().unwrap().iter();
        let of_rail = lines.filter(|line| line["rail"] == "simulated");
        let posted: u64 = of_rail.map(|line| line["gross"].as_str().unwrap().parse::<u64>().unwrap()).sum();
        assert_eq!(posted, stage.takings() * PRICE, "the rail's own memory says what the books say");
    }
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn p_09_a_gateway_of_two_that_dies_with_a_credential_leaves_one_delivery() {
    with_a_death::one_of(2).await;
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn p_10_a_gateway_of_four_that_dies_with_a_credential_leaves_one_delivery() {
    with_a_death::one_of(4).await;
}
