//! What a challenge of this method asks for (draft-tempo-charge, request schema).

use alloy_primitives::{Address, B256, U256};
use farthing_money::Amount;
use farthing_protocol::json::JsonError;
use farthing_protocol::{ChargeRequest, EncodedObject, JsonObject};
use serde_json::Value;

use crate::evm::wire_address;
use crate::{Leg, Memo};

/// Where a challenge that names no chain is to be paid: the draft's default, a test network.
const DEFAULT_CHAIN: u64 = 42431;

/// The most splits there can be.
const MOST_SPLITS: usize = 10;

/// A whole request, each field checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TempoRequest {
    /// Base units to pay, the splits' included; zero asks for a proof only.
    pub amount: Amount,
    /// The token's contract.
    pub token: Address,
    /// Who gets what the splits leave.
    pub recipient: Address,
    /// The chain (EIP-155).
    pub chain: u64,
    /// Whether the server pays the fee.
    pub fee_payer: bool,
    /// The memo that the recipient's transfer must carry.
    pub memo: Option<B256>,
    /// Who else is paid, out of `amount`.
    pub splits: Vec<Split>,
    /// How it may be paid.
    pub modes: Modes,
}

/// A part of the amount that somebody else gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Base units, above zero.
    pub amount: Amount,
    /// Who.
    pub recipient: Address,
    /// The memo that this transfer must carry.
    pub memo: Option<B256>,
}

/// Who may send the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    /// The payer signs, the server sends.
    pub pull: bool,
    /// The payer sends and shows the hash.
    pub push: bool,
}

/// Why a request is not one of this method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotATempoRequest {
    /// The shared fields cannot be read.
    #[error("the request cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// A member that is not in its form.
    #[error("the request's {member} is not {rule}")]
    Member {
        /// Its name, with a dot for each level.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// Too many splits, or an empty list of them.
    #[error("the request has {0} splits; there are 1 to {MOST_SPLITS}, or the member is left out")]
    SplitCount(usize),
    /// The splits leave nothing for the recipient, or are more than there is.
    #[error("the splits add up to {splits}, which is not less than the amount of {amount}")]
    SplitSum {
        /// Their sum, as far as it can be added up.
        splits: Amount,
        /// The whole.
        amount: Amount,
    },
    /// The server would pay the fee of a transaction that the payer sends alone.
    #[error("the request offers to pay the fee but takes no signed transactions; it cannot do both")]
    FeeOfPush,
}

impl Modes {
    /// Both ways.
    pub const BOTH: Self = Self { pull: true, push: true };
    /// The payer signs, the server sends.
    pub const PULL: Self = Self { pull: true, push: false };
    /// No way at all, which is no answer.
    pub(super) const NEITHER: Self = Self { pull: false, push: false };
}

impl TempoRequest {
    /// Reads the request of a challenge, whole or not at all.
    pub fn read(request: &EncodedObject) -> Result<Self, NotATempoRequest> {
        Self::from_shared(&ChargeRequest::from_object(&request.decode()?)?)
    }

    /// Reads the method's meaning out of the shared fields. Unknown members are ignored, as the
    /// core demands.
    pub fn from_shared(shared: &ChargeRequest) -> Result<Self, NotATempoRequest> {
        let details = &shared.method_details;
        let chain = match details.get("chainId") {
            None => DEFAULT_CHAIN,
            Some(chain) => chain.as_u64().ok_or(member("methodDetails.chainId", "a whole number"))?,
        };
        let fee_payer = match details.get("feePayer") {
            None => false,
            Some(Value::Bool(pays)) => *pays,
            Some(_) => return Err(member("methodDetails.feePayer", "true or false")),
        };
        let recipient = shared.recipient.as_deref().and_then(wire_address).ok_or(member("recipient", AN_ADDRESS))?;
        let request = Self {
            amount: shared.amount,
            token: wire_address(&shared.currency).ok_or(member("currency", AN_ADDRESS))?,
            recipient,
            chain,
            fee_payer,
            memo: memo(details, "methodDetails.memo")?,
            splits: splits(details)?,
            modes: modes(details)?,
        };
        if request.fee_payer && !request.modes.pull {
            return Err(NotATempoRequest::FeeOfPush);
        }
        request.remainder()?;
        Ok(request)
    }

    /// What the recipient gets: the amount less the splits.
    fn remainder(&self) -> Result<Amount, NotATempoRequest> {
        let sum = self.splits.iter().try_fold(Amount::ZERO, |sum, split| sum.checked_add(split.amount));
        let splits = sum.unwrap_or(Amount::new(u128::MAX));
        let too_much = NotATempoRequest::SplitSum { splits, amount: self.amount };
        let rest = self.amount.checked_sub(splits).ok_or(too_much.clone())?;
        if rest.is_zero() && !self.splits.is_empty() { Err(too_much) } else { Ok(rest) }
    }

