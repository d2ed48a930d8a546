//! The balance method for `mpp`: an Ed25519 key signs the challenge.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, Verifier as _, VerifyingKey};
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

/// Whether the payer in a credential signed it.
#[allow(dead_code, reason = "the buyers sign and the seller checks")]
pub fn check(credential: &PaymentCredential) -> Result<(), MppError> {
    let wrong = MppError::verification_failed_default;
    let text = |name| credential.payload.get(name).and_then(|value| value.as_str()).ok_or_else(wrong);
    let payer = text("payer")?;
    let key = bs58::decode(payer.trim_start_matches("did:key:z")).into_vec().map_err(|_| wrong())?;
    let key = key.get(2..).and_then(|key| key.try_into().ok()).ok_or_else(wrong)?;
    let key = VerifyingKey::from_bytes(key).map_err(|_| wrong())?;
    let signature = URL_SAFE_NO_PAD.decode(text("signature")?).map_err(|_| wrong())?;
    let signature = Signature::from_slice(&signature).map_err(|_| wrong())?;
    let echo = &credential.challenge;
    let text = signed(&echo.id, &echo.realm, echo.request.raw(), echo.digest.as_deref(), payer);
    key.verify(text.as_bytes(), &signature).map_err(|_| wrong())
}

/// What the payer signs.
fn message(challenge: &PaymentChallenge, payer: &str) -> String {
    signed(&challenge.id, &challenge.realm, challenge.request.raw(), challenge.digest.as_deref(), payer)
}

/// The same, from its parts.
fn signed(id: &str, realm: &str, request: &str, digest: Option<&str>, payer: &str) -> String {
    let digest = digest.unwrap_or("-");
    format!(
        "farthing balance charge v1\nid: {id}\nrealm: {realm}\nrequest: {request}\ndigest: {digest}\npayer: {payer}\n"
    )
}

/// The payer's name: the public key as a did:key.
pub fn did(key: &SigningKey) -> String {
    let bytes = [&[0xed, 0x01], key.verifying_key().as_bytes().as_slice()].concat();
    format!("did:key:z{}", bs58::encode(bytes).into_string())
}
