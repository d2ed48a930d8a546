use alloy_primitives::{B256, keccak256};
use farthing_rail::{Capture, Method, Order, Refusal};
use serde_json::{Value, json};

use super::*;
use crate::evm::testing::{BASE, NOW, SELLER, SPENDER, STRANGER, account, payer, payment, sign, usdc};
use crate::x402::testing::{request, verify, with_detail};
use crate::x402::{EXACT_PROXY, Transfer, UPTO_PROXY, X402Exact, X402Settings, X402Upto};

fn settings() -> X402Settings {
    X402Settings::seller(usdc(), SELLER, Transfer::Permit2)
}

fn exact() -> X402Exact {
    X402Exact::new(settings()).unwrap()
}

/// Ours is the signer that payers name.
fn upto() -> X402Upto {
    X402Upto::new(settings(), SPENDER).unwrap()
}

fn unsigned(proxy: Proxy) -> Permit {
    Permit {
        from: payer().address(),
        token: usdc().contract,
        permitted: U256::from(1000),
        spender: proxy.address(),
        nonce: U256::from_be_bytes([9; 32]),
        deadline: U256::from(NOW + 300),
        to: SELLER,
        facilitator: (proxy == Proxy::Upto).then_some(SPENDER),
        valid_after: U256::ZERO,
        signature: Bytes::new(),
    }
}

fn paid_by(permit: Permit, proxy: Proxy) -> Value {
    let signature = sign(&payer(), &permit.message(BASE, proxy));
    Value::Object(Permit { signature, ..permit }.to_object())
}

fn said(proxy: Proxy, payload: &Value) -> Result<farthing_rail::Proof, Refusal> {
    match proxy {
        Proxy::Exact => verify(&exact(), &request(&exact()), payload),
        Proxy::Upto => verify(&upto(), &request(&upto()), payload),
    }
}

/// Of each proxy in turn, what is wrong with a permit that was changed so and then signed.
fn faults(change: impl Fn(&mut Permit)) -> [Option<Fault>; 2] {
    [Proxy::Exact, Proxy::Upto].map(|proxy| {
        let mut permit = unsigned(proxy);
        change(&mut permit);
        said(proxy, &paid_by(permit, proxy)).unwrap_err().fault
    })
}

#[test]
fn a_permit_pays_under_the_key_it_has_in_any_protocol_and_names_the_submission() {
    for proxy in [Proxy::Exact, Proxy::Upto] {
        let proof = said(proxy, &paid_by(unsigned(proxy), proxy)).unwrap();
        let nonce = U256::from_be_bytes([9; 32]);
        assert_eq!(proof.key.as_str(), format!("eip155:8453/permit2/{:#x}/{nonce}", payer().address()));
        assert_eq!(proof.amount.units(), 1000);
        let call = crate::evm::calldata::submission(&payment(&proof)).unwrap();
        assert_eq!(call.to, proxy.address());
    }
    assert_eq!((exact().terms().capture, upto().terms().capture), (Capture::Whole, Capture::Actual));
}

/// Signed by the clients of others: the hash is theirs.
#[test]
fn what_is_signed_is_typed_data_of_permit2() {
    let kind = "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,\
                Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)";
    let permit = unsigned(Proxy::Exact);
    let token = [keccak256("TokenPermissions(address token,uint256 amount)"), permit.token.into_word()];
    let token = keccak256([token[0], token[1], permit.permitted.into()].concat());
    let witness =
        keccak256([keccak256("Witness(address to,uint256 validAfter)"), SELLER.into_word(), B256::ZERO].concat());
    let words = [keccak256(kind), token, EXACT_PROXY.into_word(), permit.nonce.into(), permit.deadline.into(), witness];
    assert_eq!(permit.message(BASE, Proxy::Exact)[34..], keccak256(words.concat())[..]);
}

