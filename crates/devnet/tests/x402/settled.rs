//! Signed payments are settled through the contracts, once and as signed.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolStruct;
use farthing_devnet::{Devnet, WalletMood, base_sepolia};

use crate::interface::*;
use crate::support::{
    LATER, PAYEE, PAYER, STRANGER, balances, base_sepolia, permit2_domain, reverted, send, sign, usdc_domain, word,
};

const VALUE: U256 = U256::from_limbs([1_000, 0, 0, 0]);

fn signed(chain: &Devnet, what: &impl SolStruct) -> Bytes {
    sign(PAYER, what, &permit2_domain(chain))
}

fn exactly(chain: &Devnet, to: Address, valid_after: U256, nonce: u64) -> exact::settleCall {
    let permitted = exact::TokenPermissions { token: chain.token(), amount: VALUE };
    let permit = exact::PermitTransferFrom { permitted, nonce: U256::from(nonce), deadline: LATER };
    let witness = exact::Witness { to, validAfter: valid_after };
    let signature = signed(
        chain,
        &exact::PermitWitnessTransferFrom {
            permitted: permit.permitted.clone(),
            spender: base_sepolia::EXACT_PROXY,
            nonce: permit.nonce,
            deadline: permit.deadline,
            witness: witness.clone(),
        },
    );
    exact::settleCall { permit, owner: PAYER.address, witness, signature }
}

fn up_to(chain: &Devnet, amount: U256, nonce: u64) -> upto::settleCall {
    let (to, facilitator) = (PAYEE.address, STRANGER.address);
    let permitted = upto::TokenPermissions { token: chain.token(), amount: VALUE };
    let permit = upto::PermitTransferFrom { permitted, nonce: U256::from(nonce), deadline: LATER };
    let witness = upto::Witness { to, facilitator, validAfter: U256::ZERO };
    let signature = signed(
        chain,
        &upto::PermitWitnessTransferFrom {
            permitted: permit.permitted.clone(),
            spender: base_sepolia::UPTO_PROXY,
            nonce: permit.nonce,
            deadline: permit.deadline,
            witness: witness.clone(),
        },
    );
    upto::settleCall { permit, amount, owner: PAYER.address, witness, signature }
}

#[tokio::test]
async fn an_authorization_pays_in_usdc() {
    let chain = base_sepolia().await;
    let before = balances(&chain).await;
    let (from, to, value, nonce) = (PAYER.address, PAYEE.address, VALUE, word("usdc"));
    let what = TransferWithAuthorization { from, to, value, validAfter: U256::ZERO, validBefore: LATER, nonce };
    let signature = sign(PAYER, &what, &usdc_domain(&chain));
    let call =
        transferWithAuthorizationCall { from, to, value, validAfter: U256::ZERO, validBefore: LATER, nonce, signature };
    send(&chain, STRANGER, chain.token(), call).await.unwrap();
    assert_eq!(balances(&chain).await, (before.0 - VALUE, before.1 + VALUE));
}

#[tokio::test]
async fn the_exact_proxy_pays_the_signed_payee_whoever_calls() {
    let chain = base_sepolia().await;
    chain.approve_permit2(PAYER.address).await.unwrap();
    let before = balances(&chain).await;
    let proxy = base_sepolia::EXACT_PROXY;

    let early = exactly(&chain, PAYEE.address, LATER, 1);
    reverted::<PaymentTooEarly>(send(&chain, STRANGER, proxy, early).await);
    let nowhere = exactly(&chain, Address::ZERO, U256::ZERO, 1);
    reverted::<InvalidDestination>(send(&chain, STRANGER, proxy, nowhere).await);
    let honest = exactly(&chain, PAYEE.address, U256::ZERO, 1);
    let mut stolen = honest.clone();
    stolen.witness.to = STRANGER.address;
    reverted::<InvalidSigner>(send(&chain, STRANGER, proxy, stolen).await);

    send(&chain, STRANGER, proxy, honest.clone()).await.unwrap();
    reverted::<InvalidNonce>(send(&chain, STRANGER, proxy, honest).await);
    assert_eq!(balances(&chain).await, (before.0 - VALUE, before.1 + VALUE));
}

