//! What is tried against sessions; the numbers are those of `docs/adversarial.md`.

use std::time::Duration;

use farthing_books::{Command, SessionCommand};
use http::StatusCode;
use serde_json::json;

use crate::support::payer::{Payer, number, session_challenge};
use crate::support::session::{CHANNEL, PURSE, session_of};
use crate::support::{Client, Reply, Setup};
use crate::{PATH, PRICE, ROUTES, ended, opened, payer, said, settled, world};

#[tokio::test]
async fn g_04_equal_lower_gap_and_above_are_told_apart() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    // A gap leaves room, which equal and lower vouchers may be drawn from.
    assert_eq!(said(&payer.get(PATH, &payer.voucher(100)).await), (100, 40, 2));
    assert_eq!(said(&payer.get(PATH, &payer.voucher(100)).await), (100, 60, 3));
    assert_eq!(said(&payer.get(PATH, &payer.voucher(40)).await), (100, 80, 4), "lower is no news and lowers nothing");
    assert_eq!(said(&payer.get(PATH, &payer.voucher(100)).await), (100, 100, 5));
    let spent = payer.get(PATH, &payer.voucher(100)).await;
    spent.refused("session/insufficient-balance");
    let reminded = session_challenge(&spent, PURSE);
    let snapshot = reminded.request().decode().unwrap()["methodDetails"]["sessionSnapshot"].clone();
    let snapshot = snapshot.as_object().unwrap();
    assert_eq!((number(snapshot, "requiredCumulative"), number(snapshot, "spent")), (120, 100));
    assert_eq!(spent.header("payment-session"), Some("c1"));
    assert!(spent.header("payment-session-snapshot").is_some());
    payer.get(PATH, &payer.voucher(105)).await.refused("session/delta-too-small");
    payer.get(PATH, &payer.voucher(2_001)).await.refused("session/amount-exceeds-deposit");
    assert_eq!(world.upstream.hits(), 5);
    // The reminder is no other offer.
    let reminded = Payer { challenge: reminded, ..payer.clone() };
    assert_eq!(said(&reminded.get(PATH, &reminded.voucher(120)).await), (120, 120, 6));
    settled(&world, PURSE, 120).await;
    world.verify().await;
}

#[tokio::test]
async fn g_05_vouchers_of_other_channels_signers_tokens_and_servers_are_refused() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    let elsewhere = payer.says(json!({ "action": "voucher", "cumulativeAmount": "40", "channelId": "c9" }));
    let elsewhere = payer.get(PATH, &elsewhere).await;
    assert_eq!((elsewhere.status, elsewhere.problem()), (StatusCode::GONE, "session/channel-not-found"));
    let stranger = payer.says(json!({ "action": "voucher", "cumulativeAmount": "40", "signer": "mallory" }));
    let stranger = payer.get(PATH, &stranger).await;
    stranger.refused("session/signer-mismatch");
    assert!(stranger.header("payment-session-snapshot").is_none(), "only the signer is told how a session stands");
    assert!(
        !session_challenge(&stranger, PURSE).request().decode().unwrap()["methodDetails"]
            .as_object()
            .unwrap()
            .contains_key("sessionSnapshot")
    );
    let forged = payer.says(json!({ "action": "voucher", "cumulativeAmount": "40", "signature": "bad" }));
    payer.get(PATH, &forged).await.refused("session/invalid-signature");
    let close = payer.says(json!({ "action": "close", "cumulativeAmount": "20", "signer": "mallory" }));
    payer.bring(PATH, &close).await.refused("session/signer-mismatch");
    let other = payer.clone();
    let changed = other.challenge.clone().with_id(farthing_protocol::ChallengeId::read("A").unwrap());
    let other = Payer { challenge: changed, ..other };
    other.get(PATH, &other.voucher(40)).await.refused("invalid-challenge");
    assert_eq!(world.upstream.hits(), 1);
    assert_eq!(payer.get(PATH, &payer.voucher(40)).await.status, StatusCode::OK, "none of it hurt the channel");
}

