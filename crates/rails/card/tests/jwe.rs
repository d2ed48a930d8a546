//! What is encrypted, to which keys, and everything that does not open.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, the helpers of tests included")]

use farthing_protocol::{JsonObject, Realm, base64url};
use farthing_rail_card::jwe::{DecryptionKey, Envelope, NotAnEnvelope, NotOpened, Part};
use farthing_rail_card::{EncryptionKey, KeySet, KeySource, NotAKey, NotAKeySet, NotAKeySource, machine_randomness};
use proptest::prelude::*;
use serde_json::{Value, json};

fn key() -> DecryptionKey {
    DecryptionKey::generate("key-1").unwrap()
}

fn jwk(key: &DecryptionKey) -> Value {
    Value::Object(key.public().to_object())
}

fn read(value: &Value) -> Result<EncryptionKey, NotAKey> {
    EncryptionKey::from_object(value.as_object().unwrap())
}

fn details(value: &Value) -> JsonObject {
    value.as_object().unwrap().clone()
}

#[test]
fn n_01_a_key_for_anything_else_is_refused() {
    let good = jwk(&key());
    assert_eq!(Value::Object(read(&good).unwrap().to_object()), good);
    let with = |name: &str, value: Value| {
        let mut object = good.clone();
        object[name] = value;
        read(&object).unwrap_err()
    };
    for value in [json!("EC"), json!("oct"), json!("rsa"), Value::Null] {
        assert_eq!(with("kty", value), NotAKey::Type);
    }
    for value in [json!("RSA-OAEP"), json!("RSA1_5"), json!("RSA-OAEP-512"), json!("RS256"), Value::Null] {
        assert_eq!(with("alg", value), NotAKey::Algorithm);
    }
    for value in [json!("sig"), json!("ENC"), Value::Null] {
        assert_eq!(with("use", value), NotAKey::Use);
    }
    for value in [json!(""), json!("a b"), json!(7), json!("x".repeat(257)), Value::Null] {
        assert_eq!(with("kid", value), NotAKey::Name);
    }
    assert_eq!(with("d", json!("AQAB")), NotAKey::Private);
    assert!(
        read(&{
            let mut known = good.clone();
            known["x5c"] = json!(["MIIB"]);
            known
        })
        .is_ok()
    );
}

#[test]
fn n_02_a_key_that_is_too_short_or_has_a_weak_exponent_is_refused() {
    let good = jwk(&key());
    let with = |name: &str, bytes: &[u8]| {
        let mut object = good.clone();
        object[name] = base64url::encode(bytes).into();
        read(&object).unwrap_err()
    };
    let mut modulus = base64url::decode(good["n"].as_str().unwrap()).unwrap();
    assert_eq!(with("n", &modulus[..128]), NotAKey::Size(1024));
    modulus[0] = 0x7f;
    assert_eq!(with("n", &modulus), NotAKey::Size(2047));
    assert_eq!(with("n", &[0xff; 1025]), NotAKey::Size(8200));
    assert_eq!(with("n", &[&[0], modulus.as_slice()].concat()), NotAKey::Number("n"));
    for exponent in [&[1][..], &[3], &[1, 0, 0], &[1, 0, 0, 0, 1]] {
        assert_eq!(with("e", exponent), NotAKey::Exponent, "{exponent:?}");
    }
    assert_eq!(with("e", &[]), NotAKey::Number("e"));
}

