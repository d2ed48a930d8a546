use alloy_primitives::{Bytes, U256};
use alloy_sol_types::SolValue as _;
use serde_json::json;

use super::*;
use crate::chain::by_code;
use crate::evm::testing::{BASE, NOW, SELLER, STRANGER, payer, payment, signed_for, usdc};
use crate::x402::testing::{payload, request, verify, with_detail};

/// Something that is done to a signature.
type Change<'a> = &'a dyn Fn(&mut Vec<u8>);

fn exact() -> X402Exact {
    X402Exact::new(X402Settings::seller(usdc(), SELLER, Transfer::Eip3009)).unwrap()
}

fn lenient() -> X402Exact {
    let settings = X402Settings::seller(usdc(), SELLER, Transfer::Eip3009);
    X402Exact::new(X402Settings { contract_payers: true, ..settings }).unwrap()
}

fn unsigned() -> Authorization {
    Authorization {
        from: payer().address(),
        to: SELLER,
        value: U256::from(1000),
        valid_after: U256::ZERO,
        valid_before: U256::from(NOW + 300),
        nonce: B256::repeat_byte(7),
        signature: Bytes::new(),
    }
}

fn paid_by(authorization: Authorization) -> Value {
    payload(signed_for(&usdc(), authorization).to_object())
}

fn fault(payload: &Value) -> Option<Fault> {
    verify(&exact(), &request(&exact()), payload).unwrap_err().fault
}

fn with_signature(signature: &[u8]) -> Value {
    payload(Authorization { signature: Bytes::copy_from_slice(signature), ..unsigned() }.to_object())
}

#[test]
fn an_offer_is_in_x402s_own_words() {
    let offered = farthing_dialects::x402::Requirements::from_request(EXACT, &request(&exact())).unwrap();
    let expected = json!({
        "scheme": "exact", "network": "eip155:8453", "amount": "1000",
        "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "payTo": SELLER.to_checksum(None),
        "maxTimeoutSeconds": 300, "extra": { "name": "USD Coin", "version": "2" },
    });
    assert_eq!(Value::Object(offered.to_object()), expected);
}

#[test]
fn an_authorization_pays_under_the_key_it_has_in_any_protocol() {
    let proof = verify(&exact(), &request(&exact()), &paid_by(unsigned())).unwrap();
    assert_eq!(proof.key, unsigned().key(BASE, &usdc().contract));
    assert_eq!(proof.payer, Some(payer_id(BASE, &payer().address())));
    assert_eq!((proof.amount.units(), &proof.asset), (1000, &usdc().asset));
    let Way::Authorization { by_contract: false, .. } = payment(&proof).way else { panic!() };
}

#[test]
fn c_01_underpayment_and_c_02_overpayment_by_one_unit_are_refused() {
    for value in [0, 999, 1001, u64::MAX] {
        let changed = Authorization { value: U256::from(value), ..unsigned() };
        assert_eq!(fault(&paid_by(changed)), Some(Fault::Amount), "{value}");
    }
}

#[test]
fn c_03_a_payment_to_somebody_else_is_refused() {
    assert_eq!(fault(&paid_by(Authorization { to: STRANGER, ..unsigned() })), Some(Fault::Recipient));
}

#[test]
fn c_04_another_token_under_the_same_words_is_refused() {
    let mut other = usdc();
    other.contract = STRANGER;
    assert_eq!(fault(&payload(signed_for(&other, unsigned()).to_object())), Some(Fault::Signature));
}

#[test]
fn c_05_a_payment_signed_for_another_chain_is_refused() {
    let on_mainnet = crate::chain::Token { chain: 1, ..usdc() };
    assert_eq!(fault(&payload(signed_for(&on_mainnet, unsigned()).to_object())), Some(Fault::Signature));
}

#[test]
fn c_06_another_signing_domain_is_refused_as_a_wrong_signature() {
    for (name, version) in [("USDC", "2"), ("USD Coin", "1")] {
        let mut other = usdc();
        other.domain = Some(crate::chain::SigningDomain { name: name.into(), version: version.into() });
        assert_eq!(fault(&payload(signed_for(&other, unsigned()).to_object())), Some(Fault::Signature));
    }
}

