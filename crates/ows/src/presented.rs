use crate::decode::decode;
use crate::{Facts, OwsError};

/// What somebody wants signed: the thing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presented {
    /// A message to a person or a server, signed with the prefix that keeps it from being anything else
    /// (EIP-191).
    Message(Vec<u8>),
    /// An unsigned transaction: legacy with its chain (EIP-155), EIP-2930, EIP-1559 or EIP-7702.
    Transaction(Vec<u8>),
    /// Typed data (EIP-712), as JSON.
    TypedData(String),
    /// A hash, of nobody knows what. It is never signed.
    Digest([u8; 32]),
}

impl Presented {
    /// The operation, in the standard's words.
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Message(_) => "sign_message",
            Self::Transaction(_) => "sign_transaction",
            Self::TypedData(_) => "sign_typed_data",
            Self::Digest(_) => "sign_hash",
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Message(bytes) | Self::Transaction(bytes) => bytes,
            Self::TypedData(json) => json.as_bytes(),
            Self::Digest(digest) => digest,
        }
    }

    /// What signing it would do, as far as the bytes can tell; refused when they cannot be read.
    pub fn facts(&self) -> Result<Facts, OwsError> {
        decode(self).map(|decoded| decoded.facts)
    }

    /// Whether a contract could take it for the hash of something else: a digest, or a message that is as
    /// long as one.
    pub(crate) fn may_be_a_digest(&self) -> bool {
        match self {
            Self::Digest(_) => true,
            Self::Message(bytes) => bytes.len() == 32,
            Self::Transaction(_) | Self::TypedData(_) => false,
        }
    }
}
