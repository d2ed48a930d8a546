//! The proof in a credential (draft-evm-charge, "Credential Schema").

use alloy_primitives::{Address, B256, Bytes, U256};
use farthing_protocol::JsonObject;
use serde_json::Value;

use super::{Authorization, CredentialKind, Permit2Transfer, wire_address};

/// The longest signature taken, in bytes: a contract account's may carry several, but not a book.
const LONGEST_SIGNATURE: usize = 4 * 1024;

/// The longest signed transaction taken, in bytes.
const LONGEST_TRANSACTION: usize = 4 * 1024;

/// A payload, read whole. Members that are not known are ignored (core, section 9.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// An EIP-3009 authorization.
    Authorization(Authorization),
    /// A Permit2 transfer.
    Permit2(Permit2Transfer),
    /// A signed transaction.
    Transaction(Bytes),
    /// The hash of a sent transaction.
    Hash(B256),
}

/// Why a payload is not of this method, in words for whoever wrote the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPayload {
    /// No kind that this software knows.
    #[error("the payload's \"type\" is none of authorization, permit2, transaction and hash")]
    Kind,
    /// A member is missing or not in its form.
    #[error("the payload's \"{member}\" must be {rule}")]
    Member {
        /// Which.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
}

impl Payload {
    /// Reads a payload of any kind.
    pub fn read(object: &JsonObject) -> Result<Self, InvalidPayload> {
        let kind = object.get("type").and_then(Value::as_str).and_then(CredentialKind::named);
        Ok(match kind.ok_or(InvalidPayload::Kind)? {
            CredentialKind::Authorization => Self::Authorization(Authorization::read(object)?),
            CredentialKind::Permit2 => Self::Permit2(Permit2Transfer::read(object)?),
            CredentialKind::Transaction => Self::Transaction(bytes(
                object,
                "signature",
                LONGEST_TRANSACTION,
                "a signed transaction: 0x and hexadecimal digits",
            )?),
            CredentialKind::Hash => Self::Hash(word(object, "hash")?),
        })
    }

    /// Its kind.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::Authorization(_) => CredentialKind::Authorization,
            Self::Permit2(_) => CredentialKind::Permit2,
            Self::Transaction(_) => CredentialKind::Transaction,
            Self::Hash(_) => CredentialKind::Hash,
        }
    }

    /// As it goes into a credential.
    pub fn to_object(&self) -> JsonObject {
        let mut object = match self {
            Self::Authorization(authorization) => authorization.to_object(),
            Self::Permit2(transfer) => transfer.to_object(),
            Self::Transaction(raw) => JsonObject::from_iter([("signature".to_owned(), raw.to_string().into())]),
            Self::Hash(hash) => JsonObject::from_iter([("hash".to_owned(), hash.to_string().into())]),
        };
        object.insert("type".into(), self.kind().name().into());
        object
    }
}

pub(crate) fn member(member: &'static str, rule: &'static str) -> InvalidPayload {
    InvalidPayload::Member { member, rule }
}

pub(crate) fn text<'a>(
    object: &'a JsonObject,
    name: &'static str,
    rule: &'static str,
) -> Result<&'a str, InvalidPayload> {
    object.get(name).and_then(Value::as_str).ok_or(member(name, rule))
}

pub(crate) fn address(object: &JsonObject, name: &'static str) -> Result<Address, InvalidPayload> {
    let rule = "an address: 0x and 40 hexadecimal digits";
    wire_address(text(object, name, rule)?).ok_or(member(name, rule))
}

/// A whole number in decimal digits, without a leading zero: one number has one spelling.
pub(crate) fn number(object: &JsonObject, name: &'static str) -> Result<U256, InvalidPayload> {
    let rule = "a whole number as text, such as \"1000\"";
    let digits = text(object, name, rule)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !(digits.len() > 1 && digits.starts_with('0'));
    let read = U256::from_str_radix(digits, 10).ok().filter(|_| plain && !digits.is_empty());
    read.ok_or(member(name, rule))
}

pub(crate) fn word(object: &JsonObject, name: &'static str) -> Result<B256, InvalidPayload> {
    let rule = "32 bytes: 0x and 64 hexadecimal digits";
    let bytes = bytes(object, name, 32, rule)?;
    B256::try_from(bytes.as_ref()).map_err(|_| member(name, rule))
}

pub(crate) fn signature(object: &JsonObject) -> Result<Bytes, InvalidPayload> {
    bytes(object, "signature", LONGEST_SIGNATURE, "0x and the hexadecimal digits of a signature")
}

pub(crate) fn bytes(
    object: &JsonObject,
    name: &'static str,
    longest: usize,
    rule: &'static str,
) -> Result<Bytes, InvalidPayload> {
    let digits = text(object, name, rule)?.strip_prefix("0x").filter(|digits| digits.len() <= 2 * longest);
    let bytes = digits.and_then(|digits| alloy_primitives::hex::decode(digits).ok());
    bytes.map(Bytes::from).ok_or(member(name, rule))
}
