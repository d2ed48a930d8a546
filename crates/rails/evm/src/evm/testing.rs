//! Fixed keys and challenges made to order, for the tests of this method and its kin.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes, U256, keccak256};
use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, ChargeRequest, Credential, EncodedObject, IntentName,
    JsonObject, MethodName, Realm, Timestamp,
};
use farthing_rail::{Answer, Method, Order, Presented, Proof, RecoverableSigner, Refusal, SignError};
use secp256k1::{Message, SECP256K1, SecretKey};

use super::{Authorization, EvmCharge, EvmSettings, payer_id};
use crate::chain::{Token, by_code};
use crate::{Account, Payment};

pub(crate) const BASE: u64 = 8453;
pub(crate) const REALM: &str = "api.example.com";
pub(crate) const SELLER: Address = Address::repeat_byte(0x5e);
pub(crate) const SPENDER: Address = Address::repeat_byte(0x5b);
pub(crate) const STRANGER: Address = Address::repeat_byte(0xcc);

/// 2026-01-31T12:00:00Z, when every test takes place.
pub(crate) const NOW: u64 = 1_769_860_800;

/// When challenges expire: five minutes later.
pub(crate) const EXPIRES: &str = "2026-01-31T12:05:00Z";

struct Key(SecretKey);

impl RecoverableSigner for Key {
    fn public_key(&self) -> [u8; 64] {
        let point = self.0.public_key(SECP256K1).serialize_uncompressed();
        point.split_at(1).1.try_into().unwrap()
    }

    fn sign_keccak<'a>(&'a self, message: &'a [u8]) -> Answer<'a, Result<[u8; 65], SignError>> {
        let digest = Message::from_digest(keccak256(message).0);
        let (id, compact) = SECP256K1.sign_ecdsa_recoverable(digest, &self.0).serialize_compact();
        let mut signature = [0; 65];
        signature[..64].copy_from_slice(&compact);
        signature[64] = u8::try_from(i32::from(id)).unwrap();
        Box::pin(std::future::ready(Ok(signature)))
    }
}

/// The account whose key is 32 of the same byte.
pub(crate) fn account(byte: u8) -> Account {
    Account::new(Arc::new(Key(SecretKey::from_byte_array([byte; 32]).unwrap())))
}

/// The payer.
pub(crate) fn payer() -> Account {
    account(0x11)
}

/// Finishes something that does not wait.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => panic!("nothing here waits"),
    }
}

pub(crate) fn sign(account: &Account, message: &[u8]) -> Bytes {
    at_once(account.sign(message)).unwrap()
}

pub(crate) fn usdc() -> Token {
    by_code(BASE, "USDC").unwrap()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_millis(i64::try_from(NOW).unwrap() * 1000)
}

/// A tenth of a cent, with a reference.
pub(crate) fn order() -> Order {
    Order { price: "0.001 USD".parse().unwrap(), description: None, external_id: Some("order-7".into()) }
}

pub(crate) fn settings() -> EvmSettings {
    EvmSettings::new(usdc(), SELLER)
}

pub(crate) fn charge(settings: EvmSettings) -> EvmCharge {
    EvmCharge::new(settings).unwrap()
}

/// A challenge with this request, as a server issues it.
pub(crate) fn challenge_of(method: &str, request: &JsonObject) -> Challenge {
    let (realm, intent) = (Realm::new(REALM).unwrap(), IntentName::new("charge").unwrap());
    let request = EncodedObject::encode(request).unwrap();
    let method = MethodName::read(method).unwrap();
    let template = ChallengeTemplate::new(&realm, &method, &intent, &request, None).unwrap();
    let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
    let mut header = String::new();
    template.issue(&binder, EXPIRES, None, "e30", &mut header);
    Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
}

/// The challenge of a method for [`order`].
pub(crate) fn challenge(method: &dyn Method) -> Challenge {
    challenge_of(method.terms().method.as_str(), &method.request(&order()).unwrap())
}

/// The credential with this payload, from [`payer`].
pub(crate) fn credential(challenge: &Challenge, payload: JsonObject) -> Credential {
    let source = payer_id(BASE, &payer().address()).as_str().to_owned();
    Credential::new(challenge.clone(), payload, Some(source))
}

/// What a method says to a credential.
pub(crate) fn verify(method: &dyn Method, credential: &Credential) -> Result<Proof, Refusal> {
    let request = ChargeRequest::from_object(&credential.challenge().request().decode().unwrap()).unwrap();
    method.verify(&Presented { credential, request: &request, now: now() })
}

/// Why a method refuses a credential.
pub(crate) fn refusal(method: &dyn Method, credential: &Credential) -> String {
    verify(method, credential).unwrap_err().detail
}

pub(crate) fn payment(proof: &Proof) -> Payment {
    serde_json::from_slice(&proof.kept).unwrap()
}

/// The authorization that pays [`order`] on Base, unsigned.
pub(crate) fn unsigned(challenge: &Challenge) -> Authorization {
    Authorization {
        from: payer().address(),
        to: SELLER,
        value: U256::from(1000),
        valid_after: U256::ZERO,
        valid_before: U256::from(NOW + 300),
        nonce: super::seller::challenge_hash(challenge),
        signature: Bytes::new(),
    }
}

/// The same, signed for a token.
pub(crate) fn signed_for(token: &Token, authorization: Authorization) -> Authorization {
    let message = authorization.message(&token.separator().unwrap());
    Authorization { signature: sign(&payer(), &message), ..authorization }
}
