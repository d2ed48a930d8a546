//! Clocks that jump and secrets that change, with payments of every protocol under way. The chain is scripted.

use crate::support;

use std::time::Duration;

use http::StatusCode;
use support::chain::Say;
use support::x402::{BOTH, payment, world};
use support::{SECRET, World};

const JUMP: Duration = Duration::from_secs(600);

/// A payment that the chain took without an answer, and the gateway's answer to it after the clock jumped.
async fn taken_in_silence(jump: impl Fn(&World)) {
    let world = world(&format!("{BOTH}settle_timeout = \"50ms\"")).await;
    let client = world.client("");
    let payment = payment(&world, &client.get("/paid/a").await, "0x01");
    world.chain.says([Say::NothingButTook]);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::SERVICE_UNAVAILABLE);
    jump(&world);
    let served = client.get_paying("/paid/a", &payment).await;
    assert!(served.status == StatusCode::OK, "what was paid is given: {served:?}");
    assert_eq!((world.upstream.hits(), world.chain.taken().len()), (1, 1));
    world.verify().await;
}

#[tokio::test]
async fn l_04_a_clock_that_jumps_loses_no_payment_and_gives_none_away() {
    taken_in_silence(|world| world.clock.advance(JUMP)).await;
    taken_in_silence(|world| world.clock.turn_back(JUMP)).await;
}

#[tokio::test]
async fn l_04_what_ended_in_the_jump_is_refused_and_nothing_is_taken() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let payment = payment(&world, &asked, "0x01");
    world.clock.advance(JUMP);
    let refused = client.get_paying("/paid/a", &payment).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!((world.upstream.hits(), world.chain.taken()), (0, vec![]));
    world.clock.turn_back(JUMP);
    assert_eq!(client.get_paying("/paid/a", &payment).await.status, StatusCode::OK, "it was never used");
}

#[tokio::test]
async fn l_06_payments_under_way_outlive_a_change_of_the_secret() {
    let world = world(BOTH).await;
    let client = world.client("");
    let asked = client.get("/paid/a").await;
    let payments: Vec<_> = (0..20).map(|number| payment(&world, &asked, &format!("0x1{number:02}"))).collect();
    let file = world.path().join("farthing.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let after = before.replace(SECRET, "another binding secret for tests, as long as the first");
    std::fs::write(&file, after.replace("drain", &format!("previous_secret = \"{SECRET}\"\ndrain"))).unwrap();
    let (first, second) = payments.split_at(10);
    let under_way = first.iter().map(|payment| client.get_paying("/paid/a", payment));
    let (answers, reloaded) =
        tokio::join!(futures_util::future::join_all(under_way), world.running.reloader().reload());
    reloaded.unwrap();
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK), "{answers:?}");
    for payment in second {
        assert_eq!(client.get_paying("/paid/a", payment).await.status, StatusCode::OK, "offered before the change");
    }
    assert_eq!((world.upstream.hits(), world.chain.taken().len()), (20, 20));
    world.verify().await;
}
