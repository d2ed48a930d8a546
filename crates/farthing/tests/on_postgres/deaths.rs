//! The same credential to all gateways at once, over and over, and one of them dies in each round.
//!
//! The others live on; who is to die is started while earlier rounds go on, and so many rounds go on at a time that
//! nobody waits for a death to be noticed. What came of each payment is reckoned at the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farthing_protocol::Credential;
use farthing_rail::PaymentId;
use farthing_testing_postgres::shared;
use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::reckoning::{Case, reckon};
use crate::rounds::{QUIET, rounds};
use crate::stage::Stage;
use crate::support::seller::Seller;

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
    fn is_prepaid(self) -> bool {
        self.number.is_multiple_of(2)
    }

    fn path(self) -> String {
        let rail = if self.is_prepaid() { "paid" } else { "simulated" };
        format!("/{rail}/{}", self.number)
    }

    fn step(self) -> &'static str {
        let steps = if self.is_prepaid() { IN_A_CLAIM } else { IN_A_SETTLEMENT };
        steps[usize::try_from(self.number / 2 % 4).unwrap()]
    }

    /// How much later than the one that dies the others get the credential; nothing where they get it afterwards.
    fn head_start(self) -> Option<Duration> {
        [Some(Duration::ZERO), Some(Duration::from_millis(5)), None][usize::try_from(self.number / 8 % 3).unwrap()]
    }
}

async fn play(round: Round, stage: Arc<Stage>, living: Arc<Vec<Seller>>, mut doomed: Seller) -> Case {
    let path = round.path();
    let url = |seller: &Seller| format!("{}{path}", seller.listen);
    let issuer = &living[usize::try_from(round.number).unwrap() % living.len()];
    let credential = stage.buyer.credential(&url(issuer)).await;
    let ask = |seller: &Seller| {
        let request = stage.buyer.get(&url(seller), &credential);
        async move { request.send().await.ok().map(|answer| answer.status().as_u16()) }
    };
    let first = ask(&doomed);
    let others = async {
        tokio::time::sleep(round.head_start().unwrap_or_default()).await;
        join_all(living.iter().map(ask)).await
    };
    let (first, others) = match round.head_start() {
        Some(_) => tokio::join!(first, others),
        None => (first.await, others.await),
    };
    let last = stage.settled(&url(&living[0]), &credential).await;
    if first.is_none() {
        tokio::task::spawn_blocking(move || doomed.wait_for_death()).await.unwrap();
    }
    let parsed = Credential::from_lines([credential.as_bytes()]).unwrap().unwrap();
    Case {
        tale: format!("{round:?} dies {}, the others {:?} later", round.step(), round.head_start()),
        is_prepaid: round.is_prepaid(),
        payment: PaymentId::answering(parsed.challenge()).to_string(),
        path,
        credential,
        has_died: first.is_none(),
        at_once: others.into_iter().chain([first]).flatten().collect(),
        afterwards: last,
    }
}

async fn one_of(gateways: usize) {
    let began = Instant::now();
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
    let (mut under_way, mut cases) = (JoinSet::new(), Vec::new());
    while let Some((round, doomed)) = doomed.recv().await {
        while under_way.len() >= AT_A_TIME {
            cases.push(under_way.join_next().await.unwrap().unwrap());
        }
        under_way.spawn(play(round, Arc::clone(&stage), Arc::clone(&living), doomed));
    }
    while let Some(played) = under_way.join_next().await {
        cases.push(played.unwrap());
    }
    assert_eq!(u64::try_from(cases.len()).unwrap(), rounds());
    let sum = reckon(&stage, &living[0], &cases).await;
    println!("{gateways} gateways, {sum}; in {} s", began.elapsed().as_secs());
}

#[tokio::test(flavor = "multi_thread")]
async fn p_09_a_gateway_of_two_that_dies_with_a_credential_leaves_one_delivery() {
    one_of(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_10_a_gateway_of_four_that_dies_with_a_credential_leaves_one_delivery() {
    one_of(4).await;
}
