use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::envelope::hex;
use crate::{Ambient, NoRandomness, VaultError};

/// What a key of limited authority is handed over as: `ows_key_` and 64 hexadecimal digits, in the form
/// of the Open Wallet Standard. Whoever holds it, and can read the file that goes with it, can sign what
/// the file's policies allow.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// How every token begins; no passphrase that begins so is taken for one.
    pub const PREFIX: &str = "ows_key_";

    /// A fresh token of 256 random bits.
    pub fn fresh(ambient: &Ambient) -> Result<Self, NoRandomness> {
        let random = Zeroizing::new(ambient.random::<32>()?);
        let digits = Zeroizing::new(hex(random.as_slice()));
        Ok(Self(format!("{}{}", Self::PREFIX, *digits).into()))
    }

    /// Reads one; space around it is no part of it.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let text = text.trim();
        let digits = text.strip_prefix(Self::PREFIX).unwrap_or_default();
        if digits.len() != 64 || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(VaultError::Malformed(
                "it is not a token: ows_key_ and 64 lower-case hexadecimal digits; copy it whole".into(),
            ));
        }
        Ok(Self(text.into()))
    }

    /// The whole text.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// SHA-256 of the whole text, in hexadecimal: what a file knows it by.
    pub fn hash(&self) -> String {
        hex(&Sha256::digest(self.expose().as_bytes()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::Timestamp;

    #[test]
    fn a_fresh_token_reads_back_and_shows_nothing() {
        let token = Token::fresh(&Ambient::new(|| Timestamp::from_unix_millis(0))).unwrap();
        assert_eq!(token.expose().len(), 72);
        assert_eq!(Token::parse(&format!(" {}\n", token.expose())).unwrap().expose(), token.expose());
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_quoted() {
        let digits = "ab".repeat(32);
        for text in
            ["", &digits, "ows_key_ab", &format!("ows_key_{}", digits.to_uppercase()), &format!("ows_key_{digits}0")]
        {
            let refusal = Token::parse(text).unwrap_err().to_string();
            assert!(!refusal.contains("abab"), "{refusal}");
        }
    }
}
