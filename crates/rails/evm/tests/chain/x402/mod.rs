//! Payments in x402's words, on a chain that poses as Base Sepolia.

mod exact;
mod hostile;
mod operations;
mod preempted;
mod upto;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use farthing_dialects::x402::{Network, Requirements};
use farthing_protocol::challenge::ChallengeDraft;
use farthing_protocol::{
    ChallengeId, ChargeRequest, Credential, EncodedObject, IntentName, JsonObject, MethodName, Realm,
};
use farthing_rail::{Claim, Fault, Hold, Method, PaymentId, Presented, Settlement};
use farthing_rail_evm::evm::Authorization;
use farthing_rail_evm::settle::Settling;
use farthing_rail_evm::x402::{self, Permit, Proxy, X402Exact, X402Settings, X402Upto};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::support::{World, account, fresh, now, seconds};

/// Somebody who sells by this facilitator.
pub(crate) const SHOP: Address = Address::repeat_byte(0x5e);

fn settings(world: &World) -> X402Settings {
    X402Settings { contract_payers: true, ..X402Settings::anybody(vec![world.token.clone()]) }
}

/// What settles `exact` for anybody.
fn exact(world: &World) -> Settling<X402Exact> {
    Settling::for_anybody(X402Exact::new(settings(world)).unwrap(), Arc::clone(&world.chain))
}

/// What settles `upto` for anybody.
fn upto(world: &World) -> Settling<X402Upto> {
    Settling::for_anybody(X402Upto::new(settings(world), world.signer).unwrap(), Arc::clone(&world.chain))
}

/// The offer of [`SHOP`].
fn offer(world: &World, scheme: &str, amount: u128, extra: &Value) -> ChargeRequest {
    let asked = Requirements {
        scheme: scheme.to_owned(),
        network: Network::evm(world.token.chain),
        amount: farthing_money::Amount::new(amount),
        asset: world.token.contract.to_string(),
        pay_to: SHOP.to_string(),
        max_timeout_seconds: 300,
        extra: extra.as_object().cloned().unwrap_or_default(),
    };
    asked.to_request()
}

/// A claim on what a method finds in a payload.
fn claim(method: &dyn Method, request: &ChargeRequest, payload: JsonObject) -> Claim {
    let id = ChallengeId::read(&farthing_protocol::base64url::encode(fresh())).unwrap();
    let intent = IntentName::read(method.terms().intent.as_str()).unwrap();
    let encoded = EncodedObject::encode(&request.to_object()).unwrap();
    let realm = Realm::new("shop.example").unwrap();
    let draft = ChallengeDraft::new(realm, MethodName::read(x402::METHOD).unwrap(), intent, encoded);
    let credential = Credential::new(draft.with_id(id).unwrap(), payload, None);
    let proof = method.verify(&Presented { credential: &credential, request, now: now() }).unwrap();
    let name = keccak256(proof.key.as_str());
    Claim { payment: PaymentId::from_bytes(name[..16].try_into().unwrap()), proof, claimed_at: now() }
}

/// A claim on an authorization from one account that another one signed.
async fn authorized(world: &World, from: Address, by: usize, amount: u128) -> Claim {
    let unsigned = Authorization {
        from,
        to: SHOP,
        value: U256::from(amount),
        valid_after: U256::ZERO,
        valid_before: U256::from(seconds() + 300),
        nonce: fresh(),
        signature: Bytes::new(),
    };
    let message = unsigned.message(&world.token.separator().unwrap());
    let signed = Authorization { signature: account(by).sign(&message).await.unwrap(), ..unsigned };
    let mut members = signed.to_object();
    let signature = members.remove("signature").unwrap();
    let payload = json!({ "signature": signature, "authorization": members });
    let request = offer(world, x402::EXACT, amount, &json!({ "name": "USDC", "version": "2" }));
    claim(&exact(world), &request, payload.as_object().unwrap().clone())
}

/// A claim on an authorization of an ordinary account.
async fn paid(world: &World, payer: usize, amount: u128) -> Claim {
    authorized(world, account(payer).address(), payer, amount).await
}

/// A claim on a permit of an ordinary account: of so much in all, or at most.
async fn permitted(world: &World, proxy: Proxy, payer: usize, amount: u128) -> Claim {
    permitted_under(world, proxy, payer, amount, fresh()).await
}

/// The same under a nonce of the payer's choice.
async fn permitted_under(world: &World, proxy: Proxy, payer: usize, amount: u128, nonce: B256) -> Claim {
    let unsigned = Permit {
        from: account(payer).address(),
        token: world.token.contract,
        permitted: U256::from(amount),
        spender: proxy.address(),
        nonce: nonce.into(),
        deadline: U256::from(seconds() + 300),
        to: SHOP,
        facilitator: (proxy == Proxy::Upto).then_some(world.signer),
        valid_after: U256::ZERO,
        signature: Bytes::new(),
    };
    let message = unsigned.message(world.token.chain, proxy);
    let permit = Permit { signature: account(payer).sign(&message).await.unwrap(), ..unsigned };
    match proxy {
        Proxy::Exact => {
            let request = offer(world, x402::EXACT, amount, &json!({ "assetTransferMethod": "permit2" }));
            claim(&exact(world), &request, permit.to_object())
        }
        Proxy::Upto => {
            let extra = json!({ "assetTransferMethod": "permit2", "facilitatorAddress": world.signer });
            claim(&upto(world), &offer(world, x402::UPTO, amount, &extra), permit.to_object())
        }
    }
}

/// Why a hold is refused.
#[track_caller]
fn doubted(hold: Hold) -> Option<Fault> {
    match hold {
        Hold::Rejected(rejected) => rejected.refusal.fault,
        other => panic!("not rejected: {other:?}"),
    }
}

/// Why a settlement is refused.
#[track_caller]
fn fault(settlement: Settlement) -> Option<Fault> {
    match settlement {
        Settlement::Rejected(rejected) => rejected.refusal.fault,
        other => panic!("not rejected: {other:?}"),
    }
}