#[tokio::test]
async fn g_10_a_deposit_below_the_least_costs_the_seller_nothing() {
    let routes = ROUTES.replace("least_delta", "least_deposit = \"0.001 USD\"\nleast_delta");
    let world = Setup::with_routes(&routes).start().await;
    let payer = payer(&world, CHANNEL, "c1").await;
    for number in 0..100 {
        let dust = Payer { channel: format!("dust{number}"), ..payer.clone() };
        dust.get(PATH, &dust.open(999, PRICE)).await.refused("payment-insufficient");
    }
    assert!(world.vault.asked().is_empty(), "no deposit was sponsored");
    assert!(world.books.session(session_of(CHANNEL, "dust0")).await.unwrap().is_none(), "nothing is remembered of it");
    assert_eq!(payer.get(PATH, &payer.open(1_000, PRICE)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn g_06_a_payer_who_takes_the_deposit_back_by_force_is_served_nothing_more() {
    let world = world().await;
    let payer = opened(&world, CHANNEL, 2_000).await;
    let at = world.clock_now();
    let mut standing = world.vault.standing_of("c1").unwrap();
    standing.close_requested_at = Some(at);
    standing.collect_until = Some(at.after(Duration::from_secs(900)));
    let session = session_of(CHANNEL, "c1");
    world.books.change_session(SessionCommand::Observe { session, standing, at }).await.unwrap();
    let refused = payer.get(PATH, &payer.voucher(40)).await;
    assert_eq!((refused.status, refused.problem()), (StatusCode::GONE, "session/channel-finalized"));
    assert_eq!(world.upstream.hits(), 1);
    // What was delivered is collected within the time that is left.
    settled(&world, CHANNEL, 20).await;
    assert_eq!(payer.bring(PATH, &payer.close(20)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.vault.standing_of("c1").unwrap().settled.units(), 20);
}

#[tokio::test]
async fn g_07_what_is_served_was_signed_for_and_written_down_before() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    settled(&world, PURSE, 20).await;
    world.upstream.then([Reply::Slow(300)]);
    let serving = tokio::spawn({
        let payer = payer.clone();
        async move { payer.get(PATH, &payer.voucher(40)).await }
    });
    while world.upstream.hits() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let record = world.books.session(session_of(PURSE, "c1")).await.unwrap().unwrap();
    let figures = [record.accepted, record.held, record.spent].map(farthing_money::Amount::units);
    assert_eq!(figures, [40, 20, 20], "the upstream is asked when voucher and hold are durable");
    // A process that dies here has charged nothing for what it had not delivered, and kept the voucher.
    let recover = Command::Recover { deadline: world.clock_now(), at: world.clock_now() };
    world.books.submit(recover).await.unwrap();
    let record = world.books.session(session_of(PURSE, "c1")).await.unwrap().unwrap();
    let figures = [record.accepted, record.held, record.spent].map(farthing_money::Amount::units);
    assert_eq!(figures, [40, 0, 20]);
    assert_eq!(serving.await.unwrap().status, StatusCode::OK);
    world.verify().await;
}

#[tokio::test]
async fn g_08_of_two_nodes_with_one_voucher_one_serves() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    settled(&world, PURSE, 20).await;
    let other = world.another_node().await;
    let elsewhere = Payer { client: Client::new(other.addresses().public, "alice"), ..payer.clone() };
    for total in (40..=200).step_by(20) {
        let voucher = payer.voucher(total);
        let (here, there) = tokio::join!(payer.get(PATH, &voucher), elsewhere.get(PATH, &voucher));
        let mut statuses = [here.status.as_u16(), there.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 402], "{total}");
    }
    assert_eq!(world.upstream.hits(), 10);
    settled(&world, PURSE, 200).await;
    world.verify().await;
}

#[tokio::test]
async fn g_09_a_close_during_service_pays_out_no_more_than_the_deposit() {
    for method in [PURSE, CHANNEL] {
        let world = world().await;
        let payer = opened(&world, method, 100).await;
        world.upstream.then([Reply::Slow(300)]);
        let serving = tokio::spawn({
            let payer = payer.clone();
            async move { payer.get(PATH, &payer.voucher(40)).await }
        });
        while world.upstream.hits() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let early = payer.bring(PATH, &payer.close(40)).await;
        assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE, "something is being served from it");
        assert_eq!(payer.get(PATH, &payer.voucher(60)).await.status, StatusCode::GONE, "and nothing more will be");
        assert_eq!(serving.await.unwrap().status, StatusCode::OK);
        let closed = ended(&payer, &payer.close(40)).await;
        assert_eq!(said(&closed), (40, 40, 2), "{method}");
        let again = ended(&payer, &payer.close(40)).await;
        assert_eq!(said(&again), (40, 40, 2), "closing twice is closing once");
        let collected = closed.receipt().unwrap().extra.get("txHash").cloned();
        assert_eq!(
            (collected.is_some(), again.receipt().unwrap().extra.get("txHash").cloned()),
            (method == CHANNEL, collected)
        );
        match method {
            PURSE => assert_eq!(world.balance("alice").await, 9_960),
            _ => assert_eq!(
                (world.vault.standing_of("c1").unwrap().settled.units(), world.vault.times("settle")),
                (40, 1)
            ),
        }
        world.verify().await;
    }
}

#[tokio::test]
async fn hostile_names_of_channels_are_names_of_nothing() {
    let world = world().await;
    let payer = opened(&world, PURSE, 2_000).await;
    let long = "x".repeat(4_000);
    for name in ["", "c1/", "C1", "../c1", "c1\u{0}", "%63%31", "c1 ", long.as_str()] {
        let credential = payer.says(json!({ "action": "voucher", "cumulativeAmount": "40", "channelId": name }));
        let answer = payer.get(PATH, &credential).await;
        assert_eq!(answer.status, StatusCode::GONE, "{name}");
    }
    for amount in ["-1", "1e9", "", "340282366920938463463374607431768211456", "0x28", " 40"] {
        let credential = payer.says(json!({ "action": "voucher", "cumulativeAmount": amount }));
        payer.get(PATH, &credential).await.refused("invalid-payload");
    }
    payer.get(PATH, &payer.says(json!({ "action": "drain" }))).await.refused("invalid-payload");
    assert_eq!(world.upstream.hits(), 1);
}
