use farthing_protocol::{JsonObject, Timestamp};
use serde_json::Value;

use crate::x402::encoding::{optional_object, text};
use crate::x402::{Malformed, Requirements, Resource, Version};

const LIMIT: usize = 20;
const LARGEST_LIMIT: usize = 100;

/// One thing that can be bought, as a facilitator lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueItem {
    /// What is sold.
    pub resource: Resource,
    /// `http`, `mcp`.
    pub kind: String,
    /// In which version it was last paid for.
    pub version: Version,
    /// How it may be paid.
    pub accepts: Vec<Requirements>,
    /// When it was last paid for.
    pub last_updated: Timestamp,
    /// What it says of itself, by the names of extensions.
    pub extensions: JsonObject,
}

impl CatalogueItem {
    /// Reads one item of a list. Offers that cannot be read are left out.
    pub fn read(item: &JsonObject) -> Result<Self, Malformed> {
        let version = Version::read(item.get("x402Version"))?;
        let updated = Timestamp::parse(text(item, "lastUpdated")?);
        let Some(Value::Array(accepts)) = item.get("accepts") else {
            return Err(Malformed::member("accepts", "a list"));
        };
        let offers = accepts.iter().filter_map(Value::as_object);
        Ok(Self {
            resource: Resource::read(item, "resource")?,
            kind: text(item, "type")?.to_owned(),
            version,
            accepts: offers.filter_map(|offer| Requirements::read(offer, version).ok()).collect(),
            last_updated: updated.map_err(|_| Malformed::member("lastUpdated", "an RFC 3339 date and time"))?,
            extensions: optional_object(item, "extensions")?,
        })
    }

    /// As an object.
    pub fn to_object(&self) -> JsonObject {
        let offer = |offer: &Requirements| match self.version {
            Version::V1 => offer.to_first_version(&self.resource),
            Version::V2 => Some(offer.to_object()),
        };
        let accepts: Vec<Value> = self.accepts.iter().filter_map(offer).map(Value::Object).collect();
        let mut item = JsonObject::new();
        item.insert("resource".into(), self.resource.url.as_str().into());
        item.insert("type".into(), self.kind.as_str().into());
        item.insert("x402Version".into(), self.version.number().into());
        item.insert("accepts".into(), accepts.into());
        item.insert("lastUpdated".into(), self.last_updated.to_rfc3339().into());
        let texts = [("description", &self.resource.description), ("mimeType", &self.resource.mime_type)];
        for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))) {
            item.insert(name.into(), text.into());
        }
        if !self.extensions.is_empty() {
            item.insert("extensions".into(), Value::Object(self.extensions.clone()));
        }
        item
    }
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Only this kind.
    pub kind: Option<String>,
    /// Only what pays this account.
    pub pay_to: Option<String>,
    /// Only what can be paid by this scheme.
    pub scheme: Option<String>,
    /// Only what can be paid on this network, as it is written in the offers.
    pub network: Option<String>,
    /// At most so many, 1 to 100.
    pub limit: usize,
    /// Without the first so many.
    pub offset: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self { kind: None, pay_to: None, scheme: None, network: None, limit: LIMIT, offset: 0 }
    }
}

