use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use farthing_protocol::JsonObject;
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Ambient, Token, VaultError};

/// What the standard fixes for writing: n, r and p of scrypt.
const WRITTEN: (u64, u32, u32) = (65_536, 8, 1);
/// A hostile file must not exhaust memory or time.
const MOST_N: u64 = 1 << 20;
const MOST_R: u32 = 16;
const MOST_P: u32 = 4;
const MOST_MEMORY: u64 = 512 * 1024 * 1024;
const LEAST_N: u64 = 16_384;

const SCRYPT: &str = "scrypt";
const HKDF: &str = "hkdf-sha256";
/// What the standard separates the keys of tokens by.
const TOKEN_INFO: &str = "ows-api-key-v1";

/// A secret, encrypted with AES-256-GCM without associated data: under a passphrase (scrypt), or under a
/// token that is random enough to need no more than HKDF.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    cipher: String,
    cipherparams: CipherParameters,
    ciphertext: String,
    auth_tag: String,
    kdf: String,
    kdfparams: Derivation,
    /// Members of later versions, kept.
    #[serde(flatten)]
    extra: JsonObject,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CipherParameters {
    iv: String,
    #[serde(flatten)]
    extra: JsonObject,
}

/// How the key is made; which of the two it is, `kdf` says, and the members must fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Derivation {
    Scrypt(FromPassphrase),
    Hkdf(FromToken),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FromPassphrase {
    dklen: u32,
    n: u64,
    r: u32,
    p: u32,
    salt: String,
    #[serde(flatten)]
    extra: JsonObject,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FromToken {
    dklen: u32,
    info: String,
    salt: String,
    #[serde(flatten)]
    extra: JsonObject,
}

impl Envelope {
    /// Encrypts a secret under a passphrase. Takes about a fifth of a second and 64 MB, on purpose.
    pub fn close(ambient: &Ambient, passphrase: &SecretSlice<u8>, secret: &[u8]) -> Result<Self, VaultError> {
        let salt: [u8; 32] = ambient.random()?;
        let (n, r, p) = WRITTEN;
        let parameters = FromPassphrase { dklen: 32, n, r, p, salt: hex(&salt), extra: JsonObject::new() };
        let key = parameters.derive(passphrase)?;
        Self::encrypt(ambient, &key, SCRYPT, Derivation::Scrypt(parameters), secret)
    }

    /// Encrypts a secret under a token.
    pub fn close_under(ambient: &Ambient, token: &Token, secret: &[u8]) -> Result<Self, VaultError> {
        let salt: [u8; 32] = ambient.random()?;
        let parameters = FromToken { dklen: 32, info: TOKEN_INFO.into(), salt: hex(&salt), extra: JsonObject::new() };
        let key = parameters.derive(token)?;
        Self::encrypt(ambient, &key, HKDF, Derivation::Hkdf(parameters), secret)
    }

    /// Decrypts what a passphrase closed. The parameters are bounded before any work is done.
    pub fn open(&self, passphrase: &SecretSlice<u8>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        match (self.kdf.as_str(), &self.kdfparams) {
            (SCRYPT, Derivation::Scrypt(parameters)) => {
                self.decrypt(|| parameters.derive(passphrase), VaultError::WrongPassphrase)
            }
            _ => Err(self.other_kind(SCRYPT)),
        }
    }

    /// Decrypts what a token closed.
    pub fn open_under(&self, token: &Token) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        match (self.kdf.as_str(), &self.kdfparams) {
            (HKDF, Derivation::Hkdf(parameters)) => self.decrypt(|| parameters.derive(token), VaultError::WrongToken),
            _ => Err(self.other_kind(HKDF)),
        }
    }

    fn encrypt(
        ambient: &Ambient,
        key: &LessSafeKey,
        kdf: &str,
        kdfparams: Derivation,
        secret: &[u8],
    ) -> Result<Self, VaultError> {
        let iv: [u8; 12] = ambient.random()?;
        let mut buffer = Zeroizing::new(secret.to_vec());
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut buffer)
            .map_err(|_| VaultError::Format("the secret is too long".into()))?;
        Ok(Self {
            cipher: "aes-256-gcm".into(),
            cipherparams: CipherParameters { iv: hex(&iv), extra: JsonObject::new() },
            ciphertext: hex(&buffer),
            auth_tag: hex(tag.as_ref()),
            kdf: kdf.into(),
            kdfparams,
            extra: JsonObject::new(),
        })
    }

    /// The lengths are checked before the key is made, which is what takes time.
    fn decrypt(
        &self,
        key: impl FnOnce() -> Result<LessSafeKey, VaultError>,
        wrong: VaultError,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        if self.cipher != "aes-256-gcm" {
            return Err(self.other_kind(&self.kdf));
        }
        let iv: [u8; 12] = bytes("iv", &self.cipherparams.iv)?
            .try_into()
            .map_err(|_| VaultError::Format("its iv is not 12 bytes".into()))?;
        let tag = bytes("auth_tag", &self.auth_tag)?;
        if tag.len() != 16 {
            return Err(VaultError::Format("its auth_tag is not 16 bytes".into()));
        }
        let ciphertext = bytes("ciphertext", &self.ciphertext)?;
        let key = key()?;
        let mut buffer = Zeroizing::new([ciphertext, tag].concat());
        let opened = key.open_in_place(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut buffer);
        let length = opened.map_err(|_| wrong)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }

    fn other_kind(&self, wanted: &str) -> VaultError {
        let (cipher, kdf) = (&self.cipher, &self.kdf);
        VaultError::Format(format!("{cipher} with {kdf} and its parameters is not aes-256-gcm with {wanted}"))
    }
}

