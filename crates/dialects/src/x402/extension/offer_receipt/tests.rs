use std::future::ready;
use std::task::{Context, Poll, Waker};

use farthing_money::Amount;
use farthing_protocol::{JsonObject, Timestamp};
use farthing_rail::{Answer, RecoverableSigner, SignError, Signer};
use serde_json::{Value, json};
use sha3::{Digest as _, Keccak256};

use super::*;
use crate::x402::{Network, Requirements};

const NOW: Timestamp = Timestamp::from_unix_millis(1_760_000_000_000);
const URL: &str = "https://api.example.com/report";

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

/// The hashes are those that the SDK signs for the same offer and receipt.
#[test]
fn s_19_what_is_signed_is_what_others_sign() {
    let hash = |message: [u8; 66]| crate::x402::hex::to_hex(&Keccak256::digest(message));
    let sdks = "0xe7f905f44d24514d05aeadd29acbbaa76990cc89aa52f0ba52e1d382888b48a2";
    assert_eq!(hash(offer().to_typed_message()), sdks);
    let sdks = "0xcffadbd746790b31dbdef3b3fb7836fcb8069b8f2d48c532657997cf380fea57";
    assert_eq!(hash(receipt().to_typed_message()), sdks);
}

/// A key that shows what it was asked to sign.
struct Key;

impl Signer for Key {
    fn did(&self) -> &str {
        "did:key:z6MkTest"
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        assert!(message.is_ascii());
        Ok([7; 64])
    }
}

impl RecoverableSigner for Key {
    fn public_key(&self) -> [u8; 64] {
        [0; 64]
    }

    fn sign_keccak<'a>(&'a self, message: &'a [u8]) -> Answer<'a, Result<[u8; 65], SignError>> {
        assert_eq!(message, offer().to_typed_message());
        Box::pin(ready(Ok([1; 65])))
    }
}

#[test]
fn a_key_signs_the_exact_bytes() {
    let mut signing = std::pin::pin!(Signed::by_account(offer(), &Key));
    let Poll::Ready(signed) = signing.as_mut().poll(&mut Context::from_waker(Waker::noop())) else { unreachable!() };
    let signed = signed.unwrap();
    assert!(matches!(signed.proof(), Proof::Typed { signature: [.., 28], .. }));
    assert_eq!(Signed::read(&Value::Object(signed.to_object())), Ok(signed));

    let signed = Signed::by_key(offer(), &Key).unwrap();
    let Proof::Jws { algorithm, key, .. } = signed.proof() else { unreachable!() };
    assert_eq!((algorithm.as_str(), key.as_deref()), ("EdDSA", Some("did:key:z6MkTest")));
    assert_eq!(signed.statement(), &offer());
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
