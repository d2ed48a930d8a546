use alloy_primitives::U256;
use alloy_sol_types::{SolStruct, eip712_domain};
use farthing_money::Amount;
use farthing_protocol::{JsonObject, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::x402::{Network, Requirements};

const NOW: Timestamp = Timestamp::from_unix_millis(1_760_000_000_000);
const URL: &str = "https://api.example.com/report";

/// The types as another implementation of EIP-712 has them.
mod other {
    alloy_sol_types::sol! {
        struct Offer {
            uint256 version;
            string resourceUrl;
            string scheme;
            string network;
            string asset;
            string payTo;
            string amount;
            uint256 validUntil;
        }
        struct Receipt {
            uint256 version;
            string network;
            string resourceUrl;
            string payer;
            uint256 issuedAt;
            string transaction;
        }
    }
}

fn entry() -> Requirements {
    Requirements {
        scheme: "exact".into(),
        network: Network::evm(8453),
        amount: Amount::new(10_000),
        asset: "0xa".into(),
        pay_to: "0xb".into(),
        max_timeout_seconds: 60,
        extra: JsonObject::new(),
    }
}

fn offer() -> Offer {
    Offer::new(URL, &entry(), Some(Timestamp::from_unix_millis(NOW.unix_millis() + 60_000)))
}

fn receipt() -> Receipt {
    Receipt {
        network: Network::evm(8453),
        resource_url: URL.into(),
        payer: "0xPayer".into(),
        issued_at: 1_760_000_000,
        transaction: None,
    }
}

#[test]
fn s_19_what_is_signed_is_what_another_implementation_signs() {
    let ours = offer();
    let theirs = other::Offer {
        version: U256::from(1),
        resourceUrl: URL.into(),
        scheme: "exact".into(),
        network: "eip155:8453".into(),
        asset: "0xa".into(),
        payTo: "0xb".into(),
        amount: "10000".into(),
        validUntil: U256::from(1_760_000_060),
    };
    let domain = eip712_domain! { name: "x402 offer", version: "1", chain_id: 1, };
    let expected = [&[0x19, 0x01], domain.separator().as_slice(), theirs.eip712_hash_struct().as_slice()].concat();
    assert_eq!(ours.to_typed_message().as_slice(), expected);

    let theirs = other::Receipt {
        version: U256::from(1),
        network: "eip155:8453".into(),
        resourceUrl: URL.into(),
        payer: "0xPayer".into(),
        issuedAt: U256::from(1_760_000_000),
        transaction: String::new(),
    };
    let domain = eip712_domain! { name: "x402 receipt", version: "1", chain_id: 1, };
    let expected = [&[0x19, 0x01], domain.separator().as_slice(), theirs.eip712_hash_struct().as_slice()].concat();
    assert_eq!(receipt().to_typed_message().as_slice(), expected);
}

#[test]
fn what_was_signed_reads_back_in_both_forms() {
    let typed = Signed::typed(offer(), [1; 65]);
    let input = Signed::jws_input(&offer(), "EdDSA", "did:web:api.example.com#key-1").unwrap();
    let jws = Signed::<Offer>::jws(&input, &[7; 64]).unwrap();
    let extensions = JsonObject::from_iter([(NAME.to_owned(), advertisement(&[typed.clone(), jws.clone()]))]);
    assert_eq!(offers(&extensions), [Ok(typed), Ok(jws.clone())]);
    let Proof::Jws { algorithm, key, input: signed, signature } = jws.proof() else { unreachable!() };
    assert_eq!((algorithm.as_str(), key.as_deref()), ("EdDSA", Some("did:web:api.example.com#key-1")));
    assert_eq!((signed, signature.as_slice()), (&input, [7; 64].as_slice()));

    let mut signature = [1; 65];
    signature[64] = 0;
    let acknowledged = Signed::typed(receipt(), signature);
    let Proof::Typed { signature, .. } = acknowledged.proof() else { unreachable!() };
    assert_eq!(signature[64], 27);
    let extensions = JsonObject::from_iter([(NAME.to_owned(), acknowledgement(&acknowledged))]);
    assert_eq!(super::receipt(&extensions), Some(Ok(acknowledged)));
    assert_eq!(super::receipt(&JsonObject::new()), None);
}

#[test]
fn nothing_said_is_zero_in_one_form_and_absent_in_the_other() {
    let offer = Offer { valid_until: None, ..offer() };
    assert_eq!(offer.to_typed_object()["validUntil"], json!(0));
    assert!(!offer.to_object().contains_key("validUntil"));
    assert_eq!(Offer::read(&offer.to_typed_object()), Ok(offer.clone()));
    assert_eq!(receipt().to_typed_object()["transaction"], json!(""));
    assert!(!receipt().to_object().contains_key("transaction"));
    assert_eq!(Receipt::read(&receipt().to_typed_object()), Ok(receipt()));
}

#[test]
fn h_04_an_offer_is_matched_by_what_it_says() {
    assert!(offer().is_of(URL, &entry(), NOW));
    assert!(!offer().is_of(URL, &entry(), NOW.after(std::time::Duration::from_secs(60))), "it has ended");
    assert!(!offer().is_of("https://api.example.com/other", &entry(), NOW));
    for changed in [
        Requirements { scheme: "upto".into(), ..entry() },
        Requirements { network: Network::evm(1), ..entry() },
        Requirements { amount: Amount::new(9_999), ..entry() },
        Requirements { asset: "0xc".into(), ..entry() },
        Requirements { pay_to: "0xc".into(), ..entry() },
    ] {
        assert!(!offer().is_of(URL, &changed, NOW), "{changed:?}");
    }
    assert!(receipt().is_of(URL, &Network::evm(8453), "0xpayer", NOW));
    assert!(!receipt().is_of(URL, &Network::evm(8453), "0xother", NOW));
    assert!(!receipt().is_of(URL, &Network::evm(1), "0xpayer", NOW));
    assert!(!receipt().is_of(URL, &Network::evm(8453), "0xpayer", NOW.after(std::time::Duration::from_secs(1))));
}

#[test]
fn h_04_what_is_not_signed_by_the_rules_is_refused() {
    let good = Value::Object(Signed::typed(offer(), [1; 65]).to_object());
    assert!(Signed::<Offer>::read(&good).is_ok());
    for (place, value) in [
        ("/format", json!("pgp")),
        ("/payload/version", json!(2)),
        ("/payload/version", json!("1")),
        ("/payload/network", json!("base")),
        ("/payload/amount", json!("010")),
        ("/payload/validUntil", json!("1760000060")),
        ("/payload", json!("x")),
        ("/signature", json!("0x00")),
        ("/signature", json!(format!("0x{}", "00".repeat(65)))),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = value.clone();
        assert!(Signed::<Offer>::read(&bad).is_err(), "{place} {value}");
    }
    let payload = farthing_protocol::base64url::encode(Value::Object(offer().to_object()).to_string());
    for header in ["{\"alg\":\"none\"}", "{\"alg\":\"None\"}", "{}", "[]", "{\"alg\":\"EdDSA\",\"crit\":[\"x\"]}"] {
        let compact = format!("{}.{payload}.AA", farthing_protocol::base64url::encode(header));
        assert!(Signed::<Offer>::read(&json!({"format": "jws", "signature": compact})).is_err(), "{header}");
    }
    for compact in ["", ".", "..", "a.b.c", "e30.e30", "e30.e30.e30.e30"] {
        assert!(Signed::<Offer>::read(&json!({"format": "jws", "signature": compact})).is_err(), "{compact}");
    }
}
