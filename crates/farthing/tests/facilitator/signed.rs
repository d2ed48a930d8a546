//! What payers sign, right and wrong.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct, sol};
use farthing_devnet::{DevelopmentAccount, base_sepolia};
use secp256k1::{Message, SECP256K1, SecretKey};
use serde_json::{Value, json};

use crate::stage::{PAYEE, PAYER, Stage};

sol! {
    #[derive(Debug)]
    struct TransferWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
}

/// Its base units; a cent.
pub(crate) const PRICE: u64 = 10_000;
/// What is asked for as `maxTimeoutSeconds`.
pub(crate) const LIFE: u64 = 300;

/// A payment by EIP-3009, before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Authorized {
    pub(crate) by: DevelopmentAccount,
    pub(crate) message: TransferWithAuthorization,
    pub(crate) domain: Eip712Domain,
    pub(crate) requirements: Value,
}

impl Authorized {
    /// An honest one. One nonce is one payment.
    pub(crate) async fn new(stage: &Stage, nonce: &str) -> Self {
        let message = TransferWithAuthorization {
            from: PAYER.address,
            to: PAYEE,
            value: U256::from(PRICE),
            validAfter: U256::ZERO,
            validBefore: U256::from(stage.time().await + LIFE),
            nonce: keccak256(nonce),
        };
        Self { by: PAYER, message, domain: domain(), requirements: requirements() }
    }

    /// The same with something changed.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn digest(&self) -> B256 {
        self.message.eip712_signing_hash(&self.domain)
    }

    pub(crate) fn signature(&self) -> Bytes {
        sign(self.by, self.digest())
    }

    /// Signed, in a request of version 2.
    pub(crate) fn request(&self) -> Value {
        self.request_with(&self.signature())
    }

    pub(crate) fn request_with(&self, signature: &Bytes) -> Value {
        second_version(&self.payload(signature), &self.requirements)
    }

    /// The same in version 1.
    pub(crate) fn first_version(&self) -> Value {
        let mut requirements = self.requirements.clone();
        let members = requirements.as_object_mut().unwrap();
        let amount = members.remove("amount").unwrap();
        members.insert("maxAmountRequired".into(), amount);
        members.insert("network".into(), "base-sepolia".into());
        members.insert("resource".into(), "https://shop.example/a".into());
        members.insert("description".into(), "".into());
        members.insert("mimeType".into(), Value::Null);
        json!({
            "x402Version": 1,
            "paymentPayload": {
                "x402Version": 1, "scheme": "exact", "network": "base-sepolia",
                "payload": self.payload(&self.signature()),
            },
            "paymentRequirements": requirements,
        })
    }

    fn payload(&self, signature: &Bytes) -> Value {
        let message = &self.message;
        json!({
            "signature": signature.to_string(),
            "authorization": {
                "from": message.from.to_checksum(None),
                "to": message.to.to_string().to_lowercase(),
                "value": message.value.to_string(),
                "validAfter": message.validAfter.to_string(),
                "validBefore": message.validBefore.to_string(),
                "nonce": message.nonce.to_string(),
            },
        })
    }
}

/// What a seller asks for.
pub(crate) fn requirements() -> Value {
    json!({
        "scheme": "exact", "network": "eip155:84532", "amount": PRICE.to_string(),
        "asset": base_sepolia::USDC.to_checksum(None), "payTo": PAYEE.to_checksum(None),
        "maxTimeoutSeconds": LIFE, "extra": { "name": "USDC", "version": "2" },
    })
}

pub(crate) fn second_version(payload: &Value, requirements: &Value) -> Value {
    json!({
        "x402Version": 2,
        "paymentPayload": { "x402Version": 2, "accepted": requirements, "payload": payload },
        "paymentRequirements": requirements,
    })
}

/// The domain of the token.
pub(crate) fn domain() -> Eip712Domain {
    let chain = Some(U256::from(base_sepolia::CHAIN_ID));
    Eip712Domain::new(Some("USDC".into()), Some("2".into()), chain, Some(base_sepolia::USDC), None)
}

pub(crate) fn sign(by: DevelopmentAccount, digest: B256) -> Bytes {
    let key = SecretKey::from_byte_array(by.publicly_known_key.0).unwrap();
    let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &key);
    let (recovery, compact) = signature.serialize_compact();
    let mut bytes = compact.to_vec();
    bytes.push(27 + u8::try_from(i32::from(recovery)).unwrap());
    bytes.into()
}

/// An account that nobody has.
pub(crate) fn nobody() -> Address {
    Address::from_slice(&keccak256("nobody")[12..])
}
