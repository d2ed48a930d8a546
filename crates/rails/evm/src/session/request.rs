//! What a challenge of a session asks for (draft-tempo-session and draft-evm-session, request schema).

use alloy_primitives::{Address, B256};
use farthing_money::Amount;
use farthing_protocol::json::JsonError;
use farthing_protocol::{ChargeRequest, EncodedObject, JsonObject};
use serde_json::Value;

use super::{RESERVE, Vault, VaultKind};
use crate::evm::calldata::PERMIT2;
use crate::evm::wire_address;

/// Where a challenge of Tempo that names no chain is to be paid, in the draft.
const DEFAULT_TEMPO_CHAIN: u64 = 4217;

/// The longest name of a unit, in characters.
const LONGEST_UNIT: usize = 32;

/// How a deposit may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DepositKind {
    /// A signed transaction; the seller sends it. The only way on Tempo.
    Transaction,
    /// A signed EIP-3009 authorization; the seller submits it and pays the fee.
    Authorization,
    /// A signed Permit2 transfer; the seller submits it and pays the fee.
    Permit2,
    /// The hash of a transaction that the payer has sent.
    Hash,
}

impl DepositKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Transaction, Self::Authorization, Self::Permit2, Self::Hash];

    /// Its `type` on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Authorization => "authorization",
            Self::Permit2 => "permit2",
            Self::Hash => "hash",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A whole request, each field checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRequest {
    /// Where deposits go.
    pub vault: Vault,
    /// The price of one unit in base units, above zero.
    pub amount: Amount,
    /// What a unit is called; display text.
    pub unit: Option<String>,
    /// What the seller suggests to deposit, in base units.
    pub suggested_deposit: Option<Amount>,
    /// The token's contract.
    pub token: Address,
    /// Who is paid.
    pub recipient: Address,
    /// Who settles for the recipient; zero where it settles by itself. Only in the reserve.
    pub operator: Address,
    /// The least that a voucher must add.
    pub least_delta: Amount,
    /// Whether the server pays the fee of opening and topping up.
    pub fee_payer: bool,
    /// How deposits may be made, the server's favourite first; never empty.
    pub accepts: Vec<DepositKind>,
    /// A channel that the server knows of, which could be gone on with.
    pub channel: Option<B256>,
    /// How the server says that such a channel stands; a hint.
    pub snapshot: Option<JsonObject>,
}

/// Why a request is not one of these methods' sessions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotASessionRequest {
    /// The shared fields cannot be read.
    #[error("the request cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// A field is missing or not in its form.
    #[error("the request's {member} must be {rule}")]
    Member {
        /// Which, with a dot for each level.
        member: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// Another method's.
    #[error("\"{0}\" has no sessions on a chain")]
    Method(String),
    /// Version 2 in another contract than Tempo's own.
    #[error("the request names {0} as the reserve; version 2 of tempo/session is kept in {RESERVE} alone")]
    Reserve(Address),
    /// A Permit2 of somebody's own, whose code nobody here has read.
    #[error("the request names a Permit2 contract other than the canonical one, which is refused")]
    Permit2(Address),
}

impl SessionRequest {
    /// Reads the request of a challenge of this method, whole or not at all.
    pub fn read(method: &str, request: &EncodedObject) -> Result<Self, NotASessionRequest> {
        Self::from_object(method, &request.decode()?)
    }

    /// Reads a decoded request.
    pub fn from_object(method: &str, object: &JsonObject) -> Result<Self, NotASessionRequest> {
        let read = Self::from_shared(method, &ChargeRequest::from_object(object)?)?;
        let unit = match object.get("unitType") {
            None => None,
            Some(Value::String(unit)) if unit.chars().count() <= LONGEST_UNIT => Some(unit.clone()),
            Some(_) => return Err(member("unitType", "a short text")),
        };
        Ok(Self { unit, suggested_deposit: amount(object, "suggestedDeposit", "suggestedDeposit")?, ..read })
    }

    /// Reads what the shared fields and the method's details say: all but the unit's name and the
    /// suggested deposit. Unknown members are ignored.
    pub fn from_shared(method: &str, shared: &ChargeRequest) -> Result<Self, NotASessionRequest> {
        let details = &shared.method_details;
        if shared.amount.is_zero() {
            return Err(member("amount", "above zero"));
        }
        let vault = vault(method, details)?;
        let snapshot = match details.get("sessionSnapshot") {
            None => None,
            Some(Value::Object(snapshot)) => Some(snapshot.clone()),
            Some(_) => return Err(member("methodDetails.sessionSnapshot", "an object")),
        };
        Ok(Self {
            vault,
            amount: shared.amount,
            unit: None,
            suggested_deposit: None,
            token: account(Some(&shared.currency), "currency")?,
            recipient: account(shared.recipient.as_deref(), "recipient")?,
            operator: operator(vault.kind, details)?,
            least_delta: amount(details, "minVoucherDelta", "methodDetails.minVoucherDelta")?.unwrap_or_default(),
            fee_payer: fee_payer(details)?,
            accepts: accepts(vault.kind, details)?,
            channel: details.get("channelId").map(channel).transpose()?,
            snapshot,
        })
    }

    /// As a request of a challenge. What readers might fill in differently is always said.
    pub fn to_object(&self, description: Option<String>) -> JsonObject {
        let shared = ChargeRequest {
            amount: self.amount,
            currency: self.token.to_checksum(None),
            recipient: Some(self.recipient.to_checksum(None)),
            description,
            external_id: None,
            method_details: self.details(),
        };
        let mut object = shared.to_object();
        if let Some(unit) = &self.unit {
            object.insert("unitType".into(), unit.as_str().into());
        }
        if let Some(deposit) = self.suggested_deposit {
            object.insert("suggestedDeposit".into(), deposit.to_string().into());
        }
        object
    }

