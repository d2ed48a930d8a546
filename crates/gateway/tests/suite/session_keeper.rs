//! Sessions looked after while nobody asks: settled in time, closed when idle, answered when a payer closes by
//! force, found out about when a rail was silent, and never carried beyond the limits. The escrow is a scripted
//! double.

use crate::support;

use std::time::Duration;

use farthing_books::{AccountId, AccountKind, SessionRecord, SessionState};
use farthing_money::Asset;
use farthing_rail::PayerId;
use http::{Method, StatusCode};
use support::payer::Payer;
use support::session::{CHANNEL, LASTING, PURSE, Vaulting, channel_asset, session_of};
use support::{Setup, World};

const PATH: &str = "/metered/a";
const PRICE: u128 = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// A world whose channels are looked after so.
async fn world(keeping: &str) -> World {
    let routes = format!(
        "[rails.channel]\n[rails.channel.sessions]\n{keeping}\n[rails.purse]\n[[route]]\nmatch = \"GET /metered/{{name}}\"\n\
         upstream = \"UPSTREAM\"\nprice = \"0.00002 USD\"\naccept = [\"channel/session\", \"purse/session\"]\n"
    );
    Setup::with_routes(&routes).start().await
}

/// A payer with an open channel who has paid for so many requests, which are written down.
async fn served(world: &World, method: &str, requests: u128) -> Payer {
    world.fund("alice", 10_000).await;
    let payer = Payer::asking(world.client("alice"), PATH, method, "alice", "c1").await;
    for request in 1..=requests {
        let total = request * PRICE;
        let credential = if request == 1 { payer.open(2_000, total) } else { payer.voucher(total) };
        let answer = payer.get(PATH, &credential).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    until(world, method, |session| session.held.is_zero() && session.spent.units() == requests * PRICE).await;
    payer
}

async fn session(world: &World, method: &str) -> Option<SessionRecord> {
    world.books.session(session_of(method, "c1")).await.unwrap()
}

/// Waits until the session is as wanted.
async fn until(world: &World, method: &str, is_wanted: impl Fn(&SessionRecord) -> bool) -> SessionRecord {
    for _ in 0..1_500 {
        if let Some(found) = session(world, method).await.filter(&is_wanted) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not as wanted: {:?} {:?}", session(world, method).await, world.vault.asked())
}

/// The same, while time goes by: what went wrong is tried again after pauses.
async fn in_time(world: &World, method: &str, is_wanted: impl Fn(&SessionRecord) -> bool) -> SessionRecord {
    for _ in 0..300 {
        if let Some(found) = session(world, method).await.filter(&is_wanted) {
            return found;
        }
        world.clock.advance(Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not as wanted: {:?} {:?}", session(world, method).await, world.vault.asked())
}

async fn holds(world: &World, kind: AccountKind, asset: &Asset) -> i128 {
    let account = world.books.account(&AccountId::new(kind, asset)).await.unwrap();
    let units = |amount: farthing_money::Amount| i128::try_from(amount.units()).unwrap();
    account.map_or(0, |account| units(account.credits) - units(account.debits))
}

/// Waits until the metrics say so: they are told once a round.
async fn shows(world: &World, figure: &str) {
    for _ in 0..500 {
        if world.admin().get("/metrics").await.text().contains(figure) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no {figure} in {}", world.admin().get("/metrics").await.text())
}

fn is_closed(session: &SessionRecord) -> bool {
    session.state == SessionState::Closed
}

#[tokio::test]
async fn what_is_owed_is_collected_once_it_is_enough() {
    let world = world("settle = { amount = \"0.0001 USD\" }").await;
    let payer = served(&world, CHANNEL, 5).await;
    let collected = until(&world, CHANNEL, |session| session.collected.units() == 100).await;
    assert_eq!(collected.state, SessionState::Open, "it goes on serving");
    until(&world, CHANNEL, |session| session.settled.units() == 100 && session.collecting.is_none()).await;
    assert_eq!(payer.get(PATH, &payer.voucher(120)).await.status, StatusCode::OK);
    assert_eq!(world.vault.times("settle"), 1, "20 more are not enough");
    assert_eq!(holds(&world, AccountKind::Clearing(CHANNEL.to_owned()), &channel_asset()).await, -100);
    world.verify().await;
}

#[tokio::test]
async fn what_is_owed_is_collected_and_posted_when_nobody_buys() {
    let world = world("settle = { idle = \"5m\" }").await;
    served(&world, CHANNEL, 2).await;
    assert_eq!(world.vault.times("settle"), 0);
    world.clock.advance(6 * MINUTE);
    until(&world, CHANNEL, |session| session.collected.units() == 40).await;
    // Seen with something to post first, and posted ten minutes later.
    let posted = in_time(&world, CHANNEL, |session| session.unposted.is_empty()).await;
    assert_eq!(posted.state, SessionState::Open);
    let route = AccountKind::Revenue("GET /metered/{name}".to_owned());
    assert_eq!(holds(&world, route, &channel_asset()).await, 40);
    world.verify().await;
}

#[tokio::test]
async fn a_part_that_is_being_collected_is_not_taken_for_the_end() {
    let routes = "[rails.lasting]\n[rails.lasting.sessions]\nsettle = { amount = \"0.0001 USD\" }\n[[route]]\n\
        match = \"GET /metered/{name}\"\nupstream = \"UPSTREAM\"\nprice = \"0.00002 USD\"\n\
        accept = [\"lasting/session\"]\n";
    let world = Setup::with_routes(routes).start().await;
    let payer = served(&world, LASTING, 5).await;
    until(&world, LASTING, |session| session.collected.units() == 100 && session.collecting.is_some()).await;
    assert_eq!(payer.get(PATH, &payer.voucher(120)).await.status, StatusCode::OK);
    until(&world, LASTING, |session| session.spent.units() == 120).await;
    let answer = payer.bring(PATH, &payer.close(120)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "the rest is in the vault: {answer:?}");
    in_time(&world, LASTING, is_closed).await;
    let stands = world.vault.standing_of("c1").unwrap();
    assert_eq!((stands.settled.units(), stands.closed), (120, true));
    world.verify().await;
}

#[tokio::test]
async fn an_idle_session_is_closed_and_the_rest_goes_back() {
    for method in [CHANNEL, PURSE] {
        let world = world("").await;
        served(&world, method, 3).await;
        world.clock.advance(25 * 60 * MINUTE);
        let ended = until(&world, method, is_closed).await;
        assert_eq!(ended.spent.units(), 60);
        if method == PURSE {
            assert_eq!(world.balance("alice").await, 9_940);
        } else {
            let stands = world.vault.standing_of("c1").unwrap();
            assert_eq!((stands.settled.units(), stands.closed), (60, true));
        }
        world.verify().await;
    }
}

#[tokio::test]
async fn g_06_a_forced_close_is_answered_with_the_newest_voucher_in_time() {
    let world = world("").await;
    let payer = served(&world, CHANNEL, 3).await;
    let asked_at = farthing_gateway::Clock::now(&world.clock);
    world.vault.change("c1", |stands| {
        stands.close_requested_at = Some(asked_at);
        stands.collect_until = Some(asked_at.after(15 * MINUTE));
    });
    world.clock.advance(MINUTE);
    let ended = until(&world, CHANNEL, is_closed).await;
    assert_eq!((ended.collected.units(), ended.spent.units()), (60, 60));
    let stands = world.vault.standing_of("c1").unwrap();
    assert_eq!((stands.settled.units(), stands.closed), (60, true));
    let over = payer.get(PATH, &payer.voucher(80)).await;
    assert_eq!((over.status, over.problem()), (StatusCode::GONE, "session/channel-finalized"));
    world.verify().await;
}

#[tokio::test]
async fn a_deposit_that_is_gone_ends_the_service_and_is_a_loss() {
    let world = world("").await;
    let payer = served(&world, CHANNEL, 3).await;
    world.vault.change("c1", |stands| stands.closed = true);
    world.clock.advance(MINUTE);
    until(&world, CHANNEL, |session| session.state == SessionState::Closing).await;
    assert_eq!(payer.get(PATH, &payer.voucher(80)).await.status, StatusCode::GONE);
    in_time(&world, CHANNEL, is_closed).await;
    assert_eq!(holds(&world, AccountKind::Losses(CHANNEL.to_owned()), &channel_asset()).await, -60);
    assert_eq!(holds(&world, AccountKind::Vouchers(CHANNEL.to_owned()), &channel_asset()).await, 0);
    world.verify().await;
}

#[tokio::test]
async fn a_rail_that_was_wrong_about_an_end_costs_no_voucher() {
    let world = world("").await;
    served(&world, CHANNEL, 3).await;
    world.vault.change("c1", |stands| stands.closed = true);
    world.clock.advance(MINUTE);
    until(&world, CHANNEL, |session| session.ended_at.is_some()).await;
    // The node has caught up, or the chain has made up its mind.
    world.vault.change("c1", |stands| stands.closed = false);
    let ended = in_time(&world, CHANNEL, is_closed).await;
    assert_eq!((ended.collected.units(), ended.spent.units()), (60, 60));
    assert_eq!(holds(&world, AccountKind::Losses(CHANNEL.to_owned()), &channel_asset()).await, 0);
    world.verify().await;
}

#[tokio::test]
async fn g_06_a_forced_close_is_answered_whatever_becomes_of_an_addition() {
    let world = world("").await;
    let payer = served(&world, CHANNEL, 3).await;
    world.vault.silent(true);
    world.vault.then([Vaulting::UndoneUnsaid]);
    let hangs = payer.bring(PATH, &payer.top_up(50, "k")).await;
    assert_eq!(hangs.status, StatusCode::SERVICE_UNAVAILABLE, "{hangs:?}");
    let asked_at = farthing_gateway::Clock::now(&world.clock);
    world.vault.change("c1", |stands| {
        stands.close_requested_at = Some(asked_at);
        stands.collect_until = Some(asked_at.after(15 * MINUTE));
    });
    let collected = in_time(&world, CHANNEL, |session| session.collected.units() == 60).await;
    assert!(collected.pending.is_some(), "nobody knows yet what became of it");
    let now = farthing_gateway::Clock::now(&world.clock);
    assert!(now < asked_at.after(15 * MINUTE), "in time");
    world.vault.silent(false);
    in_time(&world, CHANNEL, is_closed).await;
    world.verify().await;
}

#[tokio::test]
async fn a_session_that_cannot_be_collected_from_serves_nothing_more() {
    let world = world("settle = { amount = \"0.00004 USD\" }").await;
    world.vault.then([Vaulting::Honest, Vaulting::Refuse]);
    let payer = served(&world, CHANNEL, 2).await;
    let refused = until(&world, CHANNEL, |session| session.state != SessionState::Open).await;
    assert_eq!(refused.reason.as_deref(), Some("its vouchers were not collected"));
    assert_eq!(payer.get(PATH, &payer.voucher(60)).await.status, StatusCode::GONE);
    let ended = in_time(&world, CHANNEL, is_closed).await;
    assert_eq!(ended.collected.units(), 40, "it is tried again, under another name");
    world.verify().await;
}

#[tokio::test]
async fn a_collection_that_nobody_answered_is_looked_up_and_counted_once() {
    let world = world("settle = { amount = \"0.00004 USD\" }").await;
    world.vault.then([Vaulting::Honest, Vaulting::DoneUnsaid]);
    served(&world, CHANNEL, 2).await;
    let known = in_time(&world, CHANNEL, |session| session.collected.units() == 40).await;
    assert_eq!((known.state, known.collections), (SessionState::Open, 1));
    assert_eq!(world.vault.times("settle"), 1);
    world.verify().await;
}

#[tokio::test]
async fn a_deposit_that_nobody_answered_is_found_without_its_payer() {
    let world = world("").await;
    world.vault.then([Vaulting::DoneUnsaid]);
    let payer = Payer::asking(world.client("alice"), PATH, CHANNEL, "alice", "c1").await;
    let unknown = payer.get(PATH, &payer.open(2_000, PRICE)).await;
    assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
    in_time(&world, CHANNEL, |session| session.state == SessionState::Open).await;
    assert_eq!((world.vault.times("deposit"), world.upstream.hits()), (1, 0));
    assert_eq!(payer.get(PATH, &payer.open(2_000, PRICE)).await.status, StatusCode::OK);
    world.verify().await;
}

#[tokio::test]
async fn no_payer_owes_more_than_the_limit() {
    let world = world("settle = { amount = \"0.00006 USD\" }\nmax_unsettled_per_payer = \"0.00006 USD\"").await;
    // Nothing is collected for as long as the vault does not answer.
    world.vault.then([Vaulting::Honest, Vaulting::UndoneUnsaid]);
    let payer = served(&world, CHANNEL, 3).await;
    until(&world, CHANNEL, |session| session.collecting.is_some()).await;
    let barred = payer.get(PATH, &payer.voucher(80)).await;
    assert_eq!((barred.status, world.upstream.hits()), (StatusCode::SERVICE_UNAVAILABLE, 3), "{barred:?}");
    assert!(barred.header("retry-after").is_some() && barred.text().contains("not collected"), "{barred:?}");
    let figures = ["session_unsettled", "session_unsettled_highest_payer"]
        .map(|name| format!("farthing_{name}{{rail=\"channel\"}} 0.00006"))
        .into_iter()
        .chain(["farthing_sessions_open{rail=\"channel\"} 1".to_owned()]);
    for figure in figures {
        shows(&world, &figure).await;
    }
}

#[tokio::test]
async fn a_limit_that_is_reached_collects_at_once_and_lets_in_again() {
    let world = world("max_unsettled = \"0.00006 USD\"").await;
    let payer = served(&world, CHANNEL, 3).await;
    assert_eq!(payer.get(PATH, &payer.voucher(80)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    until(&world, CHANNEL, |session| session.settled.units() == 60 && session.collecting.is_none()).await;
    for _ in 0..250 {
        if payer.get(PATH, &payer.voucher(80)).await.status == StatusCode::OK {
            return world.verify().await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it is collected, and still barred");
}

#[tokio::test]
async fn an_operator_sees_settles_and_closes_sessions() {
    let world = world("").await;
    served(&world, CHANNEL, 2).await;
    let admin = world.admin();
    let listed = admin.get("/admin/sessions?state=open&rail=channel").await.json();
    let shown = &listed["sessions"][0];
    assert_eq!(
        (&shown["spent"], &shown["uncollected"], &shown["payer"]),
        (&"40".into(), &"40".into(), &"alice".into())
    );
    assert!(shown.get("voucher").is_none() && shown.get("kept").is_none(), "signatures are not shown");
    let id = shown["id"].as_str().unwrap();
    let settle = admin.send(Method::POST, &format!("/admin/sessions/{id}/settle"), &[], "").await;
    assert_eq!((settle.status, &settle.json()["collected"]), (StatusCode::OK, &"40".into()));
    let reason = [("content-type", "application/json")];
    let close = format!("/admin/sessions/{id}/close");
    let closed = admin.send(Method::POST, &close, &reason, "{\"reason\":\"moving house\"}").await;
    // The keeper may be at it already.
    assert!([StatusCode::OK, StatusCode::ACCEPTED].contains(&closed.status), "{closed:?}");
    until(&world, CHANNEL, is_closed).await;
    assert_eq!(admin.get(&format!("/admin/sessions/{id}")).await.json()["reason"], "moving house");
    assert_eq!(admin.get("/admin/sessions/ses_00").await.status, StatusCode::BAD_REQUEST);
    let unknown = format!("/admin/sessions/ses_{}", "0".repeat(32));
    assert_eq!(admin.get(&unknown).await.status, StatusCode::NOT_FOUND);
    assert_eq!(holds(&world, AccountKind::Payer(PayerId::new("alice")), &channel_asset()).await, 0);
    world.verify().await;
}
