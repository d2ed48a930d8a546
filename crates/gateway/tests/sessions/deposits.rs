//! Deposits and collections whose fate is not known, and what goes on while something is away.

use std::time::Duration;

use farthing_protocol::Challenge;
use http::StatusCode;

use crate::support::payer::Payer;
use crate::support::session::{CHANNEL, PURSE, Vaulting};
use crate::{PATH, PRICE, opened, payer, settled, world};

#[tokio::test]
async fn a_deposit_whose_fate_is_unknown_is_asked_for_once_and_found() {
    for (unsaid, found) in [(Vaulting::DoneUnsaid, 200), (Vaulting::UndoneUnsaid, 402)] {
        let world = world().await;
        let payer = payer(&world, CHANNEL, "c1").await;
        world.vault.then([unsaid]);
        let open = payer.open(2_000, PRICE);
        let doubtful = payer.get(PATH, &open).await;
        assert_eq!(doubtful.status, StatusCode::SERVICE_UNAVAILABLE, "{doubtful:?}");
        assert!(doubtful.header("www-authenticate").is_none() && doubtful.header("retry-after").is_some());
        assert_eq!(world.upstream.hits(), 0);
        world.clock.advance(Duration::from_secs(2));
        let answer = payer.get(PATH, &open).await;
        assert_eq!(answer.status, found, "{answer:?}");
        assert_eq!(payer.get(PATH, &open).await.status, 402, "what it paid for is spent, or it was never there");
        assert_eq!((world.vault.times("deposit"), world.upstream.hits()), (1, usize::from(found == 200)));
        world.verify().await;
    }
}

#[tokio::test]
async fn a_refused_deposit_opens_nothing() {
    let world = world().await;
    let payer = payer(&world, CHANNEL, "c1").await;
    world.vault.then([Vaulting::Refuse]);
    let open = payer.open(2_000, PRICE);
    payer.get(PATH, &open).await.refused("verification-failed");
    payer.get(PATH, &open).await.refused("verification-failed");
    assert_eq!((world.vault.times("deposit"), world.upstream.hits()), (1, 0));
    // A balance that does not hold it is told so, and nothing is remembered.
    let poor = Payer::asking(world.client("bob"), PATH, PURSE, "bob", "c3").await;
    poor.get(PATH, &poor.open(2_000, PRICE)).await.refused("payment-insufficient");
    world.fund("bob", 2_000).await;
    assert_eq!(poor.get(PATH, &poor.open(2_000, PRICE)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_deposit_goes_on_without_its_payer() {
    let world = world().await;
    let payer = payer(&world, CHANNEL, "c1").await;
    world.vault.then([Vaulting::Hang]);
    let open = payer.open(2_000, PRICE);
    let left = tokio::time::timeout(Duration::from_millis(100), payer.get(PATH, &open)).await;
    assert!(left.is_err());
    let busy = payer.get(PATH, &open).await;
    assert_eq!(busy.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(world.vault.times("deposit"), 1, "nobody asks twice");
    let early = payer.get(PATH, &payer.voucher(40)).await;
    assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE, "its deposit is not there yet");
}

#[tokio::test]
async fn an_addition_that_was_refused_is_refused_whenever_it_is_presented() {
    let world = world().await;
    let payer = opened(&world, CHANNEL, 100).await;
    world.vault.then([Vaulting::Refuse]);
    let addition = payer.top_up(50, "k1");
    for _ in 0..2 {
        let refused = payer.bring(PATH, &addition).await;
        assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "the payer counts what it is told: {refused:?}");
    }
    assert_eq!(world.vault.times("deposit"), 2, "it is asked for once, as the opening was");
    assert_eq!(payer.bring(PATH, &payer.top_up(50, "k2")).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn while_the_escrow_is_away_nothing_is_opened_and_what_is_open_goes_on() {
    let world = world().await;
    let payer = opened(&world, CHANNEL, 2_000).await;
    world.vault.away(true);
    let asked = payer.client.get(PATH).await;
    let offered: Vec<Challenge> = asked.challenges();
    assert!(offered.iter().all(|it| it.method().as_str() != CHANNEL), "no offer that cannot be taken");
    let other = Payer { channel: "c2".to_owned(), ..payer.clone() };
    assert_eq!(other.get(PATH, &other.open(2_000, PRICE)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(payer.bring(PATH, &payer.top_up(10, "k")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(payer.get(PATH, &payer.voucher(40)).await.status, StatusCode::OK, "what is signed for is there");
}

#[tokio::test]
async fn while_the_store_is_away_nothing_is_served() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    settled(&world, PURSE, 20).await;
    world.break_sessions();
    for credential in [payer.voucher(40), payer.voucher(40), payer.close(20)] {
        let refused = payer.get(PATH, &credential).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused:?}");
    }
    let fresh = Payer { channel: "c2".to_owned(), ..payer.clone() };
    assert_eq!(world.upstream.hits(), 1);
    world.mend_sessions();
    assert_eq!(payer.get(PATH, &payer.voucher(40)).await.status, StatusCode::OK);
    assert_eq!(fresh.get(PATH, &fresh.open(200, PRICE)).await.status, StatusCode::OK);
    world.verify().await;
}

#[tokio::test]
async fn a_collection_whose_fate_is_unknown_is_never_made_twice() {
    let world = world().await;
    let payer = opened(&world, CHANNEL, 100).await;
    world.vault.then([Vaulting::DoneUnsaid]);
    let close = payer.close(20);
    let doubtful = payer.bring(PATH, &close).await;
    assert_eq!(doubtful.status, StatusCode::SERVICE_UNAVAILABLE);
    // The resolver asks the rail what became of it.
    for _ in 0..20 {
        world.clock.advance(Duration::from_secs(2));
        let answer = payer.bring(PATH, &close).await;
        if answer.status == StatusCode::NO_CONTENT {
            assert_eq!(world.vault.times("settle"), 1);
            assert_eq!(world.vault.standing_of("c1").unwrap().settled.units(), 20);
            return world.verify().await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("the end stays unknown")
}
