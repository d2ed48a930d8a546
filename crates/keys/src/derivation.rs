//! The curve under the BIP-32 library: the one copy of libsecp256k1 that the program signs with.

use bip32::{Error, PrivateKey, PrivateKeyBytes, PublicKey, PublicKeyBytes, Result};
use secp256k1::{PublicKey as Point, SECP256K1, Scalar, SecretKey};

/// A private key on the way down a path, overwritten when it is dropped.
pub(crate) struct PrivateNode(SecretKey);

/// Its public key.
pub(crate) struct PublicNode(Point);

impl Drop for PrivateNode {
    fn drop(&mut self) {
        self.0.non_secure_erase();
    }
}

impl PrivateKey for PrivateNode {
    type PublicKey = PublicNode;

    fn from_bytes(bytes: &PrivateKeyBytes) -> Result<Self> {
        SecretKey::from_byte_array(*bytes).map(Self).map_err(|_| Error::Crypto)
    }

    fn to_bytes(&self) -> PrivateKeyBytes {
        self.0.secret_bytes()
    }

    fn derive_child(&self, other: PrivateKeyBytes) -> Result<Self> {
        self.0.add_tweak(&scalar(other)?).map(Self).map_err(|_| Error::Crypto)
    }

    fn public_key(&self) -> PublicNode {
        PublicNode(self.0.public_key(SECP256K1))
    }
}

impl PublicKey for PublicNode {
    fn from_bytes(bytes: PublicKeyBytes) -> Result<Self> {
        Point::from_slice(&bytes).map(Self).map_err(|_| Error::Crypto)
    }

    fn to_bytes(&self) -> PublicKeyBytes {
        self.0.serialize()
    }

    fn derive_child(&self, other: PrivateKeyBytes) -> Result<Self> {
        self.0.add_exp_tweak(SECP256K1, &scalar(other)?).map(Self).map_err(|_| Error::Crypto)
    }
}

fn scalar(bytes: PrivateKeyBytes) -> Result<Scalar> {
    Scalar::from_be_bytes(bytes).map_err(|_| Error::Crypto)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bip32::{ExtendedPrivateKey, Prefix};

    /// BIP-32, test vector 1.
    #[test]
    fn the_first_vector_of_the_standard_is_met() {
        let seed: [u8; 16] = std::array::from_fn(|index| u8::try_from(index).unwrap());
        for (path, private, public) in [
            (
                "m",
                "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi",
                "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
            ),
            (
                "m/0'/1",
                "xprv9wTYmMFdV23N2TdNG573QoEsfRrWKQgWeibmLntzniatZvR9BmLnvSxqu53Kw1UmYPxLgboyZQaXwTCg8MSY3H2EU4pWcQDnRnrVA1xe8fs",
                "xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqck2AxYysAA7xmALppuCkwQ",
            ),
        ] {
            let key = ExtendedPrivateKey::<PrivateNode>::derive_from_path(&seed, &path.parse().unwrap()).unwrap();
            assert_eq!(key.to_extended_key(Prefix::XPRV).to_string(), private, "{path}");
            assert_eq!(key.public_key().to_extended_key(Prefix::XPUB).to_string(), public, "{path}");
        }
    }
}
