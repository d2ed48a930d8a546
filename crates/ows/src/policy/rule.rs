use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use farthing_protocol::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::Asset;

/// The longest span that a rule may count over, so that a ledger need not keep what is older.
const LONGEST_SECONDS: u64 = 31 * 24 * 60 * 60;

/// One rule. The standard's own, and those of this software, whose names begin with `farthing:`; other
/// software knows that it does not know them, and denies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rule {
    /// `allowed_chains`: on these chains only.
    Chains(Vec<String>),
    /// `expires_at`: until then; `None` when the time cannot be read.
    ExpiresAt(Option<Timestamp>),
    /// `allowed_typed_data_contracts`: typed data for these contracts only.
    TypedDataContracts(Vec<String>),
    /// `recipient_allowlist`: transactions to these addresses only, and nothing else.
    Recipients(Vec<Address>),
    /// `farthing:contracts`: calls of these contracts, and typed data for them, only.
    Contracts(Vec<Address>),
    /// `farthing:payees`: money to these addresses only.
    Payees(Vec<Address>),
    /// `farthing:max_amount`: so much of each asset at a time, and nothing of any other.
    MaxAmount(Amounts),
    /// `farthing:window`: so much of each asset within a span, and nothing of any other.
    Window(Amounts, Span),
    /// Not understood: its type, and why.
    Unknown(String, String),
}

/// At most so many base units of each asset.
pub(crate) type Amounts = BTreeMap<Asset, U256>;

/// What a window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// The last so many seconds.
    Rolling { seconds: u64 },
    /// The calendar day, UTC.
    Day,
}

#[derive(Deserialize)]
struct Chains {
    chain_ids: Vec<String>,
}

#[derive(Deserialize)]
struct ExpiresAt {
    timestamp: String,
}

#[derive(Deserialize)]
struct Contracts {
    contracts: Vec<String>,
}

#[derive(Deserialize)]
struct Recipients {
    addresses: Vec<Address>,
}

// A member that is not known could make a rule stricter, so ours have none beside these.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnContracts {
    #[serde(rename = "type")]
    _type: String,
    contracts: Vec<Address>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnPayees {
    #[serde(rename = "type")]
    _type: String,
    payees: Vec<Address>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnAmounts {
    #[serde(rename = "type")]
    _type: String,
    amounts: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnWindow {
    #[serde(rename = "type")]
    _type: String,
    amounts: BTreeMap<String, String>,
    seconds: Option<u64>,
    calendar: Option<String>,
}

impl Rule {
    /// Reads a rule; one that cannot be read is one that is not understood.
    pub(crate) fn read(value: &Value) -> Self {
        let name = value.get("type").and_then(Value::as_str).unwrap_or("a rule without a type").to_owned();
        Self::understood(&name, value).unwrap_or_else(|why| Self::Unknown(name, why))
    }

    fn understood(name: &str, value: &Value) -> Result<Self, String> {
        Ok(match name {
            "allowed_chains" => Self::Chains(members::<Chains>(value)?.chain_ids),
            "expires_at" => Self::ExpiresAt(Timestamp::parse(&members::<ExpiresAt>(value)?.timestamp).ok()),
            "allowed_typed_data_contracts" => Self::TypedDataContracts(members::<Contracts>(value)?.contracts),
            "recipient_allowlist" => Self::Recipients(members::<Recipients>(value)?.addresses),
            "farthing:contracts" => Self::Contracts(members::<OwnContracts>(value)?.contracts),
            "farthing:payees" => Self::Payees(members::<OwnPayees>(value)?.payees),
            "farthing:max_amount" => Self::MaxAmount(amounts(&members::<OwnAmounts>(value)?.amounts)?),
            "farthing:window" => {
                let window = members::<OwnWindow>(value)?;
                let span = match (window.seconds, window.calendar.as_deref()) {
                    (Some(seconds @ 1..=LONGEST_SECONDS), None) => Span::Rolling { seconds },
                    (None, Some("day")) => Span::Day,
                    _ => return Err("give it seconds, at most 31 days of them, or \"calendar\": \"day\"".into()),
                };
                Self::Window(amounts(&window.amounts)?, span)
            }
            _ => return Err("this software does not know it".into()),
        })
    }

    /// Its type.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Chains(_) => "allowed_chains",
            Self::ExpiresAt(_) => "expires_at",
            Self::TypedDataContracts(_) => "allowed_typed_data_contracts",
            Self::Recipients(_) => "recipient_allowlist",
            Self::Contracts(_) => "farthing:contracts",
            Self::Payees(_) => "farthing:payees",
            Self::MaxAmount(_) => "farthing:max_amount",
            Self::Window(..) => "farthing:window",
            Self::Unknown(name, _) => name,
        }
    }

    pub(crate) const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(..))
    }

    /// Whether it limits what is signed, and not only when: then nothing is signed that cannot be decoded.
    pub(crate) const fn limits(&self) -> bool {
        !matches!(self, Self::ExpiresAt(_))
    }
}

fn members<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.to_string())
}

fn amounts(texts: &BTreeMap<String, String>) -> Result<Amounts, String> {
    let mut amounts = Amounts::new();
    for (asset, amount) in texts {
        let asset = asset.parse::<Asset>().map_err(|error| error.to_string())?;
        let decimal = !amount.is_empty() && amount.bytes().all(|byte| byte.is_ascii_digit());
        let amount = decimal.then(|| amount.parse().ok()).flatten();
        let amount = amount.ok_or_else(|| format!("the amount of {asset} is not a number of base units, as text"))?;
        if amounts.insert(asset, amount).is_some() {
            return Err(format!("it names {asset} twice"));
        }
    }
    Ok(amounts)
}