impl FromPassphrase {
    fn derive(&self, passphrase: &SecretSlice<u8>) -> Result<LessSafeKey, VaultError> {
        let unusable = |what: &str| VaultError::Format(format!("its scrypt parameters are {what}"));
        let (n, r, p) = (self.n, self.r, self.p);
        if n < LEAST_N || r == 0 || p == 0 || self.dklen != 32 || !n.is_power_of_two() {
            return Err(unusable("too weak or malformed"));
        }
        let memory = n.checked_mul(u64::from(r)).and_then(|blocks| blocks.checked_mul(128));
        if n > MOST_N || r > MOST_R || p > MOST_P || memory.is_none_or(|bytes| bytes > MOST_MEMORY) {
            return Err(unusable("more than this software will compute"));
        }
        let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| unusable("malformed"))?;
        let parameters = scrypt::Params::new(log_n, r, p).map_err(|_| unusable("malformed"))?;
        let salt = bytes("salt", &self.salt)?;
        let mut key = Zeroizing::new([0; 32]);
        scrypt::scrypt(passphrase.expose_secret(), &salt, &parameters, key.as_mut_slice())
            .map_err(|_| unusable("malformed"))?;
        let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| unusable("malformed"))?;
        Ok(LessSafeKey::new(key))
    }
}

impl FromToken {
    /// The whole text of the token is the input, its prefix included.
    fn derive(&self, token: &Token) -> Result<LessSafeKey, VaultError> {
        if self.dklen != 32 || self.info != TOKEN_INFO {
            return Err(VaultError::Format(format!("its HKDF parameters are not 32 bytes for {TOKEN_INFO}")));
        }
        let salt = bytes("salt", &self.salt)?;
        let secret = Salt::new(HKDF_SHA256, &salt).extract(token.expose().as_bytes());
        let purpose = [self.info.as_bytes()];
        let derived = secret.expand(&purpose, &AES_256_GCM);
        let derived = derived.map_err(|_| VaultError::Format("its HKDF parameters are malformed".into()))?;
        Ok(LessSafeKey::new(UnboundKey::from(derived)))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn bytes(name: &str, hex: &str) -> Result<Vec<u8>, VaultError> {
    let refused = || VaultError::Format(format!("its {name} is not hexadecimal"));
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    hex.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::Timestamp;

    fn passphrase(text: &str) -> SecretSlice<u8> {
        text.as_bytes().to_vec().into()
    }

    /// Written by the reference library of the standard, over a public test phrase.
    const REFERENCE: &str = r#"{
        "auth_tag": "851be5bb20611c72080fceefc6076846",
        "cipher": "aes-256-gcm",
        "cipherparams": { "iv": "216ee884536887910aa2dc4d" },
        "ciphertext": "97df8615fd6aed019bcd65f158e63ab829ec716c717aea542db2788d8294b9a81242928d40d4f7d1a998a4971b8f56a533d7471e89cd95ea1802f75ff29f6a9b94586dcadaeffb10dd1ba00ee3f75e881ed161c572272b81c1537acdad",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32, "n": 65536, "p": 1, "r": 8,
            "salt": "a1fac6c0c3c54cc86aaf57dbc6265c683202e98a784a2f2124ce59f1aafe5631"
        }
    }"#;

    #[test]
    fn an_envelope_of_the_reference_library_opens() {
        let envelope: Envelope = serde_json::from_str(REFERENCE).unwrap();
        let phrase = envelope.open(&passphrase("correct horse battery staple")).unwrap();
        assert!(phrase.starts_with(b"abandon abandon"));
        assert!(matches!(envelope.open(&passphrase("wrong")), Err(VaultError::WrongPassphrase)));
    }

    #[test]
    fn an_envelope_opens_with_its_passphrase_only() {
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let envelope = Envelope::close(&ambient, &passphrase("open sesame"), b"secret").unwrap();
        assert_eq!(envelope.open(&passphrase("open sesame")).unwrap().as_slice(), b"secret");
        assert!(matches!(envelope.open(&passphrase("open simsim")), Err(VaultError::WrongPassphrase)));
    }

    #[test]
    fn what_a_token_closed_opens_with_that_token_only() {
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let (token, other) = (Token::fresh(&ambient).unwrap(), Token::fresh(&ambient).unwrap());
        let envelope = Envelope::close_under(&ambient, &token, b"secret").unwrap();
        assert_eq!(envelope.open_under(&token).unwrap().as_slice(), b"secret");
        assert!(matches!(envelope.open_under(&other), Err(VaultError::WrongToken)));
        // A passphrase never takes the fast way, whatever a file says.
        let passphrase = passphrase(token.expose());
        assert!(matches!(envelope.open(&passphrase), Err(VaultError::Format(_))));
    }

    #[test]
    fn parameters_that_would_exhaust_the_machine_are_refused() {
        for (name, value) in [("n", 1_u64 << 40), ("n", 65_537), ("n", 2), ("r", 1 << 20), ("p", 1 << 20), ("r", 0)] {
            let mut json: serde_json::Value = serde_json::from_str(REFERENCE).unwrap();
            json["kdfparams"][name] = value.into();
            let envelope: Envelope = serde_json::from_value(json).unwrap();
            assert!(matches!(envelope.open(&passphrase("x")), Err(VaultError::Format(_))), "{name} {value}");
        }
    }

    #[test]
    fn members_of_later_versions_are_kept() {
        let mut json: serde_json::Value = serde_json::from_str(REFERENCE).unwrap();
        json["later"] = true.into();
        let envelope: Envelope = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&envelope).unwrap(), json);
    }
}
