use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::WebhookError;
use crate::{Ambient, NoRandomness};

/// What a webhook and its receiver share, in the form of Standard Webhooks: `whsec_` and Base64.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

const PREFIX: &str = "whsec_";
/// The form allows 24 to 64 bytes.
const SHORTEST: usize = 24;
const LONGEST: usize = 64;

impl WebhookSecret {
    /// A fresh one.
    pub fn generate(ambient: &Ambient) -> Result<Self, NoRandomness> {
        Ok(Self(Zeroizing::new(ambient.random::<32>()?.to_vec())))
    }

    /// The text that the receiver is given. It is a secret.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(&*self.0)))
    }

    /// `v1,` and the Base64 of the HMAC-SHA-256.
    pub(super) fn sign(&self, text: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.key(), text)))
    }

    /// Whether one of the signatures of a header, divided by spaces, is over this text. Takes as long whatever
    /// differs.
    pub(super) fn verifies(&self, text: &[u8], signatures: &str) -> bool {
        let signatures = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
        let mut decoded = signatures.filter_map(|signature| STANDARD.decode(signature).ok());
        decoded.any(|signature| hmac::verify(&self.key(), text, &signature).is_ok())
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

impl FromStr for WebhookSecret {
    type Err = WebhookError;

    fn from_str(text: &str) -> Result<Self, WebhookError> {
        let bytes = text.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok()).map(Zeroizing::new);
        let bytes = bytes.filter(|bytes| (SHORTEST..=LONGEST).contains(&bytes.len()));
        bytes.map(Self).ok_or(WebhookError::Secret)
    }
}

impl std::fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("WebhookSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_standard_webhooks() {
        // The example of the specification's reference libraries.
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let text = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(secret.sign(text), signature);
        assert!(secret.verifies(text, &format!("v1,AAAA {signature}")));
        assert!(!secret.verifies(text, "v1,AAAA") && !secret.verifies(b"other", signature));
    }

    #[test]
    fn a_secret_that_could_be_guessed_is_refused_and_none_is_shown() {
        for text in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_*"] {
            assert!(text.parse::<WebhookSecret>().is_err(), "{text}");
        }
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        assert_eq!(format!("{secret:?}"), "WebhookSecret(..)");
        assert_eq!(*secret.reveal(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }
}
