use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use farthing_rail::PaymentId;
use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::api::Form;

/// A charge as it was ordered: everything that repeating it takes, so that a changed configuration repeats the
/// call that was made and not another one.
#[derive(Serialize, Deserialize, ZeroizeOnDrop)]
pub(crate) struct Charge {
    /// The version of the API.
    pub(crate) version: String,
    /// The connected account it is made for.
    pub(crate) account: Option<String>,
    /// The parameters, encoded; the token is one of them.
    form: String,
}

impl Charge {
    pub(crate) fn new(version: &str, account: Option<&str>, form: &Form) -> Self {
        Self { version: version.to_owned(), account: account.map(str::to_owned), form: form.encoded().to_owned() }
    }

    pub(crate) fn form(&self) -> Form {
        Form::from_encoded(&self.form)
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Charge(..)")
    }
}

/// Closes what the books keep of a charge, and opens it again.
///
/// The books are read by people who may not charge anybody. Both keys come out of the seller's secret key, which
/// alone can charge a token anyway: whoever has the books and not that key has nothing.
pub(crate) struct Seal {
    key: LessSafeKey,
    nonces: hmac::Key,
}

/// 32 bytes out of a key derivation.
struct Long;

impl KeyType for Long {
    fn len(&self) -> usize {
        32
    }
}

impl Seal {
    /// Out of a secret key of Stripe's.
    pub(crate) fn new(secret: &str) -> Result<Self, Unspecified> {
        let derived = Salt::new(HKDF_SHA256, b"farthing/stripe/kept/1").extract(secret.as_bytes());
        let bytes = |purpose: &[u8]| -> Result<Zeroizing<[u8; 32]>, Unspecified> {
            let mut bytes = Zeroizing::new([0; 32]);
            derived.expand(&[purpose], Long)?.fill(bytes.as_mut())?;
            Ok(bytes)
        };
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes(b"key")?.as_ref())?);
        Ok(Self { key, nonces: hmac::Key::new(hmac::HMAC_SHA256, bytes(b"nonces")?.as_ref()) })
    }

    /// Closes a charge of a payment. The same charge closes to the same bytes: the nonce is a keyed hash of what
    /// is closed, since whoever verifies a credential has no randomness and may do so any number of times.
    pub(crate) fn close(&self, payment: PaymentId, charge: &Charge) -> Option<Vec<u8>> {
        let mut bytes = serde_json::to_vec(charge).ok()?;
        let mut context = hmac::Context::with_key(&self.nonces);
        context.update(payment.as_bytes());
        context.update(&bytes);
        let nonce: [u8; NONCE_LEN] = context.sign().as_ref().get(..NONCE_LEN)?.try_into().ok()?;
        let aad = Aad::from(payment.as_bytes());
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes).ok()?;
        Some([&nonce, bytes.as_slice()].concat())
    }

    /// Opens what was closed for a payment; nothing, where it was for another, or with another secret key.
    pub(crate) fn open(&self, payment: PaymentId, kept: &[u8]) -> Option<Charge> {
        let (nonce, closed) = kept.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = Zeroizing::new(closed.to_vec());
        let plain = self.key.open_in_place(nonce, Aad::from(payment.as_bytes()), &mut bytes).ok()?;
        serde_json::from_slice(plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(number: u8) -> PaymentId {
        PaymentId::from_bytes([number; 16])
    }

    fn charge(token: &str) -> Charge {
        Charge::new("2026-04-22.preview", Some("acct_1"), &Form::default().with("token", token))
    }

    #[test]
    fn what_is_kept_opens_for_its_payment_and_with_its_key_alone() {
        let seal = Seal::new("sk_test_1").unwrap();
        let kept = seal.close(payment(1), &charge("spt_secret")).unwrap();
        let opened = seal.open(payment(1), &kept).unwrap();
        assert_eq!(opened.form().encoded(), "token=spt_secret");
        assert_eq!((opened.version.as_str(), opened.account.as_deref()), ("2026-04-22.preview", Some("acct_1")));
        assert!(seal.open(payment(2), &kept).is_none());
        assert!(Seal::new("sk_test_2").unwrap().open(payment(1), &kept).is_none());
        assert!(seal.open(payment(1), b"short").is_none());
        assert!(!String::from_utf8_lossy(&kept).contains("spt_"));
    }

    #[test]
    fn the_same_closes_alike_and_another_closes_under_another_nonce() {
        let seal = Seal::new("sk_test_1").unwrap();
        let close = |number, token| seal.close(payment(number), &charge(token)).unwrap();
        assert_eq!(close(1, "spt_1"), close(1, "spt_1"));
        assert_ne!(close(1, "spt_1")[..NONCE_LEN], close(1, "spt_2")[..NONCE_LEN]);
        assert_ne!(close(1, "spt_1")[..NONCE_LEN], close(2, "spt_1")[..NONCE_LEN]);
    }
}