    /// The transfers that pay it, the recipient's first; none for an amount of zero. `unsaid` is
    /// the memo of the recipient's transfer when the request names none.
    pub fn legs(&self, unsaid: Memo) -> Result<Vec<Leg>, NotATempoRequest> {
        if self.amount.is_zero() {
            return Ok(Vec::new());
        }
        let first = Leg {
            recipient: self.recipient,
            amount: U256::from(self.remainder()?.units()),
            memo: self.memo.map_or(unsaid, Memo::Exactly),
        };
        let others = self.splits.iter().map(|split| Leg {
            recipient: split.recipient,
            amount: U256::from(split.amount.units()),
            memo: split.memo.map_or(Memo::Any, Memo::Exactly),
        });
        Ok(std::iter::once(first).chain(others).collect())
    }

    /// As the shared request fields, with the seller's texts. The chain is always named: defaults
    /// differ between the official clients.
    pub fn to_shared(&self, description: Option<String>, external_id: Option<String>) -> ChargeRequest {
        let mut details = JsonObject::new();
        details.insert("chainId".into(), self.chain.into());
        if self.fee_payer {
            details.insert("feePayer".into(), true.into());
        }
        if let Some(memo) = self.memo {
            details.insert("memo".into(), memo.to_string().into());
        }
        if !self.splits.is_empty() {
            details.insert("splits".into(), self.splits.iter().map(Split::to_value).collect());
        }
        if self.modes != Modes::BOTH {
            let mode = if self.modes.pull { "pull" } else { "push" };
            details.insert("supportedModes".into(), vec![mode].into());
        }
        ChargeRequest {
            amount: self.amount,
            currency: self.token.to_string(),
            recipient: Some(self.recipient.to_string()),
            description,
            external_id,
            method_details: details,
        }
    }
}

impl Split {
    fn to_value(&self) -> Value {
        let mut object = JsonObject::new();
        object.insert("amount".into(), self.amount.to_string().into());
        object.insert("recipient".into(), self.recipient.to_string().into());
        if let Some(memo) = self.memo {
            object.insert("memo".into(), memo.to_string().into());
        }
        Value::Object(object)
    }
}

const AN_ADDRESS: &str = "an address: 0x and 40 hexadecimal digits";

fn member(member: &'static str, rule: &'static str) -> NotATempoRequest {
    NotATempoRequest::Member { member, rule }
}

fn memo(object: &JsonObject, name: &'static str) -> Result<Option<B256>, NotATempoRequest> {
    let Some(value) = object.get("memo") else { return Ok(None) };
    let text = value.as_str().filter(|text| text.starts_with("0x"));
    let memo = text.and_then(|text| text.parse().ok());
    memo.map(Some).ok_or(member(name, "32 bytes: 0x and 64 hexadecimal digits"))
}

fn splits(details: &JsonObject) -> Result<Vec<Split>, NotATempoRequest> {
    let Some(value) = details.get("splits") else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or(member("methodDetails.splits", "a list"))?;
    if !(1..=MOST_SPLITS).contains(&list.len()) {
        return Err(NotATempoRequest::SplitCount(list.len()));
    }
    list.iter().map(split).collect()
}

fn split(value: &Value) -> Result<Split, NotATempoRequest> {
    let object = value.as_object().ok_or(member("methodDetails.splits", "a list of objects"))?;
    let text = |name| object.get(name).and_then(Value::as_str);
    let amount = text("amount").and_then(|amount| amount.parse().ok()).filter(|amount: &Amount| !amount.is_zero());
    Ok(Split {
        amount: amount.ok_or(member("methodDetails.splits.amount", "a whole number above zero, as text"))?,
        recipient: text("recipient")
            .and_then(wire_address)
            .ok_or(member("methodDetails.splits.recipient", AN_ADDRESS))?,
        memo: memo(object, "methodDetails.splits.memo")?,
    })
}

fn modes(details: &JsonObject) -> Result<Modes, NotATempoRequest> {
    let Some(value) = details.get("supportedModes") else { return Ok(Modes::BOTH) };
    let wrong = || member("methodDetails.supportedModes", "a list with \"pull\" or \"push\" in it");
    let list = value.as_array().ok_or_else(wrong)?;
    let has = |mode| list.iter().any(|value| value.as_str() == Some(mode));
    let modes = Modes { pull: has("pull"), push: has("push") };
    if modes == Modes::NEITHER { Err(wrong()) } else { Ok(modes) }
}

#[cfg(test)]
mod tests;