#[test]
fn offers_name_what_payers_must_sign() {
    assert_eq!(
        request(&exact()).method_details["extra"],
        json!({ "assetTransferMethod": "permit2", "name": "USD Coin", "version": "2" })
    );
    let extra = &request(&upto()).method_details["extra"];
    assert_eq!(extra["assetTransferMethod"], "permit2");
    assert_eq!(extra["facilitatorAddress"], SPENDER.to_checksum(None));
    let order = Order { price: "0.001 USD".parse().unwrap(), description: None, external_id: None };
    assert!(X402Upto::for_anybody(vec![usdc()], SPENDER).unwrap().request(&order).is_err());
    assert!(X402Upto::new(X402Settings::seller(usdc(), SELLER, Transfer::Eip3009), SPENDER).is_err());
}

#[test]
fn c_24_one_thing_wrong_with_a_permit_is_named() {
    assert_eq!(faults(|permit| permit.spender = SPENDER), [Some(Fault::Submitter); 2]);
    assert_eq!(faults(|permit| permit.to = STRANGER), [Some(Fault::Recipient); 2]);
    assert_eq!(faults(|permit| permit.token = STRANGER), [Some(Fault::Asset); 2]);
    for amount in [0, 999, 1001] {
        assert_eq!(faults(|permit| permit.permitted = U256::from(amount)), [Some(Fault::Amount); 2]);
    }
    assert_eq!(faults(|permit| permit.deadline = U256::from(NOW)), [Some(Fault::Expired); 2]);
    assert_eq!(faults(|permit| permit.deadline = U256::from(NOW + 400)), [Some(Fault::TooLongLived); 2]);
    assert_eq!(faults(|permit| permit.valid_after = U256::from(NOW + 60)), [Some(Fault::NotYetValid); 2]);
    assert_eq!(faults(|permit| permit.from = account(2).address()), [Some(Fault::Signature); 2]);
}

#[test]
fn c_25_a_permit_of_upto_must_name_our_signer_and_the_cap() {
    let other = |facilitator| {
        let permit = Permit { facilitator, ..unsigned(Proxy::Upto) };
        said(Proxy::Upto, &paid_by(permit, Proxy::Upto)).unwrap_err().fault
    };
    assert_eq!(other(Some(STRANGER)), Some(Fault::Submitter));
    assert_eq!(other(None), Some(Fault::Submitter));
    // The offer's own facilitator, too.
    let foreign = with_detail(&request(&upto()), "extra", json!({ "facilitatorAddress": STRANGER.to_string() }));
    let pays = paid_by(unsigned(Proxy::Upto), Proxy::Upto);
    assert_eq!(verify(&upto(), &foreign, &pays).unwrap_err().fault, Some(Fault::Submitter));
    let mut lower = request(&upto());
    lower.amount = farthing_money::Amount::new(10);
    assert_eq!(verify(&upto(), &lower, &pays).unwrap_err().fault, Some(Fault::Amount));
}

#[test]
fn a_permit_for_one_proxy_does_not_pay_by_the_other() {
    let swapped = |signed_for: Proxy, presented_as: Proxy| {
        let permit = Permit { spender: presented_as.address(), facilitator: Some(SPENDER), ..unsigned(signed_for) };
        said(presented_as, &paid_by(permit, signed_for)).unwrap_err().fault
    };
    assert_eq!(swapped(Proxy::Exact, Proxy::Upto), Some(Fault::Signature));
    assert_eq!(swapped(Proxy::Upto, Proxy::Exact), Some(Fault::Signature));
    assert_ne!(EXACT_PROXY, UPTO_PROXY);
}

#[test]
fn a_payload_with_a_part_missing_is_malformed() {
    let whole = paid_by(unsigned(Proxy::Exact), Proxy::Exact);
    for path in ["signature", "permit2Authorization"] {
        let mut cut = whole.clone();
        cut.as_object_mut().unwrap().remove(path);
        assert_eq!(said(Proxy::Exact, &cut).unwrap_err().fault, Some(Fault::Malformed), "{path}");
    }
    for member in ["from", "permitted", "spender", "nonce", "deadline", "witness"] {
        let mut cut = whole.clone();
        cut["permit2Authorization"].as_object_mut().unwrap().remove(member);
        assert_eq!(said(Proxy::Exact, &cut).unwrap_err().fault, Some(Fault::Malformed), "{member}");
    }
}
