use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use farthing_money::Price;
use farthing_rail::Origin;

use crate::{Policy, Purchase, Window};

/// A limit that adds up: so much money, or so many payments, in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What people call it.
    pub name: Option<String>,
    /// The most money.
    pub amount: Option<Price>,
    /// The most payments.
    pub payments: Option<u64>,
    /// The time it adds up over.
    pub window: Window,
    /// Whether it is for each origin, payee and so on by itself; `None` is for all together.
    pub of: Option<Per>,
    /// What it is for; empty is everything.
    pub only: Only,
}

/// What a limit is for each of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Per {
    /// Each origin.
    Origin,
    /// Each payee.
    Payee,
    /// Each payment method.
    Method,
    /// Each asset.
    Asset,
    /// Each category of origins.
    Category,
    /// Each value of a tag.
    Tag(String),
}

/// What a limit is for: a purchase has to meet every list that is not empty, by one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only {
    /// Origins.
    pub origins: Vec<Origin>,
    /// Payees; upper and lower case are one.
    pub payees: Vec<String>,
    /// Methods: `tempo` or `tempo/charge`.
    pub methods: Vec<String>,
    /// Assets: `USDC`, or as books write one.
    pub assets: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Tags, by name, with the values that count.
    pub tags: BTreeMap<String, Vec<String>>,
}

impl Limit {
    /// What counters of it are called after the window, and before what is counted: other words for what it
    /// is for are another counter, another sum is not. `None` for a purchase that it is not for.
    pub(crate) fn mark(&self, policy: &Policy, purchase: &Purchase) -> Option<String> {
        if !self.only.meets(policy, purchase) {
            return None;
        }
        let mut mark = self.only.to_string();
        if let Some(of) = &self.of {
            // What a purchase does not have counts together with whatever else does not have it.
            let _ = write!(mark, "/each {of}={}", of.value(policy, purchase).unwrap_or_default());
        }
        Some(mark)
    }

    /// What people read in a sentence.
    pub(crate) fn shown(&self) -> String {
        let each = self.of.as_ref().map(|of| format!(" for each {of}")).unwrap_or_default();
        match (&self.name, self.window) {
            (Some(name), _) => format!("{name}{each}"),
            (None, Window::Ever) => format!("overall{each}"),
            (None, window) => format!("{window}{each}"),
        }
    }
}

/// Whether an entry of a list, `tempo` or `tempo/charge`, means this method.
pub(crate) fn is_method(entry: &str, method: &str) -> bool {
    method == entry || method.split('/').next() == Some(entry)
}

impl Per {
    fn value(&self, policy: &Policy, purchase: &Purchase) -> Option<String> {
        match self {
            Self::Origin => Some(purchase.origin.to_string()),
            Self::Payee => purchase.payee.as_ref().map(|payee| payee.to_ascii_lowercase()),
            Self::Method => Some(purchase.method.clone()),
            Self::Asset => Some(purchase.asset.clone()),
            Self::Category => policy.listed(&purchase.origin)?.category.clone(),
            Self::Tag(name) => purchase.tags.get(name).cloned(),
        }
    }
}

impl Only {
    /// Whether it leaves nothing out.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    fn meets(&self, policy: &Policy, purchase: &Purchase) -> bool {
        let category = policy.listed(&purchase.origin).and_then(|listed| listed.category.as_ref());
        let any =
            |list: &[String], fits: &dyn Fn(&str) -> bool| list.is_empty() || list.iter().any(|entry| fits(entry));
        let payee = purchase.payee.as_deref();
        let (method, asset) = (purchase.method.as_str(), purchase.asset.as_str());
        (self.origins.is_empty() || self.origins.contains(&purchase.origin))
            && any(&self.payees, &|entry| payee.is_some_and(|payee| payee.eq_ignore_ascii_case(entry)))
            && any(&self.methods, &|entry| is_method(entry, method))
            && any(&self.assets, &|entry| asset.eq_ignore_ascii_case(entry) || asset.split('.').next() == Some(entry))
            && any(&self.categories, &|entry| category.is_some_and(|category| category == entry))
            && self.tags.iter().all(|(name, values)| purchase.tags.get(name).is_some_and(|tag| values.contains(tag)))
    }
}

/// One text for one meaning, in which no part can be read as another: it names counters.
impl fmt::Display for Only {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = |kind: &str, entries: &[String]| {
            if entries.is_empty() { Ok(()) } else { write!(formatter, "/{kind} {entries:?}") }
        };
        let origins: Vec<_> = self.origins.iter().map(Origin::to_string).collect();
        list("origin", &origins)?;
        list("payee", &self.payees)?;
        list("method", &self.methods)?;
        list("asset", &self.assets)?;
        list("category", &self.categories)?;
        self.tags.iter().try_for_each(|(name, values)| list(&format!("tag.{name}"), values))
    }
}

impl FromStr for Per {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "origin" => Self::Origin,
            "payee" => Self::Payee,
            "method" => Self::Method,
            "asset" => Self::Asset,
            "category" => Self::Category,
            tag => Self::Tag(tag.strip_prefix("tag.").filter(|name| !name.is_empty()).ok_or(())?.to_owned()),
        })
    }
}

impl fmt::Display for Per {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin => formatter.write_str("origin"),
            Self::Payee => formatter.write_str("payee"),
            Self::Method => formatter.write_str("method"),
            Self::Asset => formatter.write_str("asset"),
            Self::Category => formatter.write_str("category"),
            Self::Tag(name) => write!(formatter, "tag.{name}"),
        }
    }
}
