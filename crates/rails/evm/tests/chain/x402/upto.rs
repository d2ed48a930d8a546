//! The scheme `upto`: held, then captured once.

use farthing_money::Amount;
use farthing_rail::{Fault, Hold, Settlement, Settler as _, Standing};
use farthing_rail_evm::x402::Proxy;
use farthing_testing_rpc::faults::Fault as Trouble;

use super::{SHOP, doubted, fault, permitted, upto};
use crate::support::{CENT, World, account, settled};

/// A world in which the first account has allowed Permit2.
async fn world() -> World {
    let world = World::base_sepolia().await;
    world.devnet.approve_permit2(account(1).address()).await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_is_taken_once_and_found_again() {
    let world = world().await;
    let upto = upto(&world);
    let claim = permitted(&world, Proxy::Upto, 1, CENT).await;
    assert_eq!(upto.hold(&claim).await, Hold::Held);
    let first = settled(upto.capture(&claim, Amount::new(300)).await);
    assert_eq!((first.captured, world.has(SHOP).await), (Some(Amount::new(300)), 300));
    assert_eq!(settled(upto.lookup(&claim).await), first);
    assert!(matches!(upto.confirm(&claim, &first).await, Standing::Provisional { .. }));
    world.devnet.mine(5).await.unwrap();
    assert_eq!(upto.confirm(&claim, &first).await, Standing::Final);
}

#[tokio::test(flavor = "multi_thread")]
async fn c_25_no_more_than_the_cap_and_never_twice() {
    let world = world().await;
    let upto = upto(&world);
    let claim = permitted(&world, Proxy::Upto, 1, CENT).await;
    assert_eq!(fault(upto.capture(&claim, Amount::new(CENT + 1)).await), Some(Fault::Amount));
    let first = settled(upto.capture(&claim, Amount::new(1)).await);
    // Asked again for more, it says what was taken.
    assert_eq!(settled(upto.capture(&claim, Amount::new(CENT)).await), first);
    assert_eq!(settled(upto.settle(&claim).await).captured, Some(Amount::new(1)));
    assert_eq!(doubted(upto.hold(&claim).await), Some(Fault::Used));
    assert_eq!((world.has(SHOP).await, world.included().await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn c_25_nothing_used_sends_nothing_and_stays_nothing_over_a_restart() {
    let world = world().await;
    let claim = permitted(&world, Proxy::Upto, 1, CENT).await;
    let nothing = settled(upto(&world).capture(&claim, Amount::ZERO).await);
    assert_eq!((nothing.captured, nothing.reference.as_str()), (Some(Amount::ZERO), ""));
    assert_eq!(upto(&world).confirm(&claim, &nothing).await, Standing::Final);
    let world = world.restart().await;
    let upto = upto(&world);
    for settlement in
        [upto.capture(&claim, Amount::new(CENT)).await, upto.settle(&claim).await, upto.lookup(&claim).await]
    {
        assert_eq!(settled(settlement).captured, Some(Amount::ZERO));
    }
    assert_eq!((world.has(SHOP).await, world.included().await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_a_crash_cut_off_is_found_with_its_amount() {
    let world = world().await;
    world.faults.next("eth_sendRawTransactionSync", 1, Trouble::Swallowed);
    world.faults.next("eth_sendRawTransaction", 1000, Trouble::Swallowed);
    let claim = permitted(&world, Proxy::Upto, 1, CENT).await;
    assert!(matches!(upto(&world).capture(&claim, Amount::new(70)).await, Settlement::Unknown(_)));
    let world = world.restart().await;
    world.faults.heal("eth_sendRawTransaction");
    let upto = upto(&world);
    // Whatever is asked for now, what was signed first is what is taken.
    let mut outcome = upto.capture(&claim, Amount::new(CENT)).await;
    for _ in 0..100 {
        if !matches!(outcome, Settlement::Unknown(_)) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        outcome = upto.lookup(&claim).await;
    }
    assert_eq!(settled(outcome).captured, Some(Amount::new(70)));
    assert_eq!((world.has(SHOP).await, world.included().await), (70, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_of_upto_needs_the_whole_cap_to_be_there() {
    let world = world().await;
    let has = world.has(account(1).address()).await;
    let claim = permitted(&world, Proxy::Upto, 1, has + 1).await;
    assert_eq!(doubted(upto(&world).hold(&claim).await), Some(Fault::Balance));
    let without = permitted(&world, Proxy::Upto, 2, CENT).await;
    assert_eq!(doubted(upto(&world).hold(&without).await), Some(Fault::Allowance));
}
