//! The seller's half from its `[rails.NAME]` table.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use farthing_money::{Amount, Asset, Price, Rounding};
use farthing_protocol::Timestamp;
use farthing_rail::ExpectedFee;
use toml::{Table, Value};
use zeroize::Zeroizing;

use super::settings::{USUAL_FEE, USUAL_VALIDITY};
use super::{CHALLENGE, Clock, Connect, PAYMENT, Settings, Spelling, Stripe, Transfer};
use crate::api::{Api, Place, Version};
use crate::asset_of;
use crate::webhook::SigningSecret;

/// The version of the API that documents tokens as the default spelling writes them.
const USUAL_VERSION: &str = "2026-04-22.preview";

const KEYS: [&str; 14] = [
    "asset",
    "secret_key",
    "webhook_secret",
    "network_id",
    "payment_method_types",
    "version",
    "token_parameter",
    "api_base",
    "connect",
    "metadata",
    "fee",
    "floor",
    "validity",
    "statement_from",
];

/// Finds the secret that stands under a name in a table, as `{ env = "NAME" }` or `{ file = "PATH" }`.
pub type Secret<'a> = &'a dyn Fn(&Table, &str) -> Result<Zeroizing<String>, String>;

/// What a rail may know about the gateway it is built for.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The name of the table.
    pub name: &'a str,
    /// Whether a double of Stripe may stand in for it.
    pub development: bool,
    /// Finds secrets.
    pub secrets: Secret<'a>,
    /// The folder of the books: what was heard of Stripe is kept beside them.
    pub data: &'a Path,
}

impl Stripe {
    /// From a `[rails.NAME]` table, or one sentence that says what to write instead. Stripe is not asked.
    pub fn from_table(table: &Table, around: Around<'_>, now: Clock) -> Result<Self, String> {
        let reader = Reader { table, at: format!("rails.{}", around.name) };
        reader.knows(&KEYS)?;
        let secret = (around.secrets)(table, "secret_key").map_err(|why| reader.wrong("secret_key", why))?;
        let version = Version::parse(reader.text("version")?.unwrap_or(USUAL_VERSION));
        let version = version.map_err(|error| reader.wrong("version", error))?;
        let place = match reader.text("api_base")? {
            Some(base) => Place::parse(base, around.development),
            None => Place::stripe(),
        };
        let place = place.map_err(|error| reader.wrong("api_base", error))?;
        let settings = settings(&reader)?;
        let account = settings.connect.account.as_deref();
        let api = Api::new(&place, &version, &secret, account).map_err(|error| reader.wrong("secret_key", error))?;
        let stripe = Self::new(settings, api, version, &secret, now);
        let stripe = stripe.map_err(|error| format!("[{}]: {error}", reader.at))?;
        if !table.contains_key("webhook_secret") {
            return Ok(stripe);
        }
        let secret = (around.secrets)(table, "webhook_secret").map_err(|why| reader.wrong("webhook_secret", why))?;
        let secret = SigningSecret::parse(&secret).map_err(|error| reader.wrong("webhook_secret", error))?;
        let file = around.data.join(format!("{}-events.txt", around.name));
        stripe.listen(secret, &file).map_err(|error| reader.wrong("webhook_secret", error))
    }
}

fn settings(reader: &Reader<'_>) -> Result<Settings, String> {
    let asset = asset_of(reader.required("asset", "\"USD\"")?).map_err(|error| reader.wrong("asset", error))?;
    let spelling = match reader.text("token_parameter")? {
        None => Spelling::default(),
        Some(word) => Spelling::named(word).ok_or_else(|| {
            reader.wrong("token_parameter", "is \"nested\" or \"top_level\", as the version takes it")
        })?,
    };
    Ok(Settings {
        network: reader.required("network_id", "\"profile_...\", from your Stripe profile")?.to_owned(),
        payment_method_types: reader.types()?,
        metadata: metadata(reader)?,
        spelling,
        connect: connect(reader)?,
        fee: fee(reader, &asset)?,
        floor: reader.money("floor", &asset)?,
        validity: reader.duration("validity")?.unwrap_or(USUAL_VALIDITY),
        statement_from: reader.day("statement_from")?,
        asset,
    })
}

/// Stripe takes 50 entries with names of 40 and values of 500 characters; two are ours.
fn metadata(reader: &Reader<'_>) -> Result<BTreeMap<String, String>, String> {
    let Some(table) = reader.inner("metadata")? else { return Ok(BTreeMap::new()) };
    let mut metadata = BTreeMap::new();
    for (name, value) in table.table {
        let value = value.as_str().filter(|value| value.chars().count() <= 500);
        let value = value.ok_or_else(|| table.wrong(name, "is a text of at most 500 characters"))?;
        if name.chars().count() > 40
            || name.contains(['[', ']'])
            || [PAYMENT, CHALLENGE, "externalId"].contains(&&**name)
        {
            return Err(table.wrong(name, "is a name of at most 40 characters, without brackets, that is not ours"));
        }
        metadata.insert(name.clone(), value.to_owned());
    }
    if metadata.len() > 48 {
        return Err(reader.wrong("metadata", "has at most 48 entries"));
    }
    Ok(metadata)
}

