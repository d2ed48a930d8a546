//! The file, as written. Plain values stand before tables, because TOML wants that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    #[serde(default = "dollar")]
    pub(super) currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) per_payment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) per_day: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session_deposit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prepaid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prepaid_in_all: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recurring: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) open_sessions: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) locked: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) methods: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) required_tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unmatched: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rates_valid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hours: Option<HoursText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ask: Option<AskText>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "origin")]
    pub(super) origins: Option<Vec<OriginText>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "payee")]
    pub(super) payees: Vec<PayeeText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "limit")]
    pub(super) limits: Vec<LimitText>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "rate")]
    pub(super) rates: Vec<RateText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoursText {
    pub(super) from: String,
    pub(super) to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) days: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskText {
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) new_payee: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) price_rise: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) amount_above: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deadline: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OriginText {
    pub(super) url: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) deny: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payees: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) offer_signer: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PayeeText {
    pub(super) account: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) deny: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) amount: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payments: Option<u64>,
    pub(super) window: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) only: Option<OnlyText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OnlyText {
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub(super) origin: Entries,
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub(super) payee: Entries,
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub(super) method: Entries,
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub(super) asset: Entries,
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub(super) category: Entries,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) tag: BTreeMap<String, Entries>,
}

/// One entry, or several.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Entries {
    One(String),
    Several(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateText {
    pub(super) currency: String,
    pub(super) rate: String,
    pub(super) source: String,
    pub(super) date: String,
}

impl Entries {
    pub(super) fn into_list(self) -> Vec<String> {
        match self {
            Self::One(entry) => vec![entry],
            Self::Several(entries) => entries,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Several(entries) if entries.is_empty())
    }
}

impl Default for Entries {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

fn dollar() -> String {
    "USD".into()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(value: &bool) -> bool {
    !value
}
