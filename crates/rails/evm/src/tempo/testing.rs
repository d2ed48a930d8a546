//! Fixed keys and transactions made to order, for this module's tests.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, TxKind, U256, address, hex, keccak256};
use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, ChargeRequest, Credential, EncodedObject, IntentName,
    JsonObject, MethodName, Realm, Timestamp,
};
use farthing_rail::{Answer, Method as _, Order, Presented, Proof, RecoverableSigner, Refusal, SignError};
use secp256k1::{Message, SECP256K1, SecretKey};
use tempo_primitives::transaction::{Call, TEMPO_EXPIRING_NONCE_KEY, TempoTransaction};

use super::envelope::{Envelope, leave_fee, signing_message};
use super::{Payload, TempoCharge, TempoRequest, TempoSettings, attributed, attribution};
use crate::chain::Token;
use crate::{Account, Leg, Memo};

pub(crate) const CHAIN: u64 = 42431;
pub(crate) const TOKEN: Address = address!("0x20c0000000000000000000000000000000000000");
pub(crate) const SELLER: Address = address!("0x742d35cc6634c0532925a3b844bc9e7595f8fe00");
pub(crate) const OTHER: Address = address!("0x00000000000000000000000000000000000000cc");
pub(crate) const MEMO: B256 = B256::repeat_byte(0x11);

/// 2026-01-31T12:00:00Z.
pub(crate) const NOW: u64 = 1_769_860_800;

pub(crate) fn now() -> Timestamp {
    super::sponsor::seconds(NOW)
}

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

/// Finishes something that does not wait.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => panic!("nothing here waits"),
    }
}

pub(crate) fn leg(recipient: Address, amount: u64, memo: Memo) -> Leg {
    Leg { recipient, amount: U256::from(amount), memo }
}

pub(crate) fn call(to: Address, input: &str) -> Call {
    Call { to: TxKind::Call(to), value: U256::ZERO, input: hex::decode(input).unwrap().into() }
}

/// One million base units to the seller, for a minute.
pub(crate) fn transaction() -> TempoTransaction {
    TempoTransaction {
        chain_id: CHAIN,
        max_priority_fee_per_gas: 1,
        max_fee_per_gas: 1,
        gas_limit: 1_000_000,
        calls: super::payment_calls(TOKEN, &[leg(SELLER, 1_000_000, Memo::Any)], B256::ZERO),
        nonce_key: TEMPO_EXPIRING_NONCE_KEY,
        valid_before: NonZeroU64::new(NOW + 60),
        ..TempoTransaction::default()
    }
}

pub(crate) fn sponsored(mut transaction: TempoTransaction) -> TempoTransaction {
    leave_fee(&mut transaction);
    transaction
}

pub(crate) fn signed(transaction: TempoTransaction) -> Envelope {
    let signature = at_once(account(0x11).sign(&signing_message(&transaction))).unwrap();
    Envelope::join(transaction, &signature).unwrap()
}

/// A challenge with this request that lives for five minutes.
pub(crate) fn challenge(request: &JsonObject) -> Challenge {
    challenge_until(request, &now().after(Duration::from_secs(300)).to_rfc3339())
}

pub(crate) fn challenge_until(request: &JsonObject, expires: &str) -> Challenge {
    let realm = Realm::new("api.example.com").unwrap();
    let (method, intent) = (MethodName::read("tempo").unwrap(), IntentName::new("charge").unwrap());
    let request = EncodedObject::encode(request).unwrap();
    let template = ChallengeTemplate::new(&realm, &method, &intent, &request, None).unwrap();
    let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
    let mut header = String::new();
    template.issue(&binder, expires, None, "e30", &mut header);
    Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
}

pub(crate) fn token() -> Token {
    crate::chain::token(CHAIN, TOKEN).unwrap()
}

/// A seller of something for one dollar.
pub(crate) fn seller(change: impl FnOnce(&mut TempoSettings)) -> TempoCharge {
    let mut settings = TempoSettings::new(token(), SELLER);
    change(&mut settings);
    TempoCharge::new(settings).unwrap()
}

pub(crate) fn order(price: &str) -> Order {
    Order { price: price.parse().unwrap(), description: None, external_id: None }
}

/// What a seller says to a payload.
pub(crate) fn verified(
    seller: &TempoCharge,
    challenge: &Challenge,
    payload: &Payload,
    source: Option<&str>,
) -> Result<Proof, Refusal> {
    let credential = Credential::new(challenge.clone(), payload.to_object(), source.map(str::to_owned));
    let request = ChargeRequest::from_object(&challenge.request().decode().unwrap()).unwrap();
    seller.verify(&Presented { credential: &credential, request: &request, now: now() })
}

/// The transaction that answers a challenge of [`seller`], with the memo of the challenge.
pub(crate) fn answering(challenge: &Challenge) -> TempoTransaction {
    let request = TempoRequest::read(challenge.request()).unwrap();
    let (realm, id) = (challenge.realm().as_str(), challenge.id().as_str());
    let legs = request.legs(attributed(realm, id)).unwrap();
    TempoTransaction {
        calls: super::payment_calls(request.token, &legs, attribution(realm, None, id)),
        chain_id: request.chain,
        ..transaction()
    }
}
