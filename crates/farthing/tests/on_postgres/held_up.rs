//! A machine that hangs, is taken for dead, and wakes with a payment in its hands; a task that is held while a payment
//! that it looked at goes on.

use farthing_testing_postgres::shared;
use rustix::process::Signal;

use crate::stage::{Stage, until_a_payment_is};
use crate::support::seller::Seller;

/// Waits until a process hangs.
async fn until_stopped(seller: &Seller) {
    let stat = format!("/proc/{}/stat", seller.process_id());
    // The state stands behind the name, which is in parentheses.
    while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p_29_a_gateway_that_was_taken_for_dead_before_it_asked_the_rail_asks_no_more() {
    let stage = Stage::at(shared().address()).await;
    let living = stage.start("living", &[]);
    let held = stage.start("held", &[("FARTHING_FAILPOINT", "stop:before-settle")]);
    let (here, there) = (format!("{}/simulated/x", living.listen), format!("{}/simulated/x", held.listen));
    let credential = stage.buyer.credential(&here).await;
    let asked = tokio::spawn(stage.buyer.get(&there, &credential).send());
    until_stopped(&held).await;
    until_a_payment_is(&living, "rejected").await;
    held.signal(Signal::CONT);
    let late = asked.await.unwrap().unwrap();
    assert_ne!(late.status(), 200);
    assert_eq!(stage.settled(&here, &credential).await, 402, "the rail was never asked, and will not be");
    assert_eq!((stage.takings(), stage.upstream.hits()), (0, 0));

    // Both go on.
    for url in [&here, &there] {
        let fresh = stage.buyer.credential(url).await;
        assert_eq!(stage.settled(url, &fresh).await, 200);
    }
    assert_eq!((stage.takings(), stage.upstream.hits()), (2, 2));
    stage.assert_sound(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p_30_a_gateway_that_hangs_while_the_rail_answers_delivers_nothing_that_another_did() {
    let stage = Stage::with_rail(shared().address(), "answer-late").await;
    let (living, held) = (stage.start("living", &[]), stage.start("held", &[]));
    let (here, there) = (format!("{}/simulated/x", living.listen), format!("{}/simulated/x", held.listen));
    let credential = stage.buyer.credential(&here).await;
    let asked = tokio::spawn(stage.buyer.get(&there, &credential).send());
    while stage.takings() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    held.signal(Signal::STOP);
    until_a_payment_is(&living, "entitled").await;
    assert_eq!(stage.settled(&here, &credential).await, 200, "it was paid, and another delivers it");
    held.signal(Signal::CONT);
    assert_ne!(asked.await.unwrap().unwrap().status(), 200, "once");
    for url in [&here, &there] {
        assert_eq!(stage.settled(url, &credential).await, 402);
    }
    assert_eq!((stage.takings(), stage.upstream.hits()), (1, 1));
    stage.assert_sound(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p_36_a_gateway_that_hangs_before_it_asks_the_upstream_delivers_nothing_that_another_did() {
    let stage = Stage::at(shared().address()).await;
    let living = stage.start("living", &[]);
    living.grant(&stage.buyer.did, "1 USD").await;
    let held = stage.start("held", &[("FARTHING_FAILPOINT", "stop:before-upstream")]);
    let (here, there) = (format!("{}/paid/x", living.listen), format!("{}/paid/x", held.listen));
    let credential = stage.buyer.credential(&here).await;
    let asked = tokio::spawn(stage.buyer.get(&there, &credential).send());
    until_stopped(&held).await;
    until_a_payment_is(&living, "entitled").await;
    assert_eq!(stage.settled(&here, &credential).await, 200, "it was paid, and another delivers it");
    held.signal(Signal::CONT);
    assert_eq!(asked.await.unwrap().unwrap().status(), 503, "once");
    for url in [&here, &there] {
        assert_eq!(stage.settled(url, &credential).await, 402);
    }
    assert_eq!(stage.upstream.hits(), 1);
    let fresh = stage.buyer.credential(&there).await;
    assert_eq!(stage.settled(&there, &fresh).await, 200, "it goes on");
    stage.assert_sound(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn p_32_whoever_looks_at_a_payment_while_its_gateway_is_found_dead_is_not_told_to_pay_again() {
    let stage = Stage::at(shared().address()).await;
    let living = stage.start("living", &[("FARTHING_FAILPOINT", "hold:after-claim")]);
    living.grant(&stage.buyer.did, "1 USD").await;
    let mut dying = stage.start("dying", &[("FARTHING_FAILPOINT", "after-post")]);
    let (here, there) = (format!("{}/paid/x", living.listen), format!("{}/paid/x", dying.listen));
    let credential = stage.buyer.credential(&here).await;
    assert!(stage.buyer.get(&there, &credential).send().await.is_err(), "it dies when the payment is posted");
    dying.wait_for_death();
    let held = tokio::spawn(stage.buyer.get(&here, &credential).send());
    until_a_payment_is(&living, "entitled").await;
    let answer = held.await.unwrap().unwrap().status().as_u16();
    let served = if answer == 503 { stage.settled(&here, &credential).await } else { answer };
    assert_eq!(served, 200, "it was charged, and is owed");
    assert_eq!(stage.upstream.hits(), 1);
    stage.assert_sound(1);
}