#[test]
fn c_07_c_08_c_09_c_10_a_life_outside_the_declared_bounds_is_refused() {
    let lives = |after: u64, before: u64| {
        let life = Authorization { valid_after: U256::from(after), valid_before: U256::from(before), ..unsigned() };
        verify(&exact(), &request(&exact()), &paid_by(life)).err().map(|refusal| refusal.fault.unwrap())
    };
    assert_eq!(lives(0, NOW + 10 * 365 * 86_400), Some(Fault::TooLongLived));
    assert_eq!(lives(NOW + 60, NOW + 300), Some(Fault::NotYetValid));
    assert_eq!(lives(0, NOW + 3), Some(Fault::Expired));
    assert_eq!(lives(0, NOW), Some(Fault::Expired));
    // Six seconds are enough, and clocks may be half a minute apart, but no more.
    assert_eq!(lives(0, NOW + 5), Some(Fault::Expired));
    assert_eq!(lives(0, NOW + 6), None);
    assert_eq!(lives(NOW, NOW + 330), None);
    assert_eq!(lives(0, NOW + 331), Some(Fault::TooLongLived));
    assert_eq!(lives(NOW + 1, NOW + 300), Some(Fault::NotYetValid));
}

#[test]
fn c_11_an_offer_that_differs_from_ours_in_any_member_is_refused() {
    let ours = request(&exact());
    let pays = paid_by(unsigned());
    let said = |request: &farthing_protocol::ChargeRequest| verify(&exact(), request, &pays).unwrap_err().fault;
    assert_eq!(said(&with_detail(&ours, "network", "eip155:1")), Some(Fault::Network));
    assert_eq!(said(&with_detail(&ours, "network", "solana:mainnet")), Some(Fault::Network));
    let changed = |change: &dyn Fn(&mut farthing_protocol::ChargeRequest)| {
        let mut request = ours.clone();
        change(&mut request);
        said(&request)
    };
    assert_eq!(changed(&|request| request.amount = farthing_money::Amount::new(999)), Some(Fault::Amount));
    assert_eq!(changed(&|request| request.currency = STRANGER.to_string()), Some(Fault::Asset));
    assert_eq!(changed(&|request| request.recipient = Some(STRANGER.to_string())), Some(Fault::Recipient));
    assert_eq!(changed(&|request| request.recipient = None), Some(Fault::OfferUnknown));
    assert_eq!(said(&with_detail(&ours, "maxTimeoutSeconds", 60)), Some(Fault::TooLongLived));
    for extra in [json!({"name": "USDC", "version": "2"}), json!({"name": "USD Coin", "version": 2})] {
        assert_eq!(said(&with_detail(&ours, "extra", extra)), Some(Fault::Domain));
    }
    let permit2 = json!({"assetTransferMethod": "permit2"});
    assert_eq!(said(&with_detail(&ours, "extra", permit2)), Some(Fault::OfferUnknown));
    let unheard_of = json!({"assetTransferMethod": "erc7710"});
    assert_eq!(said(&with_detail(&ours, "extra", unheard_of)), Some(Fault::OfferUnknown));
}

#[test]
fn c_14_a_number_has_one_spelling() {
    let honest = paid_by(unsigned());
    for value in [
        json!("0x3e8"),
        json!("01000"),
        json!(" 1000"),
        json!("+1000"),
        json!("1e3"),
        json!("1000.0"),
        json!("-1"),
        json!(1000),
        json!((U256::MAX).to_string() + "0"),
        json!("9".repeat(400)),
        json!(""),
        json!(null),
    ] {
        let mut spelt = honest.clone();
        spelt["authorization"]["value"] = value.clone();
        assert_eq!(fault(&spelt), Some(Fault::Malformed), "{value}");
    }
}

