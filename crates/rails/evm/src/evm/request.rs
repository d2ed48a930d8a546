//! What a challenge of this method asks for (draft-evm-charge, "Request Schema").

use alloy_primitives::{Address, U256};
use farthing_money::Amount;
use farthing_protocol::json::JsonError;
use farthing_protocol::{ChargeRequest, EncodedObject, JsonObject};
use serde_json::Value;

use super::calldata::PERMIT2;
use super::{CredentialKind, wire_address};
use crate::{Leg, Memo};

/// The most splits there can be.
const MOST_SPLITS: usize = 10;

/// The longest label of a split, in characters.
const LONGEST_MEMO: usize = 256;

/// A whole request, each field checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvmRequest {
    /// Base units to pay, the splits' included; above zero.
    pub amount: Amount,
    /// The token's contract.
    pub token: Address,
    /// Who gets what the splits leave.
    pub recipient: Address,
    /// The chain (EIP-155).
    pub chain: u64,
    /// How it may be paid, the server's favourite first; never empty.
    pub accepts: Vec<CredentialKind>,
    /// The decimals that the server believes the token to have.
    pub decimals: Option<u8>,
    /// Who else is paid, out of `amount`; their order is significant.
    pub splits: Vec<Split>,
    /// Who will submit a Permit2 transfer. The draft has no field for it, though it is signed: this
    /// is our extension, the member `spender`.
    pub spender: Option<Address>,
    /// The seller's own reference, which a Permit2 witness covers.
    pub external_id: Option<String>,
}

/// A part of the amount that somebody else gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Base units, above zero.
    pub amount: Amount,
    /// Who.
    pub recipient: Address,
    /// A label for people, at most 256 characters.
    pub memo: Option<String>,
}

/// Why a request is not one of this method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnEvmRequest {
    /// The shared fields cannot be read.
    #[error("the request cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// A field is missing or not in its form.
    #[error("the request's {member} must be {rule}")]
    Member {
        /// Which.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// Nothing to pay.
    #[error("the amount is zero; an EVM charge is at least one base unit")]
    Zero,
    /// A Permit2 of somebody's own, whose code nobody here has read.
    #[error("the request names a Permit2 contract other than the canonical one, which is refused")]
    Permit2(Address),
    /// The splits leave nothing for the recipient.
    #[error("the splits add up to {splits} of {amount} base units; they must leave something for the recipient")]
    Splits {
        /// Their sum.
        splits: Amount,
        /// The whole.
        amount: Amount,
    },
    /// Splits that no accepted credential can pay at once.
    #[error("the request has splits but does not accept permit2, the only credential that can pay them")]
    SplitsWithoutPermit2,
}

impl EvmRequest {
    /// Reads the request of a challenge, whole or not at all.
    pub fn read(request: &EncodedObject) -> Result<Self, NotAnEvmRequest> {
        Self::from_shared(&ChargeRequest::from_object(&request.decode()?)?)
    }

    /// Reads the method's meaning out of the shared fields. Unknown members are ignored, and so are
    /// credential types that this software does not know.
    pub fn from_shared(shared: &ChargeRequest) -> Result<Self, NotAnEvmRequest> {
        let details = &shared.method_details;
        if shared.amount.is_zero() {
            return Err(NotAnEvmRequest::Zero);
        }
        if let Some(permit2) = optional_address(details, "permit2Address")?.filter(|address| *address != PERMIT2) {
            return Err(NotAnEvmRequest::Permit2(permit2));
        }
        let splits = details.get("splits").map(splits).transpose()?.unwrap_or_default();
        let chain = details.get("chainId").and_then(Value::as_u64).filter(|chain| *chain > 0);
        let request = Self {
            amount: shared.amount,
            token: address(Some(&shared.currency), "currency")?,
            recipient: address(shared.recipient.as_deref(), "recipient")?,
            chain: chain.ok_or(member("chainId", "a chain's EIP-155 number"))?,
            accepts: accepted(details, !splits.is_empty())?,
            decimals: decimals(details)?,
            splits,
            spender: optional_address(details, "spender")?,
            external_id: shared.external_id.clone(),
        };
        request.remainder()?;
        Ok(request)
    }

    /// As the shared request fields, with the seller's display text.
    pub fn to_shared(&self, description: Option<String>) -> ChargeRequest {
        let mut details = JsonObject::new();
        details.insert("chainId".into(), self.chain.into());
        details.insert("credentialTypes".into(), self.accepts.iter().map(|kind| kind.name()).collect());
        if let Some(decimals) = self.decimals {
            details.insert("decimals".into(), decimals.into());
        }
        if self.accepts.contains(&CredentialKind::Permit2) {
            details.insert("permit2Address".into(), PERMIT2.to_checksum(None).into());
        }
        if let Some(spender) = self.spender {
            details.insert("spender".into(), spender.to_checksum(None).into());
        }
        if !self.splits.is_empty() {
            details.insert("splits".into(), self.splits.iter().map(Split::to_object).collect());
        }
        ChargeRequest {
            amount: self.amount,
            currency: self.token.to_checksum(None),
            recipient: Some(self.recipient.to_checksum(None)),
            description,
            external_id: self.external_id.clone(),
            method_details: details,
        }
    }

