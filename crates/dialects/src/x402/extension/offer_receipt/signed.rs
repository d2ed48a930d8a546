use farthing_protocol::json::{canonical, parse_object};
use farthing_protocol::{JsonObject, base64url};
use farthing_rail::{RecoverableSigner, SignError, Signer};
use serde_json::Value;

use super::Statement;
use crate::x402::Malformed;
use crate::x402::encoding::{object_of, text};
use crate::x402::hex::{from_hex, to_hex};

/// A statement and the signature of it, which is not checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<S> {
    statement: S,
    proof: Proof,
}

/// A signature, and what was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By a secp256k1 key, of the Keccak-256 hash of the message.
    Typed {
        /// The 66 bytes of EIP-712.
        message: [u8; 66],
        /// r, s, and 27 or 28.
        signature: [u8; 65],
    },
    /// A JWS.
    Jws {
        /// `EdDSA`, `ES256K`, ...: never taken from here alone, but from the key.
        algorithm: String,
        /// The name of the key: `did:web:api.example.com#key-1`.
        key: Option<String>,
        /// The bytes that are signed, which are ASCII: header and payload.
        input: String,
        /// As the algorithm has it.
        signature: Vec<u8>,
    },
}

impl<S: Statement> Signed<S> {
    /// Signs as an account on a chain does.
    pub async fn by_account(statement: S, key: &dyn RecoverableSigner) -> Result<Self, SignError> {
        let signature = key.sign_keccak(&statement.to_typed_message()).await?;
        Ok(Self::typed(statement, signature))
    }

    /// Signs with an Ed25519 key, whose public name goes along.
    pub fn by_key(statement: S, key: &dyn Signer) -> Result<Self, SignError> {
        let differs = |reason: Malformed| SignError::Differs(reason.to_string());
        let input = Self::jws_input(&statement, "EdDSA", key.did()).map_err(differs)?;
        Self::jws(&input, &key.sign(input.as_bytes())?).map_err(differs)
    }

    /// With the signature of [`Statement::to_typed_message`] as a
    /// [`RecoverableSigner`] makes it: r, s, and 0 or 1.
    pub fn typed(statement: S, mut signature: [u8; 65]) -> Self {
        let [.., parity] = &mut signature;
        *parity = parity.saturating_add(27);
        let message = statement.to_typed_message();
        Self { statement, proof: Proof::Typed { message, signature } }
    }

    /// What is signed in a JWS by a key of that name, for [`Signed::jws`].
    pub fn jws_input(statement: &S, algorithm: &str, key: &str) -> Result<String, Malformed> {
        let (algorithm, key) = (Value::from(algorithm), Value::from(key));
        let payload = canonical(&Value::Object(statement.to_object()));
        let payload = payload.map_err(|error| Malformed::Json(error.to_string()))?;
        let header = format!("{{\"alg\":{algorithm},\"kid\":{key}}}");
        Ok(format!("{}.{}", base64url::encode(header), base64url::encode(payload)))
    }

    /// With the signature of [`Signed::jws_input`].
    pub fn jws(input: &str, signature: &[u8]) -> Result<Self, Malformed> {
        Self::read_jws(&format!("{input}.{}", base64url::encode(signature)))
    }

    /// What is signed. It is the server's word only once the proof is checked.
    pub fn statement(&self) -> &S {
        &self.statement
    }

    /// What proves it.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Reads a signed offer or receipt.
    pub fn read(signed: &Value) -> Result<Self, Malformed> {
        let signed = signed.as_object().ok_or(Malformed::member("offer or receipt", "an object"))?;
        match text(signed, "format")? {
            "eip712" => {
                let statement = S::read(&object_of(signed, "payload")?)?;
                let rule = Malformed::member("signature", "0x and 65 bytes in hexadecimal digits, the last 27 or 28");
                let signature =
                    from_hex(text(signed, "signature")?).filter(|bytes: &[u8; 65]| matches!(bytes, [.., 27 | 28]));
                let message = statement.to_typed_message();
                Ok(Self { statement, proof: Proof::Typed { message, signature: signature.ok_or(rule)? } })
            }
            "jws" => Self::read_jws(text(signed, "signature")?),
            _ => Err(Malformed::member("format", "eip712 or jws")),
        }
    }

    fn read_jws(compact: &str) -> Result<Self, Malformed> {
        let rule = Malformed::member("signature", "a JWS in compact form that says alg, and nothing critical");
        let (input, signature) = compact.rsplit_once('.').ok_or(rule.clone())?;
        let (header, payload) = input.split_once('.').ok_or(rule.clone())?;
        let object = |part: &str| base64url::decode(part).ok().and_then(|bytes| parse_object(&bytes).ok());
        let (Some(header), Some(payload), Ok(signature)) =
            (object(header), object(payload), base64url::decode(signature))
        else {
            return Err(rule);
        };
        let algorithm = header.get("alg").and_then(Value::as_str).filter(|name| !name.eq_ignore_ascii_case("none"));
        let (Some(algorithm), false) = (algorithm, header.contains_key("crit")) else { return Err(rule) };
        let key = header.get("kid").and_then(Value::as_str).map(str::to_owned);
        let (algorithm, input) = (algorithm.to_owned(), input.to_owned());
        Ok(Self { statement: S::read(&payload)?, proof: Proof::Jws { algorithm, key, input, signature } })
    }

    /// As an object.
    pub fn to_object(&self) -> JsonObject {
        let (format, payload, signature) = match &self.proof {
            Proof::Typed { signature, .. } => ("eip712", Some(self.statement.to_typed_object()), to_hex(signature)),
            Proof::Jws { input, signature, .. } => ("jws", None, format!("{input}.{}", base64url::encode(signature))),
        };
        let mut signed = JsonObject::new();
        signed.insert("format".into(), format.into());
        if let Some(payload) = payload {
            signed.insert("payload".into(), Value::Object(payload));
        }
        signed.insert("signature".into(), signature.into());
        signed
    }
}