#[tokio::test]
async fn a_wallet_that_is_a_contract_pays_through_the_proxy_while_it_owns_to_its_signature() {
    let chain = base_sepolia().await;
    let wallet = chain.moody_wallet(PAYER.address).await.unwrap();
    chain.approve_permit2_from(wallet, PAYER.address).await.unwrap();
    chain.fund(wallet, VALUE).await.unwrap();
    let payment = exact::settleCall { owner: wallet, ..exactly(&chain, PAYEE.address, U256::ZERO, 3) };
    chain.set_wallet_mood(wallet, WalletMood::Refuses).await.unwrap();
    let refused = send(&chain, STRANGER, base_sepolia::EXACT_PROXY, payment.clone()).await;
    reverted::<InvalidContractSignature>(refused);
    chain.set_wallet_mood(wallet, WalletMood::Honest).await.unwrap();
    send(&chain, STRANGER, base_sepolia::EXACT_PROXY, payment).await.unwrap();
    assert_eq!(chain.balance(wallet).await.unwrap(), U256::ZERO);
}

#[tokio::test]
async fn a_permit_brings_the_allowance_that_the_exact_proxy_needs() {
    let chain = base_sepolia().await;
    let before = balances(&chain).await;
    let (owner, spender) = (PAYER.address, chain.permit2().unwrap());
    let allowance = |value: U256| {
        let what = Permit { owner, spender, value, nonce: U256::ZERO, deadline: LATER };
        let signature = sign(PAYER, &what, &usdc_domain(&chain));
        let word = |from: usize| alloy_primitives::B256::from_slice(&signature[from..from + 32]);
        exact::EIP2612Permit { value, deadline: LATER, r: word(0), s: word(32), v: signature[64] }
    };
    let exact::settleCall { permit, owner, witness, signature } = exactly(&chain, PAYEE.address, U256::ZERO, 5);
    let call = |permit2612| exact::settleWithPermitCall {
        permit2612,
        permit: permit.clone(),
        owner,
        witness: witness.clone(),
        signature: signature.clone(),
    };
    let proxy = base_sepolia::EXACT_PROXY;
    let too_much = call(allowance(VALUE + VALUE));
    reverted::<Permit2612AmountMismatch>(send(&chain, STRANGER, proxy, too_much).await);
    send(&chain, STRANGER, proxy, call(allowance(VALUE))).await.unwrap();
    assert_eq!(balances(&chain).await, (before.0 - VALUE, before.1 + VALUE));
}

#[tokio::test]
async fn the_upto_proxy_pays_what_its_facilitator_says_within_the_permit() {
    let chain = base_sepolia().await;
    chain.approve_permit2(PAYER.address).await.unwrap();
    let before = balances(&chain).await;
    let (proxy, part) = (base_sepolia::UPTO_PROXY, U256::from(400));

    let too_much = up_to(&chain, VALUE + U256::from(1), 9);
    reverted::<AmountExceedsPermitted>(send(&chain, STRANGER, proxy, too_much).await);
    let honest = up_to(&chain, part, 9);
    reverted::<UnauthorizedFacilitator>(send(&chain, PAYEE, proxy, honest.clone()).await);

    send(&chain, STRANGER, proxy, honest).await.unwrap();
    reverted::<InvalidNonce>(send(&chain, STRANGER, proxy, up_to(&chain, part, 9)).await);
    assert_eq!(balances(&chain).await, (before.0 - part, before.1 + part));
}

/// The constants that other implementations sign with.
#[test]
fn the_signed_types_are_those_of_x402() {
    let hash = |text: &str| alloy_primitives::keccak256(text).to_string();
    assert_eq!(
        hash(&exact::PermitWitnessTransferFrom::eip712_encode_type()),
        "0xebc156cd23678a74c94df13d772ef5478420637f0c94bd10d509e1dc98f521c7"
    );
    assert_eq!(
        hash(&upto::PermitWitnessTransferFrom::eip712_encode_type()),
        "0x51dff6974ad4388c499e7fcfe838d2bd767162553a144098ce20ea661d70c2ee"
    );
}