#[test]
fn n_03_a_set_has_one_key_of_a_name_or_none_that_counts() {
    let (good, foreign) = (jwk(&key()), json!({ "kty": "EC", "kid": "other" }));
    let find = |set: &Value| KeySet::read(set.to_string().as_bytes())?.find("key-1");
    assert_eq!(find(&json!({ "keys": [foreign, good] })).unwrap().kid(), "key-1");
    assert_eq!(find(&json!({ "keys": [foreign] })).unwrap_err(), NotAKeySet::Absent);
    assert_eq!(find(&json!({ "keys": [good, good] })).unwrap_err(), NotAKeySet::Twice);
    assert_eq!(find(&json!({ "keys": { "0": good } })).unwrap_err(), NotAKeySet::Keys);
    assert_eq!(find(&json!({ "keys": vec![foreign; 65] })).unwrap_err(), NotAKeySet::Large);
    assert_eq!(KeySet::read(&vec![b' '; 256 * 1024 + 1]).unwrap_err(), NotAKeySet::Large);
    assert!(matches!(KeySet::read(b"<html>"), Err(NotAKeySet::Unreadable(_))));
    let mut signing = good;
    signing["use"] = "sig".into();
    assert_eq!(find(&json!({ "keys": [signing] })).unwrap_err(), NotAKeySet::Key(NotAKey::Use));
}

#[test]
fn n_04_keys_come_from_one_place_and_it_is_the_seller_s() {
    let good = jwk(&key());
    let read = |value: Value| KeySource::read(&details(&value));
    let uri = "https://api.example.com/keys";
    assert_eq!(read(json!({})).unwrap_err(), NotAKeySource::NotOne);
    assert_eq!(read(json!({ "encryptionJwk": good, "jwksUri": uri })).unwrap_err(), NotAKeySource::NotOne);
    assert_eq!(read(json!({ "encryptionJwk": good, "kid": "key-1" })).unwrap_err(), NotAKeySource::TwoNames);
    assert_eq!(read(json!({ "encryptionJwk": "text" })).unwrap_err(), NotAKeySource::NotAnObject);
    assert_eq!(read(json!({ "jwksUri": uri })).unwrap_err(), NotAKeySource::NoName);
    for place in ["http://api.example.com/keys", "https://user@api.example.com/", "https://a.example/#k", "keys", ""] {
        assert_eq!(read(json!({ "jwksUri": place, "kid": "k" })).unwrap_err(), NotAKeySource::Place, "{place}");
    }
    let belongs = |realm: &str| KeySource::at(uri, "k").unwrap().belongs_to(&Realm::new(realm).unwrap());
    for realm in ["api.example.com", "API.example.com:443", "https://api.example.com"] {
        assert_eq!(belongs(realm), Ok(()), "{realm}");
    }
    for realm in ["example.com", "api.example.com:8443", "http://api.example.com", "api.example.com.evil.org", "a shop"]
    {
        assert_eq!(belongs(realm), Err(NotAKeySource::Elsewhere), "{realm}");
    }
}

#[test]
fn n_05_a_token_in_any_other_form_is_refused_before_anybody_is_asked() {
    let key = key();
    let token = key.public().seal(b"{}", machine_randomness()).unwrap();
    assert_eq!(Envelope::read(&token).unwrap().kid(), "key-1");
    let parts: Vec<&str> = token.split('.').collect();
    let header = |value: Value| {
        let header = base64url::encode(value.to_string());
        Envelope::read(&[header.as_str(), parts[1], parts[2], parts[3], parts[4]].join(".")).map(|_| ()).unwrap_err()
    };
    let base = json!({ "alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": "key-1" });
    let with = |name: &str, value: Value| {
        let mut changed = base.clone();
        changed[name] = value;
        header(changed)
    };
    assert_eq!(with("crit", json!(["exp"])), NotAnEnvelope::Critical);
    assert_eq!(with("crit", json!([])), NotAnEnvelope::Critical);
    assert_eq!(with("zip", json!("DEF")), NotAnEnvelope::Compressed);
    assert_eq!(with("alg", json!("RSA-OAEP")), NotAnEnvelope::Algorithm);
    assert_eq!(with("alg", json!("dir")), NotAnEnvelope::Algorithm);
    assert_eq!(with("enc", json!("A128GCM")), NotAnEnvelope::Encryption);
    assert_eq!(with("enc", json!("A256CBC-HS512")), NotAnEnvelope::Encryption);
    assert_eq!(with("kid", json!("")), NotAnEnvelope::Name);
    assert!(matches!(header(json!([])), NotAnEnvelope::Header(_)));
    let part = |index: usize, bytes: &[u8]| {
        let changed = base64url::encode(bytes);
        let mut parts = parts.clone();
        parts[index] = &changed;
        Envelope::read(&parts.join(".")).map(|_| ()).unwrap_err()
    };
    assert_eq!(part(1, &[1; 255]), NotAnEnvelope::Length(Part::Key));
    assert_eq!(part(1, &[1; 1025]), NotAnEnvelope::Length(Part::Key));
    assert_eq!(part(2, &[1; 11]), NotAnEnvelope::Length(Part::Iv));
    assert_eq!(part(2, &[1; 16]), NotAnEnvelope::Length(Part::Iv));
    assert_eq!(part(3, &[]), NotAnEnvelope::Length(Part::Ciphertext));
    assert_eq!(part(4, &[1; 12]), NotAnEnvelope::Length(Part::Tag));
    for text in ["", "a.b.c", &format!("{token}."), &parts[..4].join("."), "{\"ciphertext\":\"a\"}"] {
        assert_eq!(Envelope::read(text).map(|_| ()).unwrap_err(), NotAnEnvelope::NotCompact, "{text}");
    }
    assert_eq!(Envelope::read(&"a".repeat(16 * 1024 + 1)).unwrap_err(), NotAnEnvelope::Long);
    let padded = token.replacen('.', "=.", 1);
    assert!(matches!(Envelope::read(&padded), Err(NotAnEnvelope::Spelling(_))));
}