#[test]
fn c_20_a_signature_has_one_form() {
    let signed = signed_for(&usdc(), unsigned()).signature.to_vec();
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = signed.clone();
        change(&mut bytes);
        fault(&with_signature(&bytes))
    };
    let order = U256::from_be_bytes(secp256k1::constants::CURVE_ORDER);
    let twin = |bytes: &mut Vec<u8>| {
        let high = order - U256::from_be_slice(&bytes[32..64]);
        bytes[32..64].copy_from_slice(&high.to_be_bytes::<32>());
        bytes[64] ^= 27 ^ 28;
    };
    let fill = |range: std::ops::Range<usize>, with: [u8; 32]| {
        move |bytes: &mut Vec<u8>| bytes[range.clone()].copy_from_slice(&with)
    };
    let changes: [Change<'_>; 9] = [
        &twin,
        &|bytes| bytes[64] -= 27,
        &|bytes| bytes.truncate(64),
        &|bytes| bytes.push(0),
        &|bytes| bytes.fill(0),
        &fill(0..32, [0; 32]),
        &fill(32..64, [0; 32]),
        &fill(0..32, secp256k1::constants::CURVE_ORDER),
        &fill(32..64, secp256k1::constants::CURVE_ORDER),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        assert_eq!(with(change), Some(Fault::Signature), "{place}");
    }
    // Nobody is the account that no key recovers to.
    let nobody = Authorization { from: Address::ZERO, signature: vec![0; 65].into(), ..unsigned() };
    assert_eq!(fault(&payload(nobody.to_object())), Some(Fault::Signature));
}

#[test]
fn c_21_an_amount_of_zero_is_refused() {
    let mut free = request(&exact());
    free.amount = farthing_money::Amount::ZERO;
    let nothing = paid_by(Authorization { value: U256::ZERO, ..unsigned() });
    assert_eq!(verify(&exact(), &free, &nothing).unwrap_err().fault, Some(Fault::Amount));
}

#[test]
fn c_23_a_wrapper_around_an_ordinary_signature_is_refused() {
    let signed = signed_for(&usdc(), unsigned()).signature;
    let magic = B256::from_slice(&alloy_primitives::hex!("64926492").repeat(8));
    let wrapped = (Address::repeat_byte(0xfa), Bytes::from_static(b"deploy"), signed).abi_encode_params();
    let wrapped = with_signature(&[wrapped, magic.to_vec()].concat());
    for method in [exact(), lenient()] {
        let refusal = verify(&method, &request(&method), &wrapped).unwrap_err();
        assert_eq!(refusal.fault, Some(Fault::ForeignCode));
    }
    // Whether a contract says yes to a signature, only the chain knows.
    let contract = Authorization { from: STRANGER, ..signed_for(&usdc(), unsigned()) };
    let proof = verify(&lenient(), &request(&lenient()), &payload(contract.to_object())).unwrap();
    let Way::Authorization { by_contract: true, .. } = payment(&proof).way else { panic!() };
}

#[test]
fn a_facilitator_takes_what_the_offer_says_in_tokens_of_its_own_table() {
    let anybody = X402Exact::for_anybody(vec![usdc(), by_code(BASE, "EURC").unwrap()]).unwrap();
    let mut asked = request(&exact());
    asked.amount = farthing_money::Amount::new(5);
    asked.recipient = Some(STRANGER.to_checksum(None));
    let payload = paid_by(Authorization { to: STRANGER, value: U256::from(5), ..unsigned() });
    let proof = verify(&anybody, &asked, &payload).unwrap();
    assert_eq!((proof.amount.units(), &proof.asset), (5, &usdc().asset));
    assert_eq!(proof.key, unsigned().key(BASE, &usdc().contract));
    assert!(!anybody.terms().refundable && anybody.request(&crate::evm::testing::order()).is_err());

    asked.currency = STRANGER.to_checksum(None);
    assert_eq!(verify(&anybody, &asked, &payload).unwrap_err().fault, Some(Fault::Asset));
    asked.currency = by_code(BASE, "EURC").unwrap().contract.to_checksum(None);
    assert_eq!(verify(&anybody, &asked, &payload).unwrap_err().fault, Some(Fault::Domain));
}

#[test]
fn what_could_not_be_settled_is_refused_when_it_is_configured() {
    let refused = |settings| X402Exact::new(settings).unwrap_err().0;
    let without_domain = crate::chain::Token { domain: None, ..usdc() };
    let settings = X402Settings::seller(without_domain, SELLER, Transfer::Eip3009);
    assert!(refused(settings).contains("accept permit2"));
    assert!(refused(X402Settings::seller(usdc(), Address::ZERO, Transfer::Eip3009)).contains("nobody's account"));
    assert!(refused(X402Settings::anybody(Vec::new())).contains("at least one"));
    let several = vec![usdc(), by_code(1, "USDC").unwrap()];
    assert!(refused(X402Settings::anybody(several)).contains("several chains"));
}