impl Query {
    /// Reads the decoded pairs of a query string. Names that are not known are ignored.
    pub fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Malformed> {
        let mut query = Self::default();
        for (name, value) in pairs {
            let number = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse::<usize>().ok()).flatten();
            match name {
                "limit" => {
                    let limit = number.filter(|limit| (1..=LARGEST_LIMIT).contains(limit));
                    query.limit = limit.ok_or(Malformed::member("limit", "a whole number from 1 to 100"))?;
                }
                "offset" => query.offset = number.ok_or(Malformed::member("offset", "a whole number"))?,
                "type" => query.kind = Some(value.to_owned()),
                "payTo" => query.pay_to = Some(value.to_owned()),
                "scheme" => query.scheme = Some(value.to_owned()),
                "network" => query.network = Some(value.to_owned()),
                _ => (),
            }
        }
        Ok(query)
    }

    /// Whether an item is asked for.
    pub fn wants(&self, item: &CatalogueItem) -> bool {
        let is = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
        };
        let offered = |offer: &Requirements| {
            let network = is(&self.network, offer.network.as_str()) || self.network.as_deref() == offer.network.name();
            is(&self.pay_to, &offer.pay_to) && is(&self.scheme, &offer.scheme) && network
        };
        is(&self.kind, &item.kind) && item.accepts.iter().any(offered)
    }

    /// The part of these items that is wanted.
    pub fn page<'a>(&self, items: impl IntoIterator<Item = &'a CatalogueItem>) -> Page {
        let (mut page, mut total) = (Vec::new(), 0);
        for item in items.into_iter().filter(|item| self.wants(item)) {
            if total >= self.offset && page.len() < self.limit {
                page.push(item.clone());
            }
            total += 1;
        }
        Page { items: page, limit: self.limit, offset: self.offset, total }
    }
}

/// A part of a facilitator's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What can be bought.
    pub items: Vec<CatalogueItem>,
    /// At most how many were asked for.
    pub limit: usize,
    /// How many stand before them.
    pub offset: usize,
    /// How many there are in all.
    pub total: usize,
}

impl Page {
    /// As an object, in version 2.
    pub fn to_object(&self) -> JsonObject {
        let items: Vec<Value> = self.items.iter().map(|item| Value::Object(item.to_object())).collect();
        let numbers = [("limit", self.limit), ("offset", self.offset), ("total", self.total)];
        let pagination = numbers.into_iter().map(|(name, number)| (name.to_owned(), number.into())).collect();
        let mut page = JsonObject::new();
        page.insert("x402Version".into(), Version::V2.number().into());
        page.insert("items".into(), items.into());
        page.insert("pagination".into(), Value::Object(pagination));
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x402::Network;
    use farthing_money::Amount;

    fn item(path: usize, version: Version) -> CatalogueItem {
        CatalogueItem {
            resource: Resource {
                url: format!("https://x.example/{path}"),
                description: Some("d".into()),
                mime_type: Some("text/plain".into()),
            },
            kind: "http".into(),
            version,
            accepts: vec![Requirements {
                scheme: "exact".into(),
                network: Network::evm(8453),
                amount: Amount::new(1),
                asset: "0xa".into(),
                pay_to: "0xB".into(),
                max_timeout_seconds: 60,
                extra: JsonObject::new(),
            }],
            last_updated: Timestamp::from_unix_millis(1_760_000_000_000),
            extensions: JsonObject::new(),
        }
    }

    #[test]
    fn an_item_reads_back() {
        for version in [Version::V1, Version::V2] {
            let item = item(1, version);
            assert_eq!(CatalogueItem::read(&item.to_object()), Ok(item));
        }
    }

    #[test]
    fn a_page_is_a_part_of_what_is_wanted() {
        let items: Vec<_> = (0..25).map(|path| item(path, Version::V2)).collect();
        let page = |pairs: &[(&str, &str)]| Query::read(pairs.iter().copied()).unwrap().page(&items);
        assert_eq!(page(&[]).items.len(), 20);
        let last = page(&[("offset", "24"), ("limit", "100"), ("type", "http"), ("new", "x")]);
        assert_eq!((last.items.as_slice(), last.total), (&items[24..], 25));
        assert_eq!(page(&[("network", "base"), ("payTo", "0xb")]).total, 25);
        for pair in [("type", "mcp"), ("network", "eip155:1"), ("scheme", "upto"), ("payTo", "0xc")] {
            assert_eq!(page(&[pair]).total, 0, "{pair:?}");
        }
        let written = Value::Object(page(&[("offset", "30")]).to_object());
        assert_eq!(written["pagination"], serde_json::json!({"limit": 20, "offset": 30, "total": 25}));
        for pair in
            [("limit", "0"), ("limit", "101"), ("limit", ""), ("offset", "-1"), ("offset", "+1"), ("limit", "1e1")]
        {
            assert!(Query::read([pair]).is_err(), "{pair:?}");
        }
    }
}