    fn details(&self) -> JsonObject {
        let mut details = JsonObject::new();
        details.insert("chainId".into(), self.vault.chain.into());
        details.insert("escrowContract".into(), self.vault.contract.to_checksum(None).into());
        if let Some(protocol) = self.vault.kind.protocol() {
            details.insert("sessionProtocol".into(), protocol.into());
        }
        if !self.operator.is_zero() {
            details.insert("operator".into(), self.operator.to_checksum(None).into());
        }
        if !self.least_delta.is_zero() {
            details.insert("minVoucherDelta".into(), self.least_delta.to_string().into());
        }
        if self.fee_payer {
            details.insert("feePayer".into(), true.into());
        }
        if self.vault.kind == VaultKind::Evm {
            details.insert("credentialTypes".into(), self.accepts.iter().map(|kind| kind.name()).collect());
        }
        if let Some(channel) = self.channel {
            details.insert("channelId".into(), channel.to_string().into());
        }
        if let Some(snapshot) = &self.snapshot {
            details.insert("sessionSnapshot".into(), Value::Object(snapshot.clone()));
        }
        details
    }
}

/// Where a session of this method is kept.
fn vault(method: &str, details: &JsonObject) -> Result<Vault, NotASessionRequest> {
    let chain = match details.get("chainId") {
        None if method == crate::tempo::METHOD => DEFAULT_TEMPO_CHAIN,
        chain => chain
            .and_then(Value::as_u64)
            .filter(|chain| *chain > 0)
            .ok_or(member("methodDetails.chainId", "a chain's EIP-155 number"))?,
    };
    let contract = account(text(details, "escrowContract"), "methodDetails.escrowContract")?;
    let kind = match (method, details.get("sessionProtocol").map(Value::as_str)) {
        (crate::evm::METHOD, _) => VaultKind::Evm,
        (crate::tempo::METHOD, Some(Some("v2"))) => VaultKind::Reserve,
        (crate::tempo::METHOD, Some(Some("v1"))) => VaultKind::Stream,
        // Without a word it is version 1 in the draft; but the reserve's own address says enough.
        (crate::tempo::METHOD, None) if contract == RESERVE => VaultKind::Reserve,
        (crate::tempo::METHOD, None) => VaultKind::Stream,
        (crate::tempo::METHOD, Some(_)) => return Err(member("methodDetails.sessionProtocol", "\"v1\" or \"v2\"")),
        (other, _) => return Err(NotASessionRequest::Method(other.to_owned())),
    };
    match kind {
        VaultKind::Reserve if contract != RESERVE => Err(NotASessionRequest::Reserve(contract)),
        kind => Ok(Vault { kind, chain, contract }),
    }
}

fn operator(kind: VaultKind, details: &JsonObject) -> Result<Address, NotASessionRequest> {
    match details.get("operator").filter(|_| kind == VaultKind::Reserve) {
        None => Ok(Address::ZERO),
        // The zero address is how some say that there is none.
        Some(value) => {
            let operator = value.as_str().and_then(wire_address);
            operator.ok_or(member("methodDetails.operator", AN_ADDRESS))
        }
    }
}

fn fee_payer(details: &JsonObject) -> Result<bool, NotASessionRequest> {
    match details.get("feePayer") {
        None => Ok(false),
        Some(Value::Bool(pays)) => Ok(*pays),
        Some(_) => Err(member("methodDetails.feePayer", "true or false")),
    }
}

fn accepts(kind: VaultKind, details: &JsonObject) -> Result<Vec<DepositKind>, NotASessionRequest> {
    if kind != VaultKind::Evm {
        return Ok(vec![DepositKind::Transaction]);
    }
    if let Some(text) = text(details, "permit2Contract") {
        let contract = account(Some(text), "methodDetails.permit2Contract")?;
        if contract != PERMIT2 {
            return Err(NotASessionRequest::Permit2(contract));
        }
    }
    let wrong = || member("methodDetails.credentialTypes", "a list with authorization, permit2 or hash in it");
    let Some(value) = details.get("credentialTypes") else { return Ok(vec![DepositKind::Hash]) };
    let names = value.as_array().ok_or_else(wrong)?.iter().filter_map(Value::as_str);
    let kinds = names.filter_map(DepositKind::named).filter(|kind| *kind != DepositKind::Transaction);
    let kinds: Vec<_> = kinds.collect();
    if kinds.is_empty() { Err(wrong()) } else { Ok(kinds) }
}

fn channel(value: &Value) -> Result<B256, NotASessionRequest> {
    let text = value.as_str().filter(|text| text.starts_with("0x"));
    let rule = "32 bytes: 0x and 64 hexadecimal digits";
    text.and_then(|text| text.parse().ok()).ok_or(member("methodDetails.channelId", rule))
}

fn amount(object: &JsonObject, name: &str, member: &'static str) -> Result<Option<Amount>, NotASessionRequest> {
    let rule = "a whole number of base units as text, such as \"1000\"";
    let refused = NotASessionRequest::Member { member, rule };
    let read = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).ok_or(refused);
    object.get(name).map(read).transpose()
}

const AN_ADDRESS: &str = "an address: 0x and 40 hexadecimal digits";

fn member(member: &'static str, rule: &'static str) -> NotASessionRequest {
    NotASessionRequest::Member { member, rule }
}

fn text<'a>(object: &'a JsonObject, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

fn account(text: Option<&str>, name: &'static str) -> Result<Address, NotASessionRequest> {
    let rule = "an address other than zero: 0x and 40 hexadecimal digits";
    text.and_then(wire_address).filter(|address| !address.is_zero()).ok_or(member(name, rule))
}

#[cfg(test)]
mod tests;
