use std::fmt;

use bip32::{DerivationPath, ExtendedPrivateKey, PrivateKey as _};
use bip39::{Language, Mnemonic};
use zeroize::Zeroizing;

use crate::derivation::PrivateNode;
use crate::{Secp256k1Key, VaultError};

/// Where wallets keep the first account of an EVM chain (BIP-44, coin type 60).
pub const DEFAULT_PATH: &str = "m/44'/60'/0'/0/0";

/// A BIP-39 phrase of English words, from which keys are derived along BIP-32 paths.
pub struct Phrase(Mnemonic);

impl Phrase {
    /// Reads a phrase of 12, 15, 18, 21 or 24 words; its checksum must be right.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        // The parser's message says which word is unknown, which is half of a secret.
        let spaced = Zeroizing::new(text.split_whitespace().collect::<Vec<_>>().join(" "));
        let phrase = Mnemonic::parse_in_normalized(Language::English, &spaced);
        phrase.map(Self).map_err(|_| {
            VaultError::Malformed(
                "it is not a phrase of 12 to 24 English words with a right checksum (BIP-39); check every word".into(),
            )
        })
    }

    /// What wallet files hold: the phrase as text, or, as the standard has it, 16 to 32 bytes of entropy.
    pub(crate) fn from_secret(secret: &[u8]) -> Result<Self, VaultError> {
        if let Some(phrase) = std::str::from_utf8(secret).ok().and_then(|text| Self::parse(text).ok()) {
            return Ok(phrase);
        }
        let phrase = Mnemonic::from_entropy_in(Language::English, secret);
        phrase.map(Self).map_err(|_| VaultError::Format("it holds neither a phrase nor a phrase's entropy".into()))
    }

    /// The secp256k1 key at this path, without a BIP-39 passphrase.
    pub fn key(&self, path: &str) -> Result<Secp256k1Key, VaultError> {
        let steps: DerivationPath = path.parse().map_err(|_| {
            VaultError::Malformed(format!(
                "\"{path}\" is not a derivation path (BIP-32); the usual one is {DEFAULT_PATH}"
            ))
        })?;
        let seed = Zeroizing::new(self.0.to_seed_normalized(""));
        let key = ExtendedPrivateKey::<PrivateNode>::derive_from_path(seed.as_slice(), &steps)
            .map_err(|_| VaultError::Malformed(format!("there is no key at {path}; use the next index")))?;
        Secp256k1Key::from_bytes(Zeroizing::new(key.private_key().to_bytes()))
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Phrase(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The phrase that every development chain funds.
    const DEVELOPMENT: &str = "test test test test test test test test test test test junk";

    #[test]
    fn the_development_phrase_gives_the_accounts_everybody_knows() {
        let phrase = Phrase::parse(DEVELOPMENT).unwrap();
        let address = |path: &str| phrase.key(path).unwrap().address().unwrap();
        assert_eq!(address(DEFAULT_PATH), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        assert_eq!(address("m/44'/60'/0'/0/1"), "0x70997970C51812dc3A010C7d01b50e0d17dc79C8");
        assert_eq!(address("m/44'/60'/0'/0/9"), "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720");
    }

    #[test]
    fn the_phrase_of_the_open_wallet_standard_gives_its_account() {
        let phrase = Phrase::parse(&format!("{} about", ["abandon"; 11].join(" "))).unwrap();
        assert_eq!(phrase.key(DEFAULT_PATH).unwrap().address().unwrap(), "0x9858EfFD232B4033E47d90003D41EC34EcaEda94");
    }

    #[test]
    fn entropy_is_the_phrase_that_it_makes() {
        let phrase = format!("{} about", ["abandon"; 11].join(" "));
        for secret in [phrase.as_bytes(), &[0; 16]] {
            let key = Phrase::from_secret(secret).unwrap().key(DEFAULT_PATH).unwrap();
            assert_eq!(key.address().unwrap(), "0x9858EfFD232B4033E47d90003D41EC34EcaEda94");
        }
        for secret in [b"".as_slice(), &[0; 15], &[0; 33], phrase.replace("about", "above").as_bytes()] {
            assert!(Phrase::from_secret(secret).is_err());
        }
    }

    #[test]
    fn wrong_phrases_and_paths_are_refused_without_being_quoted() {
        for text in ["", "test", &["test"; 12].join(" "), &DEVELOPMENT.replace("junk", "jnuk")] {
            let refusal = Phrase::parse(text).unwrap_err().to_string();
            assert!(!refusal.contains("test") && !refusal.contains("jnuk"), "{refusal}");
        }
        let phrase = Phrase::parse(&DEVELOPMENT.replace(' ', "\n  ")).unwrap();
        for path in ["", "44'/60'", "m/x", "m/4294967296"] {
            assert!(phrase.key(path).is_err(), "{path}");
        }
        assert_eq!(format!("{phrase:?}"), "Phrase(..)");
    }
}
