//! Refunds, and the statement.

use alloy_primitives::U256;
use farthing_money::Amount;
use farthing_rail::{Cursor, Direction, Refund, Settler as _};
use farthing_rail_evm::evm::calldata;

use crate::support::{CENT, World, account, settled};

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_goes_back_once() {
    let world = World::evm().await;
    let payer = account(1).address();
    let before = world.has(payer).await;
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    let paid = settled(world.settle(&claim).await);
    let refund = Refund {
        payment: claim.payment,
        reference: paid.reference,
        payer: claim.proof.payer.clone(),
        amount: Amount::new(CENT),
        asset: claim.proof.asset.clone(),
    };
    let first = settled(world.seller.refund(&refund).await);
    assert_eq!(world.has(payer).await, before);
    assert_eq!(settled(world.seller.refund(&refund).await), first);
    assert_eq!(world.has(payer).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statement_shows_payments_by_their_keys_and_foreign_money_too() {
    let world = World::evm().await;
    let claim = world.claim(&world.authorization(1, CENT, 300).await);
    let paid = settled(world.settle(&claim).await);
    let gift = calldata::transfer(world.signer, U256::from(7));
    world.devnet.node().send(account(4).address(), Some(world.token.contract), gift).await.unwrap();
    assert_eq!(read_all(&world, Cursor::default()).await.0.len(), 1, "only the seller's own endowment is deep enough");
    world.devnet.mine(4).await.unwrap();
    let (movements, next) = read_all(&world, Cursor::default()).await;
    let [_, payment, gift] = movements.as_slice() else { panic!("{movements:?}") };
    assert_eq!((&payment.key, payment.amount), (&paid.consumed[0], claim.proof.amount));
    assert_eq!(payment.payer, claim.proof.payer);
    assert_eq!(gift.amount, Amount::new(7));
    assert_eq!(payment.direction, Direction::In);
    assert_eq!(read_all(&world, next.clone()).await.0, []);

    let refund = Refund {
        payment: claim.payment,
        reference: paid.reference,
        payer: claim.proof.payer.clone(),
        amount: Amount::new(CENT),
        asset: claim.proof.asset.clone(),
    };
    let back = settled(world.seller.refund(&refund).await);
    let own = calldata::transfer(account(4).address(), U256::from(5));
    world.devnet.node().send(world.signer, Some(world.token.contract), own).await.unwrap();
    world.devnet.mine(4).await.unwrap();
    let (movements, _) = read_all(&world, next).await;
    let [refund, withdrawal] = movements.as_slice() else { panic!("{movements:?}") };
    assert_eq!((refund.direction, &refund.key), (Direction::Out, &back.consumed[0]));
    assert_eq!((refund.amount, &refund.payer), (Amount::new(CENT), &claim.proof.payer));
    assert_eq!((withdrawal.direction, withdrawal.amount), (Direction::Out, Amount::new(5)));
}

async fn read_all(world: &World, mut after: Cursor) -> (Vec<farthing_rail::Movement>, Cursor) {
    let mut movements = Vec::new();
    loop {
        let page = world.seller.statement(&after).await.unwrap();
        movements.extend(page.movements);
        after = page.next;
        if !page.more {
            return (movements, after);
        }
    }
}
