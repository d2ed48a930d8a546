//! Tokens and contract accounts that do not keep their word.

use alloy_primitives::{Address, U256, hex, keccak256};
use farthing_devnet::{TokenMood, WalletMood, base_sepolia, with_deployment};
use farthing_rail::{Fault, Hold, Settlement, Settler as _};
use farthing_rail_evm::settle::Rules;
use farthing_rail_evm::x402::Proxy;
use farthing_rail_evm::{Payment, Way};

use super::{SHOP, authorized, doubted, exact, fault, paid, permitted};
use crate::support::{CENT, World, account, rules, settled};

/// Whether an outcome is surely not a payment; what is not known yet becomes known.
async fn is_not_paid(world: &World, claim: &farthing_rail::Claim, outcome: Settlement) -> bool {
    match outcome {
        Settlement::Unknown(_) => {
            world.devnet.mine(5).await.unwrap();
            !matches!(exact(world).lookup(claim).await, Settlement::Settled(_))
        }
        Settlement::Rejected(_) => true,
        Settlement::Settled(_) => false,
    }
}

/// A contract account with a cent, and its owner's signature over an authorization.
async fn wallet(world: &World) -> (Address, farthing_rail::Claim) {
    let wallet = world.devnet.moody_wallet(account(6).address()).await.unwrap();
    world.devnet.fund(wallet, U256::from(CENT)).await.unwrap();
    (wallet, authorized(world, wallet, 6, CENT).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn b_05_c_22_a_wallet_whose_answer_changes_between_check_and_settlement_gets_nothing_for_free() {
    let world = World::base_sepolia().await;
    let (wallet, honest) = wallet(&world).await;
    assert_eq!(exact(&world).hold(&honest).await, Hold::Held);
    settled(exact(&world).settle(&honest).await);
    let moods = [
        WalletMood::CheapGas(0),
        WalletMood::OtherOrigin(world.signer),
        WalletMood::EarlyBlock(0),
        WalletMood::AmpleGas(10_000_000),
        WalletMood::OneCoinbase(Address::repeat_byte(0xcb)),
        WalletMood::Refuses,
    ];
    for mood in moods {
        world.devnet.fund(wallet, U256::from(CENT)).await.unwrap();
        let claim = authorized(&world, wallet, 6, CENT).await;
        let before = world.has(SHOP).await;
        world.devnet.set_wallet_mood(wallet, mood).await.unwrap();
        // Whatever it says when it is asked, only money that moved counts.
        let outcome = exact(&world).settle(&claim).await;
        let moved = world.has(SHOP).await > before;
        assert_eq!(is_not_paid(&world, &claim, outcome).await, !moved, "{mood:?}");
        world.devnet.set_wallet_mood(wallet, WalletMood::Honest).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c_22_a_flag_turned_between_hold_and_settlement_is_seen() {
    let world = World::base_sepolia().await;
    let (wallet, claim) = wallet(&world).await;
    assert_eq!(exact(&world).hold(&claim).await, Hold::Held);
    world.devnet.set_wallet_mood(wallet, WalletMood::Refuses).await.unwrap();
    assert_eq!(fault(exact(&world).settle(&claim).await), Some(Fault::Unmovable));
    assert_eq!((world.has(SHOP).await, world.included().await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn c_12_a_token_that_is_no_contract_is_found_before_anything_is_sent() {
    let world = World::base_sepolia().await;
    let (claim, exact) = (paid(&world, 1, CENT).await, exact(&world));
    world.devnet.remove_code(base_sepolia::USDC).await.unwrap();
    assert_eq!(doubted(exact.hold(&claim).await), Some(Fault::ContractMissing));
    assert_eq!(fault(exact.settle(&claim).await), Some(Fault::ContractMissing));
    assert_eq!(world.included().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn c_12_a_proxy_that_is_not_there_is_found_before_anything_is_sent() {
    let world = World::base_sepolia().await;
    world.devnet.approve_permit2(account(1).address()).await.unwrap();
    let (claim, exact) = (permitted(&world, Proxy::Exact, 1, CENT).await, exact(&world));
    world.devnet.remove_code(base_sepolia::EXACT_PROXY).await.unwrap();
    assert_eq!(doubted(exact.hold(&claim).await), Some(Fault::ContractMissing));
    assert_eq!(fault(exact.settle(&claim).await), Some(Fault::ContractMissing));
    assert_eq!(world.included().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn c_13_c_27_f_11_a_token_that_does_not_move_the_whole_sum_does_not_pay() {
    // The code is swapped after the look: settling looks again, and believes the log of the transfer only.
    for mood in [TokenMood::MovesNothing, TokenMood::TakesFee, TokenMood::MovesSilently] {
        let world = World::base_sepolia().await;
        let (claim, exact) = (paid(&world, 1, CENT).await, exact(&world));
        assert_eq!(exact.hold(&claim).await, Hold::Held);
        world.devnet.turn_token_hostile().await.unwrap();
        world.devnet.set_token_mood(mood).await.unwrap();
        let outcome = exact.settle(&claim).await;
        assert!(is_not_paid(&world, &claim, outcome).await, "{mood:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c_13_c_26_who_is_blacklisted_paused_or_refused_is_found_before_anything_is_sent() {
    let world = World::base_sepolia().await;
    let (claim, exact) = (paid(&world, 1, CENT).await, exact(&world));
    world.devnet.turn_token_hostile().await.unwrap();
    assert_eq!(exact.hold(&claim).await, Hold::Held);
    let node = &world.devnet;
    for step in 0..4 {
        let turn = async |on: bool| match step {
            0 => node.blacklist(account(1).address(), on).await.unwrap(),
            1 => node.blacklist(SHOP, on).await.unwrap(),
            2 => node.pause_token(on).await.unwrap(),
            _ => node.refuse_payee(SHOP, on).await.unwrap(),
        };
        turn(true).await;
        assert_eq!(doubted(exact.hold(&claim).await), Some(Fault::Unmovable), "{step}");
        assert_eq!(fault(exact.settle(&claim).await), Some(Fault::Unmovable), "{step}");
        turn(false).await;
    }
    assert_eq!(world.included().await, 0);
    settled(exact.settle(&claim).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn b_07_an_authorization_cancelled_after_the_look_delivers_nothing() {
    let world = World::base_sepolia_with(Rules { finality: 0, ..rules() }).await;
    let (claim, exact) = (paid(&world, 1, CENT).await, exact(&world));
    assert_eq!(exact.hold(&claim).await, Hold::Held);
    let payment: Payment = serde_json::from_slice(&claim.proof.kept).unwrap();
    let Way::Authorization { from, nonce, .. } = payment.way else { panic!() };
    let typed = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
    let signature = world.sign(1, typed, &[from.into_word(), nonce]).await;
    let selector = keccak256("cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)");
    let v = U256::from(signature[64]).to_be_bytes::<32>();
    let data = [&selector[..4], from.into_word().as_slice(), nonce.as_slice(), &v, &signature[..64]].concat();
    world.devnet.node().send(from, Some(world.token.contract), data).await.unwrap();
    assert_eq!(doubted(exact.hold(&claim).await), Some(Fault::Used));
    assert_eq!(fault(exact.settle(&claim).await), Some(Fault::Used));
    assert_eq!((world.has(SHOP).await, world.included().await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn d_01_d_02_a_payers_factory_is_never_called() {
    let world = World::base_sepolia().await;
    let burning = world.devnet.deploy(farthing_devnet::contracts::BURNING_FACTORY.creation().unwrap()).await.unwrap();
    let nobody = Address::repeat_byte(0x77);
    world.devnet.fund(nobody, U256::from(CENT)).await.unwrap();
    let mut claim = authorized(&world, nobody, 6, CENT).await;
    let mut payment: Payment = serde_json::from_slice(&claim.proof.kept).unwrap();
    let Way::Authorization { signature, by_contract: true, .. } = &mut payment.way else { panic!() };
    *signature = with_deployment(burning, &hex!("00"), signature);
    claim.proof.kept = serde_json::to_vec(&payment).unwrap();
    let gas = || world.devnet.node().request::<U256>("eth_getBalance", serde_json::json!([world.signer, "latest"]));
    let before = gas().await.unwrap();
    let exact = exact(&world);
    assert_eq!(doubted(exact.hold(&claim).await), Some(Fault::ForeignCode));
    assert_eq!(fault(exact.settle(&claim).await), Some(Fault::ForeignCode));
    assert_eq!((gas().await.unwrap(), world.included().await), (before, 0));
}