    /// Base units that the recipient gets: what the splits leave, above zero.
    pub fn remainder(&self) -> Result<Amount, NotAnEvmRequest> {
        let sum = self.splits.iter().try_fold(Amount::ZERO, |sum, split| sum.checked_add(split.amount));
        let splits = sum.unwrap_or(Amount::new(u128::MAX));
        let rest = self.amount.checked_sub(splits).filter(|rest| !rest.is_zero());
        rest.ok_or(NotAnEvmRequest::Splits { splits, amount: self.amount })
    }

    /// Who is to get how much: the recipient first, then the splits in their order.
    pub fn legs(&self) -> Result<Vec<Leg>, NotAnEvmRequest> {
        let leg = |recipient, amount: Amount| Leg { recipient, amount: U256::from(amount.units()), memo: Memo::Any };
        let mut legs = vec![leg(self.recipient, self.remainder()?)];
        legs.extend(self.splits.iter().map(|split| leg(split.recipient, split.amount)));
        Ok(legs)
    }
}

impl Split {
    fn read(value: &Value) -> Result<Self, NotAnEvmRequest> {
        let rule = "objects with a recipient's address, an amount above zero and perhaps a memo of 256 characters";
        let refused = || member("splits", rule);
        let text = |name| value.get(name).and_then(Value::as_str);
        let amount: Amount = text("amount").and_then(|text| text.parse().ok()).ok_or_else(refused)?;
        let recipient = text("recipient").and_then(wire_address).filter(|address| !address.is_zero());
        let memo = match value.get("memo") {
            None => None,
            Some(Value::String(memo)) if memo.chars().count() <= LONGEST_MEMO => Some(memo.clone()),
            Some(_) => return Err(refused()),
        };
        if amount.is_zero() {
            return Err(refused());
        }
        Ok(Self { amount, recipient: recipient.ok_or_else(refused)?, memo })
    }

    fn to_object(&self) -> Value {
        let mut object = JsonObject::new();
        object.insert("recipient".into(), self.recipient.to_checksum(None).into());
        object.insert("amount".into(), self.amount.to_string().into());
        if let Some(memo) = &self.memo {
            object.insert("memo".into(), memo.as_str().into());
        }
        Value::Object(object)
    }
}

fn member(member: &'static str, rule: &'static str) -> NotAnEvmRequest {
    NotAnEvmRequest::Member { member, rule }
}

fn address(text: Option<&str>, name: &'static str) -> Result<Address, NotAnEvmRequest> {
    let rule = "an address other than zero: 0x and 40 hexadecimal digits";
    text.and_then(wire_address).filter(|address| !address.is_zero()).ok_or(member(name, rule))
}

fn optional_address(details: &JsonObject, name: &'static str) -> Result<Option<Address>, NotAnEvmRequest> {
    details.get(name).map(|value| address(value.as_str(), name)).transpose()
}

fn decimals(details: &JsonObject) -> Result<Option<u8>, NotAnEvmRequest> {
    let read = |value: &Value| value.as_u64().and_then(|decimals| u8::try_from(decimals).ok());
    let rule = "a small whole number";
    details.get("decimals").map(|value| read(value).ok_or(member("decimals", rule))).transpose()
}

fn splits(value: &Value) -> Result<Vec<Split>, NotAnEvmRequest> {
    let list = value.as_array().filter(|list| (1..=MOST_SPLITS).contains(&list.len()));
    list.ok_or(member("splits", "a list of 1 to 10"))?.iter().map(Split::read).collect()
}

/// What a request without `credentialTypes` accepts is in the draft; splits leave only Permit2.
fn accepted(details: &JsonObject, splits: bool) -> Result<Vec<CredentialKind>, NotAnEvmRequest> {
    let rule = "a list with at least one of authorization, permit2, transaction and hash";
    let refused = || member("credentialTypes", rule);
    let mut kinds = match details.get("credentialTypes") {
        None if splits => vec![CredentialKind::Permit2],
        None => vec![CredentialKind::Transaction, CredentialKind::Hash],
        Some(Value::Array(names)) => {
            let names: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
            names.ok_or_else(refused)?.into_iter().filter_map(CredentialKind::named).collect()
        }
        Some(_) => return Err(refused()),
    };
    if kinds.is_empty() {
        return Err(refused());
    }
    if splits {
        kinds.retain(|kind| *kind == CredentialKind::Permit2);
    }
    if kinds.is_empty() { Err(NotAnEvmRequest::SplitsWithoutPermit2) } else { Ok(kinds) }
}

#[cfg(test)]
mod tests;
