//! Payers that are contracts, and Permit2.

use alloy_primitives::{Address, B256, Bytes, U256, address, b256};
use alloy_sol_types::SolValue as _;
use farthing_devnet::contracts::TEST_WALLET;
use farthing_rail::Settler as _;
use farthing_rail_evm::evm::calldata::{self, PERMIT2};
use farthing_rail_evm::evm::{ExpectedPermit2, Permit2Transfer, Spelling, Window};
use farthing_rail_evm::{Leg, Memo, Payment, Way};
use serde_json::{Value, json};

use crate::support::{CENT, World, account, fresh, now, refusal, seconds, settled};

/// Code that never ends: jumps back for ever.
const ENDLESS: &str = "0x5b600056";
const MAGIC: B256 = b256!("6492649264926492649264926492649264926492649264926492649264926492");

/// An authorization from a contract account, signed by its owner.
async fn authorized_by(world: &World, wallet: Address, owner: usize) -> Payment {
    let mut payment = world.authorization_from(wallet, owner, CENT, 300).await;
    if let Way::Authorization { by_contract, .. } = &mut payment.way {
        *by_contract = true;
    }
    payment
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_is_a_contract_pays() {
    let world = World::evm().await;
    let wallet = wallet_of(&world, 6).await;
    // A stranger's signature is refused before any gas is spent.
    let forged = authorized_by(&world, wallet, 7).await;
    assert!(refusal(world.settle(&world.claim(&forged)).await).contains("nothing was taken"));
    assert_eq!(world.included().await, 0);
    let claim = world.claim(&authorized_by(&world, wallet, 6).await);
    settled(world.settle(&claim).await);
    assert_eq!(world.has(wallet).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_burns_gas_burns_none_of_ours() {
    let world = World::evm().await;
    let greedy = address!("00000000000000000000000000000000deadbeef");
    world.devnet.node().request::<Value>("anvil_setCode", json!([greedy, ENDLESS])).await.unwrap();
    world.devnet.fund(greedy, U256::from(CENT)).await.unwrap();
    let payment = authorized_by(&world, greedy, 6).await;
    assert!(refusal(world.settle(&world.claim(&payment)).await).contains("nothing was taken"));
    assert_eq!(world.included().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_deployed_is_never_deployed_by_us() {
    let world = World::evm().await;
    let mut payment = authorized_by(&world, Address::repeat_byte(0x77), 6).await;
    wrap(&mut payment);
    assert!(refusal(world.settle(&world.claim(&payment)).await).contains("deploy it, then sign again"));
    assert_eq!(world.included().await, 0);
}

/// Some wallets wrap every signature, deployed or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrapped_signature_of_a_deployed_account_is_opened() {
    let world = World::evm().await;
    let wallet = wallet_of(&world, 6).await;
    let mut forged = authorized_by(&world, wallet, 7).await;
    wrap(&mut forged);
    assert!(refusal(world.settle(&world.claim(&forged)).await).contains("nothing was taken"));
    let mut payment = authorized_by(&world, wallet, 6).await;
    wrap(&mut payment);
    settled(world.settle(&world.claim(&payment)).await);
    assert_eq!((world.has(wallet).await, world.included().await), (0, 1));
}

/// Wraps a signature together with a deployment (ERC-6492).
fn wrap(payment: &mut Payment) {
    if let Way::Authorization { signature, .. } = &mut payment.way {
        let wrapped = (Address::repeat_byte(0xfa), Bytes::from_static(b"deploy"), signature.clone());
        *signature = [wrapped.abi_encode_params(), MAGIC.to_vec()].concat().into();
    }
}

/// A contract account of one of the chain's accounts, with a cent.
async fn wallet_of(world: &World, owner: usize) -> Address {
    let owner = account(owner).address();
    let code = [TEST_WALLET.creation().unwrap().as_ref(), owner.into_word().as_slice()].concat();
    let wallet = world.devnet.deploy(code.into()).await.unwrap();
    world.devnet.fund(wallet, U256::from(CENT)).await.unwrap();
    wallet
}

/// A permit for these legs, signed by one of the chain's accounts for this spender.
async fn permit(world: &World, payer: usize, spender: Address, legs: Vec<Leg>) -> Payment {
    let mut transfer = Permit2Transfer {
        permitted: legs.iter().map(|leg| (world.token.contract, leg.amount)).collect(),
        nonce: fresh().into(),
        deadline: U256::from(seconds() + 300),
        transfers: legs.iter().map(|leg| (leg.recipient, leg.amount)).collect(),
        challenge_hash: fresh(),
        external_id: "order 7".into(),
        signature: Bytes::new(),
    };
    let message = transfer.message(world.token.chain, spender, Spelling::Draft);
    transfer.signature = account(payer).sign(&message).await.unwrap();
    let owner = account(payer).address();
    let way = transfer
        .check(&ExpectedPermit2 {
            chain: world.token.chain,
            owner,
            spender,
            token: world.token.contract,
            legs: &legs,
            challenge_hash: transfer.challenge_hash,
            external_id: &transfer.external_id,
            window: Window::new(now(), None),
            contract_payers: false,
        })
        .unwrap();
    Payment { chain: world.token.chain, token: world.token.contract, payer: Some(owner), legs, way }
}

fn leg(recipient: Address, amount: u128) -> Leg {
    Leg { recipient, amount: U256::from(amount), memo: Memo::Any }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_pays_everybody_it_names_once() {
    let world = World::evm().await;
    assert_eq!(world.devnet.permit2(), Some(PERMIT2));
    let payer = account(1).address();
    let approve = [&[0x09, 0x5e, 0xa7, 0xb3], (PERMIT2, U256::MAX).abi_encode().as_slice()].concat();
    world.devnet.node().send(payer, Some(world.token.contract), approve).await.unwrap();
    let other = Address::repeat_byte(0x99);

    let one = world.claim(&permit(&world, 1, world.signer, vec![leg(world.signer, CENT)]).await);
    let first = settled(world.settle(&one).await);
    assert_eq!(settled(world.seller.lookup(&one).await), first);

    let legs = vec![leg(world.signer, CENT), leg(other, 3)];
    let split = world.claim(&permit(&world, 1, world.signer, legs).await);
    assert_eq!(settled(world.settle(&split).await).consumed.len(), 2);
    assert_eq!(world.has(other).await, 3);

    let stranger = permit(&world, 1, account(4).address(), vec![leg(world.signer, CENT)]).await;
    assert!(refusal(world.settle(&world.claim(&stranger)).await).contains("sign one for"));

    let spent = permit(&world, 2, world.signer, vec![leg(world.signer, CENT)]).await;
    let without_allowance = refusal(world.settle(&world.claim(&spent)).await);
    assert!(without_allowance.contains("nothing was taken"), "{without_allowance}");
    assert!(calldata::submission(&spent).is_some());
    assert_eq!(world.included().await, 2);
}
