//! The balance method for `mpp`: an Ed25519 key signs the challenge.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use mpp::client::PaymentProvider;
use mpp::{MppError, PaymentChallenge, PaymentCredential};

/// Pays with the balance of one key.
#[derive(Clone)]
pub struct Balance(pub SigningKey);

impl PaymentProvider for Balance {
    fn supports(&self, method: &str, intent: &str) -> bool {
        method == "balance" && intent == "charge"
    }

    async fn pay(&self, challenge: &PaymentChallenge) -> Result<PaymentCredential, MppError> {
        let payer = did(&self.0);
        let signature = self.0.sign(message(challenge, &payer).as_bytes()).to_bytes();
        let payload = serde_json::json!({ "payer": payer, "signature": URL_SAFE_NO_PAD.encode(signature) });
        Ok(PaymentCredential::with_source(challenge.to_echo(), payer, payload))
    }
}

/// What the payer signs.
fn message(challenge: &PaymentChallenge, payer: &str) -> String {
    format!(
        "farthing balance charge v1\nid: {}\nrealm: {}\nrequest: {}\ndigest: {}\npayer: {payer}\n",
        challenge.id,
        challenge.realm,
        challenge.request.raw(),
        challenge.digest.as_deref().unwrap_or("-"),
    )
}

/// The payer's name: the public key as a did:key.
pub fn did(key: &SigningKey) -> String {
    let bytes = [&[0xed, 0x01], key.verifying_key().as_bytes().as_slice()].concat();
    format!("did:key:z{}", bs58::encode(bytes).into_string())
}