fn connect(reader: &Reader<'_>) -> Result<Connect, String> {
    let Some(table) = reader.inner("connect")? else { return Ok(Connect::default()) };
    table.knows(&["account", "application_fee_amount", "on_behalf_of", "transfer_data", "transfer_group"])?;
    let transfer = match table.inner("transfer_data")? {
        None => None,
        Some(data) => {
            data.knows(&["destination", "amount"])?;
            let destination = data.account("destination")?;
            let destination = destination.ok_or_else(|| data.wrong("destination", "is missing; write acct_..."))?;
            Some(Transfer { destination, amount: data.units("amount")? })
        }
    };
    Ok(Connect {
        account: table.account("account")?,
        application_fee_amount: table.units("application_fee_amount")?,
        on_behalf_of: table.account("on_behalf_of")?,
        transfer,
        transfer_group: table.text("transfer_group")?.map(str::to_owned),
    })
}

/// `fee = { percent = "2.9", fixed = "0.30 USD" }`: what is expected, to compare rails by.
fn fee(reader: &Reader<'_>, asset: &Asset) -> Result<ExpectedFee, String> {
    let Some(table) = reader.inner("fee")? else { return Ok(USUAL_FEE) };
    table.knows(&["percent", "fixed"])?;
    let percent = table.text("percent")?.unwrap_or("0");
    let wrong = || table.wrong("percent", "is a number with at most four decimals as text, such as \"2.9\"");
    let (whole, part) = percent.split_once('.').unwrap_or((percent, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 4 || whole.len() > 2 {
        return Err(wrong());
    }
    let per_million = format!("{whole}{part:0<4}").parse().map_err(|_| wrong())?;
    Ok(ExpectedFee { per_million, ..ExpectedFee::fixed(table.money("fixed", asset)?.unwrap_or_default()) })
}

/// A table, read key by key.
struct Reader<'a> {
    table: &'a Table,
    at: String,
}

impl<'a> Reader<'a> {
    fn wrong(&self, key: &str, what: impl std::fmt::Display) -> String {
        format!("{}.{key}: {what}", self.at)
    }

    fn knows(&self, keys: &[&str]) -> Result<(), String> {
        match self.table.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(unknown) => Err(format!("[{}] has no key \"{unknown}\"; its keys are {}", self.at, keys.join(", "))),
            None => Ok(()),
        }
    }

    fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| self.wrong(key, "is a text"));
        self.table.get(key).map(text).transpose()
    }

    fn required(&self, key: &str, example: &str) -> Result<&'a str, String> {
        let text = self.text(key)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| self.wrong(key, format!("is missing; write one, such as {example}")))
    }

    fn inner(&self, key: &str) -> Result<Option<Reader<'a>>, String> {
        let table = |value: &'a Value| value.as_table().ok_or_else(|| self.wrong(key, "is a table"));
        let table = self.table.get(key).map(table).transpose()?;
        Ok(table.map(|table| Reader { table, at: format!("{}.{key}", self.at) }))
    }

    fn types(&self) -> Result<Vec<String>, String> {
        let key = "payment_method_types";
        let wrong = || self.wrong(key, "is a list of Stripe's types, such as [\"card\", \"link\"]");
        let Some(value) = self.table.get(key) else { return Ok(vec!["card".to_owned()]) };
        let list = value.as_array().filter(|list| !list.is_empty()).ok_or_else(wrong)?;
        let is_type = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        list.iter().map(|each| each.as_str().filter(is_type).map(str::to_owned).ok_or_else(wrong)).collect()
    }

    fn account(&self, key: &str) -> Result<Option<String>, String> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let rest = text.strip_prefix("acct_").unwrap_or_default();
        let is_id = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_id { Ok(Some(text.to_owned())) } else { Err(self.wrong(key, "is an account, such as acct_...")) }
    }

    fn units(&self, key: &str) -> Result<Option<Amount>, String> {
        let units = |value: &Value| {
            let units = value.as_integer().and_then(|units| u128::try_from(units).ok());
            units.map(Amount::new).ok_or_else(|| self.wrong(key, "is a whole number of the smallest unit, such as 100"))
        };
        self.table.get(key).map(units).transpose()
    }

    fn money(&self, key: &str, asset: &Asset) -> Result<Option<Amount>, String> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let price: Price = text.parse().map_err(|error| self.wrong(key, error))?;
        if price.currency().as_str() != asset.code() {
            return Err(self.wrong(key, format!("is in {}, the asset's currency", asset.code())));
        }
        let converted = price.in_asset(asset, Rounding::Exact).map_err(|error| self.wrong(key, error))?;
        Ok(Some(converted.amount))
    }

    fn duration(&self, key: &str) -> Result<Option<Duration>, String> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let seconds = match (number.parse::<u64>(), unit) {
            (Ok(number @ 1..=86_400), "s") => Some(number),
            (Ok(number @ 1..=1_440), "m") => Some(number * 60),
            _ => None,
        };
        let wrong = || self.wrong(key, "is a duration of at most a day, such as \"90s\" or \"5m\"");
        seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(wrong)
    }

    fn day(&self, key: &str) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let day = Timestamp::parse(&format!("{text}T00:00:00Z"));
        day.map(Some).map_err(|_| self.wrong(key, "is a day, such as \"2026-11-01\""))
    }
}

#[cfg(test)]
mod tests;
