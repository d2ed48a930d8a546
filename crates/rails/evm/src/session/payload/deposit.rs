use alloy_primitives::{Address, B256, Bytes, U256};
use farthing_protocol::JsonObject;
use serde_json::Value;

use super::{NotASessionPayload, signature};
use crate::evm::payload::{address, bytes, member, number, word};
use crate::session::DepositKind;

/// The longest signed transaction taken, in bytes.
const LONGEST_TRANSACTION: usize = 8 * 1024;

/// How a deposit is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DepositProof {
    /// A signed transaction, for the server to send.
    Transaction(Bytes),
    /// The hash of a transaction that the payer has sent.
    Hash(B256),
    /// An EIP-3009 authorization made out to the escrow.
    Authorization(ReceiveAuthorization),
    /// A Permit2 transfer by the escrow.
    Permit2(PermittedDeposit),
}

/// A signed `ReceiveWithAuthorization`, whose nonce is made of the channel's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiveAuthorization {
    /// Whose money.
    pub from: Address,
    /// The escrow.
    pub to: Address,
    /// How much.
    pub value: U256,
    /// Not before this time of the chain, in seconds.
    pub valid_after: U256,
    /// Only before this time of the chain, in seconds.
    pub valid_before: U256,
    /// What makes it single-use.
    pub nonce: B256,
    /// 65 bytes.
    pub signature: Bytes,
}

/// A signed Permit2 witness transfer by the escrow. What its witness says is the channel's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermittedDeposit {
    /// Whose money.
    pub from: Address,
    /// The token.
    pub token: Address,
    /// How much.
    pub amount: U256,
    /// What makes it single-use; unordered.
    pub nonce: U256,
    /// Only until this time of the chain, in seconds.
    pub deadline: U256,
    /// The witness as it was sent; what is signed is made anew.
    pub witness: JsonObject,
    /// 65 bytes.
    pub signature: Bytes,
}

impl DepositProof {
    /// Its kind.
    pub fn kind(&self) -> DepositKind {
        match self {
            Self::Transaction(_) => DepositKind::Transaction,
            Self::Hash(_) => DepositKind::Hash,
            Self::Authorization(_) => DepositKind::Authorization,
            Self::Permit2(_) => DepositKind::Permit2,
        }
    }

    /// The account whose money it says it is, where it says so.
    pub fn from(&self) -> Option<Address> {
        match self {
            Self::Transaction(_) | Self::Hash(_) => None,
            Self::Authorization(authorization) => Some(authorization.from),
            Self::Permit2(permit) => Some(permit.from),
        }
    }

    /// Where the first voucher's signature stands: beside an authorization, `signature` is its own.
    pub(super) fn voucher_member(&self) -> &'static str {
        match self {
            Self::Transaction(_) | Self::Hash(_) => "signature",
            Self::Authorization(_) | Self::Permit2(_) => "voucherSignature",
        }
    }

    pub(super) fn read(object: &JsonObject) -> Result<Self, NotASessionPayload> {
        let kind = object.get("type").and_then(Value::as_str).and_then(DepositKind::named);
        Ok(match kind.ok_or(NotASessionPayload::Type)? {
            DepositKind::Transaction => {
                let rule = "a signed transaction: 0x and hexadecimal digits";
                Self::Transaction(bytes(object, "transaction", LONGEST_TRANSACTION, rule)?)
            }
            DepositKind::Hash => Self::Hash(word(object, "hash")?),
            DepositKind::Authorization => Self::Authorization(ReceiveAuthorization::read(object)?),
            DepositKind::Permit2 => Self::Permit2(PermittedDeposit::read(object)?),
        })
    }

    pub(super) fn write(&self, object: &mut JsonObject) {
        object.insert("type".into(), self.kind().name().into());
        match self {
            Self::Transaction(raw) => drop(object.insert("transaction".into(), raw.to_string().into())),
            Self::Hash(hash) => drop(object.insert("hash".into(), hash.to_string().into())),
            Self::Authorization(authorization) => authorization.write(object),
            Self::Permit2(permit) => permit.write(object),
        }
    }
}

impl ReceiveAuthorization {
    fn read(object: &JsonObject) -> Result<Self, NotASessionPayload> {
        let inner = inner(object, "authorization")?;
        Ok(Self {
            from: address(inner, "from")?,
            to: address(inner, "to")?,
            value: number(inner, "value")?,
            valid_after: number(inner, "validAfter")?,
            valid_before: number(inner, "validBefore")?,
            nonce: word(inner, "nonce")?,
            signature: signature(object, "signature")?,
        })
    }

    fn write(&self, object: &mut JsonObject) {
        let members = [
            ("from", self.from.to_checksum(None)),
            ("to", self.to.to_checksum(None)),
            ("value", self.value.to_string()),
            ("validAfter", self.valid_after.to_string()),
            ("validBefore", self.valid_before.to_string()),
            ("nonce", self.nonce.to_string()),
        ];
        object.insert("authorization".into(), texts(members));
        object.insert("signature".into(), self.signature.to_string().into());
    }
}

impl PermittedDeposit {
    fn read(object: &JsonObject) -> Result<Self, NotASessionPayload> {
        let outer = inner(object, "authorization")?;
        let permitted = inner(outer, "permitted")?;
        Ok(Self {
            from: address(outer, "from")?,
            token: address(permitted, "token")?,
            amount: number(permitted, "amount")?,
            nonce: number(outer, "nonce")?,
            deadline: number(outer, "deadline")?,
            witness: inner(outer, "witness")?.clone(),
            signature: signature(object, "signature")?,
        })
    }

    fn write(&self, object: &mut JsonObject) {
        let permitted = texts([("token", self.token.to_checksum(None)), ("amount", self.amount.to_string())]);
        let mut authorization = JsonObject::new();
        authorization.insert("from".into(), self.from.to_checksum(None).into());
        authorization.insert("permitted".into(), permitted);
        authorization.insert("nonce".into(), self.nonce.to_string().into());
        authorization.insert("deadline".into(), self.deadline.to_string().into());
        authorization.insert("witness".into(), Value::Object(self.witness.clone()));
        object.insert("authorization".into(), Value::Object(authorization));
        object.insert("signature".into(), self.signature.to_string().into());
    }
}

fn inner<'a>(object: &'a JsonObject, name: &'static str) -> Result<&'a JsonObject, NotASessionPayload> {
    Ok(object.get(name).and_then(Value::as_object).ok_or(member(name, "an object"))?)
}

fn texts<const N: usize>(members: [(&str, String); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect())
}
