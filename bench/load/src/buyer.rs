use anyhow::{Context as _, ensure};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farthing_protocol::{Challenge, Credential, JsonObject};
use farthing_rail_balance::{PayerKey, signed_message};
use http::HeaderValue;

/// A key with a balance. It has no limits and asks nobody: it pays for a benchmark, never for an agent.
pub(crate) struct Buyer {
    key: Ed25519KeyPair,
    payer: PayerKey,
}

impl Buyer {
    /// From an Ed25519 seed, 32 bytes in hex.
    pub(crate) fn from_seed(hex: &str) -> anyhow::Result<Self> {
        ensure!(hex.len() == 64 && hex.is_ascii(), "a seed is 64 hex digits");
        let byte = |at| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let seed = (0..64).step_by(2).map(byte).collect::<Option<Vec<u8>>>().context("a seed is 64 hex digits")?;
        let key = Ed25519KeyPair::from_seed_unchecked(&seed)?;
        let public = key.public_key().as_ref().try_into()?;
        Ok(Self { key, payer: PayerKey::from_bytes(public) })
    }

    pub(crate) fn did(&self) -> PayerKey {
        self.payer
    }

    /// The `Authorization` value that pays a challenge.
    pub(crate) fn pay(&self, challenge: &Challenge) -> anyhow::Result<HeaderValue> {
        let signature = self.key.sign(&signed_message(challenge, &self.payer)?);
        let mut payload = JsonObject::new();
        payload.insert("payer".into(), self.payer.to_string().into());
        payload.insert("signature".into(), URL_SAFE_NO_PAD.encode(signature).into());
        let credential = Credential::new(challenge.clone(), payload, None);
        Ok(HeaderValue::from_str(&credential.to_header())?)
    }
}
