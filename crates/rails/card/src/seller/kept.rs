//! What the books keep of a payment: the challenge's id in clear, by which it is looked up, and what was presented
//! closed with a key that dies with this process.
//!
//! A payment is authorised at most once, by the process that claimed it. After a crash it is only looked up, which
//! takes no token: so nobody ever needs to open what an earlier process closed, and nobody can.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SecureRandom;
use farthing_protocol::base64url;
use farthing_protocol::json::parse_object;
use farthing_rail::PaymentId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Payload;

/// The challenge of a payment, and what was presented for it.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) challenge: String,
    closed: String,
}

/// Closes what was presented, and opens it while this process lives.
pub(super) struct Seal {
    key: LessSafeKey,
    nonces: hmac::Key,
}

impl Seal {
    /// With a key that nobody else has and nothing keeps.
    pub(super) fn new(random: &dyn SecureRandom) -> Result<Self, Unspecified> {
        let (mut key, mut nonces) = (Zeroizing::new([0_u8; 32]), Zeroizing::new([0_u8; 32]));
        random.fill(key.as_mut())?;
        random.fill(nonces.as_mut())?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref())?);
        Ok(Self { key, nonces: hmac::Key::new(hmac::HMAC_SHA256, nonces.as_ref()) })
    }

    /// Closes a payload of a payment. The same closes to the same bytes: the nonce is a keyed hash of it.
    pub(super) fn close(&self, payment: PaymentId, challenge: &str, payload: &Payload) -> Option<Vec<u8>> {
        let mut bytes = Zeroizing::new(serde_json::to_vec(&payload.to_object()).ok()?);
        let mut context = hmac::Context::with_key(&self.nonces);
        context.update(payment.as_bytes());
        context.update(&bytes);
        let nonce: [u8; NONCE_LEN] = context.sign().as_ref().get(..NONCE_LEN)?.try_into().ok()?;
        let aad = Aad::from(payment.as_bytes());
        let tag = self.key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes).ok()?;
        let closed = base64url::encode([&nonce, bytes.as_slice(), tag.as_ref()].concat());
        serde_json::to_vec(&Kept { challenge: challenge.to_owned(), closed }).ok()
    }

    /// What was presented; nothing, where another process closed it or it is another payment's.
    pub(super) fn open(&self, payment: PaymentId, kept: &Kept) -> Option<Payload> {
        let closed = base64url::decode(&kept.closed).ok()?;
        let (nonce, closed) = closed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = Zeroizing::new(closed.to_vec());
        let plain = self.key.open_in_place(nonce, Aad::from(payment.as_bytes()), &mut bytes).ok()?;
        Payload::read(&parse_object(plain).ok()?).ok()
    }
}

impl Kept {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