#[test]
fn n_06_whatever_was_changed_on_the_way_does_not_open() {
    let (key, random) = (key(), machine_randomness());
    let token = key.public().seal(b"{\"token\":1}", random).unwrap();
    assert_eq!(key.open(&token, random).unwrap().as_slice(), b"{\"token\":1}");
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| base64url::decode(part).unwrap()).collect();
    for (index, part) in parts.iter().enumerate().skip(1) {
        for bit in [0, part.len() * 8 / 2, part.len() * 8 - 1] {
            let mut changed = parts.clone();
            changed[index][bit / 8] ^= 1 << (bit % 8);
            let text: Vec<String> = changed.iter().map(base64url::encode).collect();
            assert_eq!(key.open(&text.join("."), random), Err(NotOpened::Undecipherable), "part {index}, bit {bit}");
        }
    }
    // The header is what the tag vouches for, though it says the same.
    let spaced = base64url::encode(r#"{ "alg":"RSA-OAEP-256","enc":"A256GCM","kid":"key-1"}"#);
    let rest = token.split_once('.').unwrap().1;
    assert_eq!(key.open(&format!("{spaced}.{rest}"), random), Err(NotOpened::Undecipherable));
}

#[test]
fn n_07_a_token_for_another_key_does_not_open_whatever_it_is_called() {
    let (ours, random) = (key(), machine_randomness());
    let (namesake, other) = (key(), DecryptionKey::generate("key-2").unwrap());
    let for_namesake = namesake.public().seal(b"{}", random).unwrap();
    assert_eq!(ours.open(&for_namesake, random), Err(NotOpened::Undecipherable));
    let for_other = other.public().seal(b"{}", random).unwrap();
    assert_eq!(ours.open(&for_other, random), Err(NotOpened::OtherKey));
    let again = DecryptionKey::from_pkcs8(ours.reveal(), "key-1").unwrap();
    let token = ours.public().seal(b"{}", random).unwrap();
    assert!(again.open(&token, random).is_ok());
    assert!(DecryptionKey::from_pkcs8(b"not a key", "key-1").is_err());
    assert!(!format!("{ours:?}").contains("..\"") && format!("{ours:?}").contains("key-1"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_never_repeated(text in "[A-Za-z0-9_.=-]{0,200}") {
        if let Err(error) = Envelope::read(&text) {
            prop_assert!(text.len() < 24 || !error.to_string().contains(&text));
        }
    }

    #[test]
    fn any_bytes_are_a_set_of_keys_or_one_sentence(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = KeySet::read(&bytes) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
