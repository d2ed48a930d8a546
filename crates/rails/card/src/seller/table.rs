//! The seller's half from its `[rails.NAME]` table.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farthing_money::{Amount, Asset, Price, Rounding};
use farthing_protocol::Realm;
use farthing_rail::ExpectedFee;
use toml::{Table, Value};

use super::{Card, Clock, Settings};
use crate::sandbox::SandboxServer;
use crate::{Network, Random, asset_of};

/// What a card usually costs: 2.9 % and 30 of the smallest unit.
const USUAL_FEE: ExpectedFee = ExpectedFee { fixed: Amount::new(30), per_million: 29_000, gas: false };
/// Below this the fixed part of the fee eats more than half.
const USUAL_FLOOR: Amount = Amount::new(50);
/// Long enough to have a token made and a payer asked.
const USUAL_VALIDITY: Duration = Duration::from_secs(5 * 60);

const KEYS: [&str; 8] =
    ["asset", "enabler", "recipient", "merchant_name", "networks", "billing_required", "floor", "validity"];

/// What a rail may know about the gateway it is built for.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The name of the table.
    pub name: &'a str,
    /// The realm of its challenges.
    pub realm: &'a Realm,
    /// Whether a sandbox is allowed.
    pub development: bool,
    /// The folder of the books.
    pub data: &'a Path,
    /// Where randomness comes from.
    pub random: Random,
}

impl Card {
    /// From a `[rails.NAME]` table, or one sentence that says what to write instead. The only enabler there is to
    /// name is the sandbox; others are given to [`Card::new`] by the program that has them.
    pub fn from_table(table: &Table, around: Around<'_>, now: Clock) -> Result<Self, String> {
        let reader = Reader { table, at: format!("rails.{}", around.name) };
        reader.knows()?;
        if reader.required("enabler", "\"sandbox\"")? != "sandbox" {
            let what = "is \"sandbox\", which moves no money; a real one is compiled into a program of your own \
                        (docs/methods/card.md)";
            return Err(reader.wrong("enabler", what));
        }
        if !around.development {
            let what = "a sandbox moves no money and is for development; set gateway.development = true, or remove \
                        the table";
            return Err(reader.wrong("enabler", what));
        }
        let settings = settings(&reader)?;
        let sandbox = SandboxServer::in_folder(around.data, around.name, around.random, Arc::clone(&now));
        let sandbox = sandbox.map_err(|error| reader.wrong("enabler", error))?;
        tracing::warn!(rail = around.name, "{}", crate::sandbox::NOTICE);
        let card = Self::new(settings, around.realm, Arc::new(sandbox), around.random, now);
        card.map_err(|error| format!("[{}]: {error}", reader.at))
    }
}

fn settings(reader: &Reader<'_>) -> Result<Settings, String> {
    let asset = asset_of(reader.required("asset", "\"USD\"")?).map_err(|error| reader.wrong("asset", error))?;
    Ok(Settings {
        recipient: reader.required("recipient", "your id at your acquirer")?.to_owned(),
        merchant_name: reader.required("merchant_name", "\"Example Shop\"")?.to_owned(),
        networks: reader.networks()?,
        billing_required: reader.flag("billing_required")?,
        fee: USUAL_FEE,
        floor: reader.money("floor", &asset)?.unwrap_or(USUAL_FLOOR),
        validity: reader.duration("validity")?.unwrap_or(USUAL_VALIDITY),
        asset,
    })
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

    fn knows(&self) -> Result<(), String> {
        match self.table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            Some(unknown) => Err(format!("[{}] has no key \"{unknown}\"; its keys are {}", self.at, KEYS.join(", "))),
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

    fn flag(&self, key: &str) -> Result<bool, String> {
        let flag = |value: &Value| value.as_bool().ok_or_else(|| self.wrong(key, "is true or false"));
        self.table.get(key).map_or(Ok(false), flag)
    }

    fn networks(&self) -> Result<Vec<Network>, String> {
        let key = "networks";
        let wrong = || self.wrong(key, "is a list of visa, mastercard, amex and discover, such as [\"visa\"]");
        let Some(value) = self.table.get(key) else { return Ok(vec![Network::Visa, Network::Mastercard]) };
        let list = value.as_array().filter(|list| !list.is_empty()).ok_or_else(wrong)?;
        let read = |each: &Value| each.as_str().and_then(|word| word.parse().ok()).ok_or_else(wrong);
        let mut networks = list.iter().map(read).collect::<Result<Vec<Network>, _>>()?;
        networks.sort_unstable();
        networks.dedup();
        Ok(networks)
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
}
